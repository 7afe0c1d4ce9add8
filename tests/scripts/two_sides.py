"""What the scripts beside this one share: a running `tandem serve`, its API, and a view of both sides of a calendar.

Nothing here knows how Tandem works inside: it speaks to the server as an application would, and to the provider as a
calendar client would.
"""

import contextlib
import dataclasses
import datetime
import json
import pathlib
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

from setting import ROOT

TENANT, CALENDAR = "acme", "work"
# Bound on every wait, in seconds.
PATIENCE = 30


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def call(method, url, body=None, headers=None, form=None):
    """One request, with JSON or a form: status and parsed body. Nothing is raised for a status."""
    data = None if body is None else json.dumps(body).encode()
    if form is not None:
        data = urllib.parse.urlencode(form).encode()
    request = urllib.request.Request(url, data=data, method=method, headers=dict(headers or {}))
    # Without a type of its own a body gets the one of forms.
    if body is not None and not request.has_header("Content-type"):
        request.add_header("Content-Type", "application/json")
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            text = answer.read()
            return answer.status, json.loads(text) if text else None
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode(errors="replace")


def until(what, check):
    """Waits until `check` gives something true; its last word is shown when that never comes."""
    end = time.monotonic() + PATIENCE
    while True:
        found = check()
        if found:
            print(f"ok  {what}", flush=True)
            return found
        if time.monotonic() > end:
            raise SystemExit(f"never came true: {what}")
        time.sleep(0.1)


@dataclasses.dataclass
class Account:
    """An account at a provider as the settings name it: keys of the provider's section, and of the connection."""

    provider: str
    calendar: str
    section: dict
    grant: dict


def lines(keys):
    """A TOML table of texts."""
    return "\n".join(f"{key} = {json.dumps(value)}" for key, value in keys.items())


class Tandem:
    """A server with one two-way replica of a provider's calendar."""

    def __init__(self, program, directory, account, public_url=None, port=None):
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.api = f"{self.url}/v1/tenants/{TENANT}"
        self.events_url = f"{self.api}/calendars/{CALENDAR}/events"
        self.replica_url = f"{self.api}/replicas/work-{account.provider}"
        settings = pathlib.Path(directory) / "tandem.toml"
        settings.write_text(f"""
[server]
listen = "127.0.0.1:{self.port}"
public_url = "{public_url or self.url}"
[store]
path = "tandem.db"
[sync]
# Long: what is seen below was pushed.
poll_interval_s = 600
safety_poll_interval_s = 3600
[{account.provider}]
{lines(account.section)}
[log]
level = "warn"
[[connections]]
tenant = "{TENANT}"
id = "ada"
provider = "{account.provider}"
{lines(account.grant)}
[[calendars]]
tenant = "{TENANT}"
id = "{CALENDAR}"
name = "Work"
time_zone = "Europe/Berlin"
[[calendars.replicas]]
id = "work-{account.provider}"
connection = "ada"
remote_calendar = "{account.calendar}"
mode = "two-way"
""")
        command = [program] if program else ["cargo", "run", "--quiet", "-p", "tandem-host", "--"]
        self.process = subprocess.Popen(command + ["serve", "--config", str(settings)], cwd=directory if program else ROOT)

    def wait(self):
        """Until the first sync is done."""

        def healthy():
            if self.process.poll() is not None:
                raise SystemExit("tandem serve ended")
            with contextlib.suppress(OSError):
                status, replica = call("GET", self.replica_url)
                return status == 200 and replica["health"] == "healthy"
            return False

        until("the replica is healthy", healthy)

    def stop(self):
        self.process.terminate()
        self.process.wait(PATIENCE)

    def replica(self):
        return call("GET", self.replica_url)[1]

    def sync(self):
        """Asks for a look at the provider now."""
        status, answer = call("POST", f"{self.replica_url}/sync")
        assert status == 202, (status, answer)

    def create(self, **event):
        status, made = call("POST", self.events_url, event)
        assert status == 201, (status, made)
        return made["uid"]

    def change(self, uid, **patch):
        url = f"{self.events_url}/{urllib.request.quote(uid, safe='')}"
        status, answer = call("PATCH", url, patch, {"Content-Type": "application/merge-patch+json"})
        assert status == 200, (status, answer)

    def delete(self, uid):
        status, answer = call("DELETE", f"{self.events_url}/{urllib.request.quote(uid, safe='')}")
        assert status == 200, (status, answer)

    def uid_of(self, title):
        return next(e["uid"] for e in self.listing() if e["event"].get("title") == title)

    def listing(self):
        status, page = call("GET", f"{self.events_url}?limit=1000")
        assert status == 200 and page["next"] is None, (status, page)
        return page["items"]

    def view(self):
        """(title, start, length in ms) of every event, sorted: a duplicate stays visible."""
        return sorted(
            (e["event"].get("title", ""), e["startMs"], e["endMs"] - e["startMs"])
            for e in self.listing()
            if not e["recurring"] and not e["event"].get("showWithoutTime")
        )

    def webhooks(self):
        """How many notifications were accepted so far, the handshake of a new channel included."""
        verdicts = call("GET", f"{self.url}/healthz")[1]["counters"]["webhooks"]
        return sum(verdicts.get(name, 0) for name in ("handshake", "changed"))

    def failures(self):
        return call("GET", f"{self.api}/failures")[1]["items"]


def moment(text):
    """The milliseconds of an RFC 3339 time."""
    return int(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)


def google_view(items):
    """The same of rows of `events.list`."""
    live = [
        item
        for item in items
        if item.get("status") != "cancelled" and "recurrence" not in item and "recurringEventId" not in item
    ]
    timed = [item for item in live if "dateTime" in item["start"]]
    starts = [(item, moment(item["start"]["dateTime"]), moment(item["end"]["dateTime"])) for item in timed]
    return sorted((item.get("summary", ""), start, end - start) for item, start, end in starts)


def agree(what, tandem, remote):
    """Waits until both sides (`remote` gives the provider's view) show the same, with nothing twice; shows the difference when they never do."""
    last = {}

    def same():
        last["local"], last["remote"] = tandem.view(), remote()
        return last["local"] == last["remote"]

    try:
        until(f"both sides agree after {what}", same)
    except SystemExit:
        local, remote = set(last["local"]), set(last["remote"])
        print("only local: ", sorted(local - remote), "only remote: ", sorted(remote - local))
        raise
    titles = [title for title, _, _ in last["local"]]
    twice = {title for title in titles if titles.count(title) > 1 and title.startswith("*")}
    if twice:
        raise SystemExit(f"more than once: {twice}")
