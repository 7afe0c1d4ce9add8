"""Where the scripts beside this one run: a virtual environment of their own, and a simulated provider."""

import os
import pathlib
import subprocess
import tempfile
import venv

ROOT = pathlib.Path(__file__).resolve().parents[2]


def enter_environment(script, given, installs, programs, others=()):
    """Runs a script again inside a virtual environment: the one at `given`, else a temporary one.

    `installs` are lists of arguments of `pip install`, in their order; `programs` are pairs of an option of the script
    and the path of a program, passed on where there is one; `others` are arguments to pass on as they are.
    """
    with tempfile.TemporaryDirectory() as temporary:
        place = pathlib.Path(given or temporary)
        python = place / ("Scripts" if os.name == "nt" else "bin") / "python"
        if not python.exists():
            venv.create(place, with_pip=True)
        for packages in installs:
            pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            subprocess.run(pip + packages, check=True)
        command = [str(python), script, "--inside", *others]
        for option, path in programs:
            if path:
                command += [option, str(pathlib.Path(path).resolve())]
        return subprocess.run(command, check=False).returncode


def start_simulator(path, events, token, account, name="google-sim"):
    """The simulator at `path`, else the one of that name built by cargo: its process and its base URL."""
    program = [path] if path else ["cargo", "run", "--quiet", "-p", "tandem-providers", "--bin", name, "--"]
    options = ["--events", str(events), "--token", token, "--account", account, "--allow-http-webhooks"]
    process = subprocess.Popen(program + options, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    base = process.stdout.readline().strip()
    if not base.startswith("http://"):
        raise SystemExit("the simulator did not start")
    return process, base
