#!/usr/bin/env python3
"""`tandem serve` keeps a calendar the same, both ways and with push, with the Google and then with the Microsoft of the
`minutehand` package: simulators that nobody of this project wrote.

Makes a virtual environment (in a temporary directory unless --venv is given), installs minutehand there and runs its
providers on loopback. A watch needs an HTTPS address (no certificate is checked), so a small TLS listener with a
certificate of its own (made by `openssl`) stands in front of the server. Ends with 1 at the first difference.

Needs Python 3.12 or later, and `openssl`.
"""

import argparse
import asyncio
import pathlib
import ssl
import subprocess
import sys
import tempfile
import threading

from minutehand_google import Google
from minutehand_microsoft import Microsoft
from minutehand_world import make_room
from setting import enter_environment
from two_sides import Tandem, agree, free_port, moment, until

MINUTEHAND = "minutehand==0.3.9"
# What these two need. The package asks for much more (proxies, clouds, models), which takes many minutes.
NEEDED = ["asgiref", "cryptography", "flask", "httpx", "jsonschema", "protobuf", "pydantic", "python-dateutil", "pyyaml",
          "starlette", "uvicorn", "wsproto", "zstandard"]  # fmt: skip
SIDES = {"google": Google, "microsoft": Microsoft}


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--venv", help="virtual environment to use or to make")
    parser.add_argument("--tandem", help="path of the tandem program; run with cargo if not given")
    parser.add_argument("--provider", action="append", choices=SIDES, help="only this one; both if not given")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def enter(arguments):
    """Runs this script again inside the virtual environment."""
    if sys.version_info < (3, 12):
        raise SystemExit("minutehand needs Python 3.12 or later: run this script with one")
    installs = [NEEDED, ["--no-deps", MINUTEHAND]]
    chosen = [argument for name in arguments.provider or [] for argument in ("--provider", name)]
    return enter_environment(__file__, arguments.venv, installs, [("--tandem", arguments.tandem)], chosen)


def start_tls(directory, inner_port):
    """HTTPS in front of a port. Gives the outer port."""
    key, certificate = pathlib.Path(directory) / "key.pem", pathlib.Path(directory) / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=127.0.0.1"]
    subprocess.run(command + ["-keyout", key, "-out", certificate], check=True, capture_output=True)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)

    async def copy(reader, writer):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()

    async def connect(reader, writer):
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", inner_port)
        await asyncio.gather(copy(reader, inner_writer), copy(inner_reader, writer), return_exceptions=True)

    async def serve(outer_port):
        server = await asyncio.start_server(connect, "127.0.0.1", outer_port, ssl=context)
        await server.serve_forever()

    outer_port = free_port()
    threading.Thread(target=lambda: asyncio.run(serve(outer_port)), daemon=True).start()
    return outer_port


def story(tandem, side, push):
    local = dict(timeZone="Europe/Berlin", duration="PT1H")
    agree("the first sync", tandem, side.view)
    if push:
        until("there is a channel", push)

    ids = {n: side.insert(f"*remote {n}", f"2027-03-0{n}T09:00:00", f"2027-03-0{n}T10:30:00") for n in range(1, 7)}
    agree("six events at the provider", tandem, side.view)
    uids = {n: tandem.create(title=f"*local {n}", start=f"2027-03-1{n}T14:00:00", **local) for n in range(1, 7)}
    agree("six events of the application", tandem, side.view)

    side.rename(ids[1], "*remote 1, renamed")
    side.move(side.id_of("*local 2"), "2027-04-01T11:00:00", "2027-04-01T12:00:00", "America/New_York")
    side.delete(ids[3])
    side.delete(side.id_of("*local 3"))
    agree("changes and deletions at the provider", tandem, side.view)

    tandem.change(uids[1], title="*local 1, renamed")
    tandem.change(tandem.uid_of("*remote 2"), start="2027-04-02T08:15:00", duration="PT45M")
    tandem.delete(uids[4])
    tandem.delete(tandem.uid_of("*remote 4"))
    agree("changes and deletions of the application", tandem, side.view)

    # Both sides change another property of the same event: both changes stand.
    uid = tandem.uid_of("*remote 5")
    side.rename(ids[5], "*remote 5, renamed")
    tandem.change(uid, start="2027-05-05T05:00:00", timeZone="Europe/Berlin")
    agree("a change on each side", tandem, side.view)
    both = ("*remote 5, renamed", moment("2027-05-05T05:00:00+02:00"))
    assert both in [(title, start) for title, start, _ in side.view()], side.view()

    before = side.versions()
    tandem.sync()
    until("the last look is done", lambda: tandem.replica()["served"] >= tandem.replica()["wanted"])
    assert before == side.versions(), "something was written although nobody changed anything"
    print("ok  nothing is written when nobody changes anything")
    assert tandem.failures() == [], tandem.failures()
    titles = sorted(title for title, _, _ in tandem.view())
    wanted = ["*local 1, renamed", "*local 2", "*local 5", "*local 6", "*remote 1, renamed", "*remote 2",
              "*remote 5, renamed", "*remote 6"]  # fmt: skip
    assert titles == wanted, titles
    print("ok  what is left is what was meant")


def run(program, open_side):
    with tempfile.TemporaryDirectory() as directory:
        side = open_side(directory)
        port = free_port()
        public_url = f"https://127.0.0.1:{start_tls(directory, port)}"
        print(f"--  {side.account.provider}", flush=True)
        tandem = Tandem(program, directory, side.account, public_url, port)
        try:
            tandem.wait()
            story(tandem, side, lambda: tandem.webhooks() > 0)
        finally:
            tandem.stop()
            for note in side.notes():
                print(f"    {note}", flush=True)


def main():
    arguments = parse_arguments()
    if not arguments.inside:
        return enter(arguments)
    make_room()
    for name in arguments.provider or SIDES:
        run(arguments.tandem, SIDES[name])
    return 0


if __name__ == "__main__":
    sys.exit(main())
