#!/usr/bin/env python3
"""`tandem serve` keeps a calendar the same, both ways and with push, with the Google of the `minutehand` package: a
simulated Google that nobody of this project wrote.

Makes a virtual environment (in a temporary directory unless --venv is given), installs minutehand there and runs its
Google on loopback. Its watch accepts only HTTPS addresses (and no certificate is checked), so a small TLS listener with
a certificate of its own (made by `openssl`) stands in front of the server. Ends with 1 at the first difference.

Needs Python 3.12 or later, and `openssl`.
"""

import argparse
import asyncio
import datetime
import pathlib
import ssl
import subprocess
import sys
import tempfile
import threading

from setting import enter_environment
from two_sides import Tandem, agree, call, free_port, until

MINUTEHAND = "minutehand==0.3.9"
# What its Google needs. The package asks for much more (proxies, clouds, models), which takes many minutes.
NEEDED = ["asgiref", "flask", "httpx", "jsonschema", "protobuf", "pydantic", "python-dateutil", "pyyaml", "starlette",
          "uvicorn", "wsproto", "zstandard"]  # fmt: skip
ACCOUNT = "ada@example.com"
TOKEN = "any-token-is-ada"


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--venv", help="virtual environment to use or to make")
    parser.add_argument("--tandem", help="path of the tandem program; run with cargo if not given")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def enter(arguments):
    """Runs this script again inside the virtual environment."""
    if sys.version_info < (3, 12):
        raise SystemExit("minutehand needs Python 3.12 or later: run this script with one")
    installs = [NEEDED, ["--no-deps", MINUTEHAND]]
    return enter_environment(__file__, arguments.venv, installs, [("--tandem", arguments.tandem)])


class RealTime:
    """minutehand's world lives in simulated time; ours in this one."""

    def now(self):
        return datetime.datetime.now(datetime.UTC)

    def wake(self):
        return 0


def start_google(directory):
    """minutehand's Google with one person, served by uvicorn in a thread. Gives its base URL."""
    # This file has the package's name: out of the way with it.
    sys.path.remove(str(pathlib.Path(__file__).resolve().parent))
    import uvicorn
    from minutehand.adapters.providers.google_workspace.provider import GoogleWorkspaceProvider
    from minutehand.adapters.store.sqlite import SqliteStore
    from minutehand.domain.scenario import Person, Scenario

    clock = RealTime()
    ada = Person(key="ada", name="Ada", email=ACCOUNT)
    scenario = Scenario(name="tandem", people=[ada], owner="ada", starts_at=clock.now())
    store = SqliteStore(pathlib.Path(directory) / "world.db", "run", clock)
    provider = GoogleWorkspaceProvider()
    provider.seed(scenario, store)
    port = free_port()
    options = uvicorn.Config(provider.app(store, clock), port=port, log_level="warning", lifespan="off")
    threading.Thread(target=uvicorn.Server(options).run, daemon=True).start()
    return f"http://127.0.0.1:{port}/calendar/v3"


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


class Google:
    """Google's API with plain requests."""

    def __init__(self, base):
        self.events = f"{base}/calendars/{ACCOUNT}/events"
        self.headers = {"Authorization": f"Bearer {TOKEN}"}

    def ask(self, method, path="", body=None, **headers):
        return call(method, self.events + path, body, {**self.headers, **headers})

    def rows(self):
        status, page = self.ask("GET", "?maxResults=2500&singleEvents=false")
        assert status == 200 and "nextPageToken" not in page, (status, page)
        return page["items"]

    def insert(self, title, start, end, zone="Europe/Berlin"):
        times = {name: {"dateTime": at, "timeZone": zone} for name, at in (("start", start), ("end", end))}
        status, event = self.ask("POST", "", {"summary": title, **times})
        assert status == 200, (status, event)
        return event["id"]

    def id_of(self, title):
        return next(row["id"] for row in self.rows() if row.get("summary") == title)


def story(tandem, google, push):
    local = dict(timeZone="Europe/Berlin", duration="PT1H")
    agree("the first sync", tandem, google.rows)
    if push:
        until("there is a channel", push)

    ids = {n: google.insert(f"*remote {n}", f"2027-03-0{n}T09:00:00", f"2027-03-0{n}T10:30:00") for n in range(1, 7)}
    agree("six events at Google", tandem, google.rows)
    uids = {n: tandem.create(title=f"*local {n}", start=f"2027-03-1{n}T14:00:00", **local) for n in range(1, 7)}
    agree("six events of the application", tandem, google.rows)

    assert google.ask("PATCH", f"/{ids[1]}", {"summary": "*remote 1, renamed"})[0] == 200
    moved = {"dateTime": "2027-04-01T11:00:00", "timeZone": "America/New_York"}
    later = {"dateTime": "2027-04-01T12:00:00", "timeZone": "America/New_York"}
    assert google.ask("PATCH", f"/{google.id_of('*local 2')}", {"start": moved, "end": later})[0] == 200
    assert google.ask("DELETE", f"/{ids[3]}")[0] == 204
    assert google.ask("DELETE", f"/{google.id_of('*local 3')}")[0] == 204
    agree("changes and deletions at Google", tandem, google.rows)

    tandem.change(uids[1], title="*local 1, renamed")
    tandem.change(tandem.uid_of("*remote 2"), start="2027-04-02T08:15:00", duration="PT45M")
    tandem.delete(uids[4])
    tandem.delete(tandem.uid_of("*remote 4"))
    agree("changes and deletions of the application", tandem, google.rows)

    # Both sides change another property of the same event: both changes stand.
    uid = tandem.uid_of("*remote 5")
    assert google.ask("PATCH", f"/{ids[5]}", {"summary": "*remote 5, renamed"})[0] == 200
    tandem.change(uid, start="2027-05-05T05:00:00")
    agree("a change on each side", tandem, google.rows)
    row = next(row for row in google.rows() if row["id"] == ids[5])
    assert row["summary"] == "*remote 5, renamed" and "2027-05-05T05:00" in row["start"]["dateTime"], row

    before = sorted((row["id"], row["etag"]) for row in google.rows())
    call("POST", f"{tandem.api}/replicas/work-google/sync")
    until("the last look is done", lambda: tandem.replica()["served"] >= tandem.replica()["wanted"])
    after = sorted((row["id"], row["etag"]) for row in google.rows())
    assert before == after, "something was written although nobody changed anything"
    print("ok  nothing is written when nobody changes anything")
    assert tandem.failures() == [], tandem.failures()
    titles = sorted(title for title, _, _ in tandem.view())
    wanted = ["*local 1, renamed", "*local 2", "*local 5", "*local 6", "*remote 1, renamed", "*remote 2",
              "*remote 5, renamed", "*remote 6"]  # fmt: skip
    assert titles == wanted, titles
    print("ok  what is left is what was meant")


def main():
    arguments = parse_arguments()
    if not arguments.inside:
        return enter(arguments)
    with tempfile.TemporaryDirectory() as directory:
        base = start_google(directory)
        google = Google(base)
        port = free_port()
        outer_port = start_tls(directory, port)
        public_url = f"https://127.0.0.1:{outer_port}"
        tandem = Tandem(arguments.tandem, directory, base, ACCOUNT, TOKEN, public_url, port)
        try:
            tandem.wait()
            story(tandem, google, lambda: tandem.webhooks() > 0)
        finally:
            tandem.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
