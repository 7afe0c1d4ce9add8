#!/usr/bin/env python3
"""Google's own Python client edits a calendar at the simulated Google while `tandem serve` keeps it the same, both ways
and with push, with the application's calendar.

Makes a virtual environment (in a temporary directory unless --venv is given), installs google-api-python-client there,
starts google-sim and tandem serve (both built by cargo unless given). Ends with 1 at the first difference.
"""

import argparse
import sys
import tempfile

from setting import enter_environment, start_simulator
from two_sides import Account, Tandem, agree, call, google_view, until

PACKAGE = "google-api-python-client"
ACCOUNT = "ada@example.com"
TOKEN = "python-client-token"
EVENTS = 300


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--venv", help="virtual environment to use or to make")
    parser.add_argument("--sim", help="path of the google-sim program; run with cargo if not given")
    parser.add_argument("--tandem", help="path of the tandem program; run with cargo if not given")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


class Google:
    """The calendar, through Google's client."""

    def __init__(self, base):
        from google.oauth2.credentials import Credentials
        from googleapiclient.discovery import build

        service = build(
            "calendar",
            "v3",
            credentials=Credentials(TOKEN),
            client_options={"api_endpoint": base + "/calendar/v3/"},
            static_discovery=True,
        )
        self.events = service.events()

    def rows(self):
        rows, request = [], self.events.list(calendarId="primary", maxResults=2500)
        while request is not None:
            page = request.execute()
            rows += page["items"]
            request = self.events.list_next(request, page)
        return rows

    def insert(self, title, start, end, **more):
        times = {name: {"dateTime": at, "timeZone": "Europe/Berlin"} for name, at in (("start", start), ("end", end))}
        return self.events.insert(calendarId="primary", body={"summary": title, **times, **more}).execute()["id"]

    def patch(self, event, **body):
        return self.events.patch(calendarId="primary", eventId=event, body=body).execute()

    def delete(self, event):
        self.events.delete(calendarId="primary", eventId=event).execute()

    def view(self):
        return google_view(self.rows())

    def row(self, title):
        return next(row for row in self.rows() if row.get("summary") == title)


def story(tandem, google):
    agree(f"the first sync of {EVENTS} events", tandem, google.view)
    until("there is a channel", lambda: tandem.webhooks() > 0)
    local = dict(timeZone="Europe/Berlin", duration="PT1H")

    ids = {n: google.insert(f"*remote {n}", f"2027-03-0{n}T09:00:00", f"2027-03-0{n}T10:30:00") for n in range(1, 7)}
    agree("six events by Google's client", tandem, google.view)
    uids = {n: tandem.create(title=f"*local {n}", start=f"2027-03-1{n}T14:00:00", **local) for n in range(1, 7)}
    agree("six events of the application", tandem, google.view)

    google.patch(ids[1], summary="*remote 1, renamed", location="Room 7")
    full = google.row("*local 2")
    full["description"] = "Written by Google's client"
    google.events.update(calendarId="primary", eventId=full["id"], body=full).execute()
    google.delete(ids[3])
    google.delete(google.row("*local 3")["id"])
    agree("changes and deletions by Google's client", tandem, google.view)

    described = lambda: any(e["event"].get("description") == "Written by Google's client" for e in tandem.listing())
    until("a description arrived", described)
    tandem.change(uids[1], title="*local 1, renamed")
    tandem.change(tandem.uid_of("*remote 2"), start="2027-04-02T08:15:00", duration="PT45M")
    tandem.delete(uids[4])
    tandem.delete(tandem.uid_of("*remote 4"))
    agree("changes and deletions of the application", tandem, google.view)

    weekly = google.insert("*weekly", "2027-06-07T09:00:00", "2027-06-07T10:00:00", recurrence=["RRULE:FREQ=WEEKLY;COUNT=5"])
    series = lambda: [e for e in tandem.listing() if e["event"].get("title") == "*weekly"]
    until("a series arrived", series)
    instances = google.events.instances(calendarId="primary", eventId=weekly).execute()["items"]
    google.patch(instances[1]["id"], summary="*once")
    google.delete(instances[2]["id"])
    overrides = lambda: (series()[0]["event"].get("recurrenceOverrides") or {}) if series() else {}
    until("a changed and a cancelled occurrence arrived", lambda: overrides() == {
        "2027-06-14T09:00:00": {"title": "*once"}, "2027-06-21T09:00:00": {"excluded": True}})  # fmt: skip
    uid = series()[0]["uid"]
    url = f"{tandem.events_url}/{uid}?scope=this&recurrence-id=2027-06-28T09:00:00"
    status, answer = call("PATCH", url, {"title": "*twice"}, {"Content-Type": "application/merge-patch+json"})
    assert status == 200, (status, answer)
    until("an occurrence changed by the application is at Google", lambda: any(
        row.get("summary") == "*twice" and row.get("recurringEventId") == weekly for row in google.rows()))  # fmt: skip

    idle = lambda: tandem.replica()["queued"] == 0 and tandem.replica()["served"] >= tandem.replica()["wanted"]
    until("nothing is left to do", idle)
    before = sorted((row["id"], row["etag"]) for row in google.rows())
    tandem.sync()
    until("the last look is done", idle)
    assert before == sorted((row["id"], row["etag"]) for row in google.rows()), "something was written without a change"
    print("ok  nothing is written when nobody changes anything")
    assert tandem.failures() == [], tandem.failures()


def main():
    arguments = parse_arguments()
    if not arguments.inside:
        programs = [("--sim", arguments.sim), ("--tandem", arguments.tandem)]
        return enter_environment(__file__, arguments.venv, [[PACKAGE]], programs)
    simulator, base = start_simulator(arguments.sim, EVENTS, TOKEN, ACCOUNT)
    account = Account("google", ACCOUNT, {"base_url": base + "/calendar/v3"}, {"access_token": TOKEN})
    with tempfile.TemporaryDirectory() as directory:
        tandem = None
        try:
            tandem = Tandem(arguments.tandem, directory, account)
            tandem.wait()
            story(tandem, Google(base))
        finally:
            if tandem:
                tandem.stop()
            simulator.terminate()
    return 0


if __name__ == "__main__":
    sys.exit(main())
