#!/usr/bin/env python3
"""Points Google's own Python client at the simulated Google and checks that they get along.

Makes a virtual environment (in a temporary directory unless --venv is given), installs google-api-python-client there,
starts google-sim (built by cargo unless --sim is given) and goes through what a calendar client does. The API is the
static discovery document inside the package, so nothing but the package index is asked. Ends with 1 at the first
difference.
"""

import argparse
import http.server
import queue
import sys
import threading

from setting import enter_environment, start_simulator

PACKAGE = "google-api-python-client"
TOKEN = "python-client-token"
ACCOUNT = "ada@example.com"
EVENTS = 120


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--venv", help="virtual environment to use or to make")
    parser.add_argument("--sim", help="path of the google-sim program; built with cargo if not given")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def same(what, got, wanted):
    if got != wanted:
        raise AssertionError(f"{what}: got {got!r}, wanted {wanted!r}")
    print(f"ok  {what}")


class Webhook:
    """A tiny listener that keeps what is posted to it."""

    def __init__(self):
        self.seen = queue.Queue()
        seen = self.seen

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                seen.put(self.headers)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}/hook"


class Story:
    def __init__(self, base):
        from google.oauth2.credentials import Credentials
        from googleapiclient.discovery import build

        self.service = build(
            "calendar",
            "v3",
            credentials=Credentials(TOKEN),
            client_options={"api_endpoint": base + "/calendar/v3/"},
            static_discovery=True,
        )
        self.events = self.service.events()

    def refused(self, what, request, status, reason):
        """Checks that Google's client reports this refusal."""
        from googleapiclient.errors import HttpError

        try:
            request.execute()
        except HttpError as error:
            details = error.error_details
            found = details[0]["reason"] if isinstance(details, list) and details else details
            same(what, (error.resp.status, found), (status, reason))
        else:
            raise AssertionError(f"{what}: was accepted")

    def listing(self, **query):
        items, pages = [], 0
        request = self.events.list(calendarId="primary", **query)
        while request is not None:
            page = request.execute()
            items += page["items"]
            pages += 1
            request = self.events.list_next(request, page)
        return items, pages, page["nextSyncToken"]

    def calendars(self):
        entries = self.service.calendarList().list().execute()["items"]
        same("the calendar list has the primary calendar", [e["id"] for e in entries if e.get("primary")], [ACCOUNT])
        same("primary is an alias", self.service.calendars().get(calendarId="primary").execute()["id"], ACCOUNT)

    def full_sync(self):
        items, pages, token = self.listing(maxResults=50)
        masters = [item for item in items if "recurringEventId" not in item]
        same("a full sync in pages gives every event", len(masters), EVENTS)
        same("it takes more than one page", pages > 2, True)
        same("ids are unique", len({item["id"] for item in items}), len(items))
        same("the next sync is empty", self.listing(syncToken=token)[0], [])
        return token

    def edits(self, token):
        zone = "Europe/Berlin"
        body = {
            "id": "abcdef0123456789",
            "summary": "From Python",
            "start": {"dateTime": "2026-05-04T10:00:00", "timeZone": zone},
            "end": {"dateTime": "2026-05-04T11:00:00", "timeZone": zone},
        }
        made = self.events.insert(calendarId="primary", body=body).execute()
        same("insert answers the offset", made["start"]["dateTime"], "2026-05-04T10:00:00+02:00")
        insert = self.events.insert(calendarId="primary", body=body)
        self.refused("inserting the id again is 409", insert, 409, "duplicate")
        patch = {"location": "Room 1", "extendedProperties": {"private": {"one": "1"}}}
        patched = self.events.patch(calendarId="primary", eventId=made["id"], body=patch).execute()
        same("patch keeps the rest", (patched["location"], patched["summary"]), ("Room 1", "From Python"))

        stale = self.events.patch(calendarId="primary", eventId=made["id"], body={"summary": "lost"})
        stale.headers["If-Match"] = made["etag"]
        self.refused("a stale If-Match is 412", stale, 412, "conditionNotMet")
        fresh = self.events.patch(calendarId="primary", eventId=made["id"], body={"summary": "kept"})
        fresh.headers["If-Match"] = patched["etag"]
        same("a fresh If-Match passes", fresh.execute()["summary"], "kept")

        whole = {key: value for key, value in made.items() if key != "location"}
        whole["summary"] = "Replaced"
        updated = self.events.update(calendarId="primary", eventId=made["id"], body=whole).execute()
        same("update clears what is left out", "location" in updated or "extendedProperties" in updated, False)
        changed, _, token = self.listing(syncToken=token)
        same("the delta has one row", [item["id"] for item in changed], [made["id"]])
        self.events.delete(calendarId="primary", eventId=made["id"]).execute()
        again = self.events.delete(calendarId="primary", eventId=made["id"])
        self.refused("deleting twice is 410", again, 410, "deleted")
        changed, _, token = self.listing(syncToken=token)
        same("the delta has a tombstone", [item["status"] for item in changed], ["cancelled"])
        return token

    def series(self, token):
        zone = "America/New_York"
        body = {
            "summary": "Series",
            "start": {"dateTime": "2026-03-06T09:00:00", "timeZone": zone},
            "end": {"dateTime": "2026-03-06T09:30:00", "timeZone": zone},
            "recurrence": ["RRULE:FREQ=DAILY;COUNT=4"],
        }
        master = self.events.insert(calendarId="primary", body=body).execute()["id"]
        instances = self.events.instances(calendarId="primary", eventId=master).execute()["items"]
        wanted = [f"{master}_{day}Z" for day in ("20260306T140000", "20260307T140000", "20260308T130000", "20260309T130000")]
        same("instances follow the clock change", [item["id"] for item in instances], wanted)
        moved = {
            "start": {"dateTime": "2026-03-07T12:00:00", "timeZone": zone},
            "end": {"dateTime": "2026-03-07T12:30:00", "timeZone": zone},
        }
        exception = self.events.patch(calendarId="primary", eventId=wanted[1], body=moved).execute()
        same("an exception keeps its original start", exception["originalStartTime"]["dateTime"], "2026-03-07T09:00:00-05:00")
        self.events.delete(calendarId="primary", eventId=wanted[2]).execute()
        left = self.events.instances(calendarId="primary", eventId=master).execute()["items"]
        same("a deleted instance is gone", sorted(item["id"] for item in left), [wanted[0], wanted[1], wanted[3]])
        changed, _, token = self.listing(syncToken=token)
        bare = [item for item in changed if item["id"] == wanted[2]]
        same("a deleted instance is listed bare", [("summary" in item, item["status"]) for item in bare], [(False, "cancelled")])
        self.events.delete(calendarId="primary", eventId=master).execute()

    def refusals(self, token):
        nothing = self.events.get(calendarId="primary", eventId="unknown00")
        self.refused("an unknown event is 404", nothing, 404, "notFound")
        self.refused(
            "a sync token forbids a window",
            self.events.list(calendarId="primary", syncToken=token, timeMin="2026-01-01T00:00:00Z"),
            400,
            "invalid",
        )
        from google.oauth2.credentials import Credentials
        from google_auth_httplib2 import AuthorizedHttp
        import httplib2

        request = self.events.list(calendarId="primary")
        request.http = AuthorizedHttp(Credentials("wrong"), http=httplib2.Http(), max_refresh_attempts=0)
        self.refused("a wrong access token is 401", request, 401, "authError")

    def push(self):
        hook = Webhook()
        body = {"id": "python-channel", "type": "web_hook", "address": hook.address, "token": "word"}
        channel = self.events.watch(calendarId="primary", body=body).execute()
        first = hook.seen.get(timeout=20)
        same("the channel says sync", (first["X-Goog-Resource-State"], first["X-Goog-Message-Number"]), ("sync", "1"))
        self.refused(
            "a channel id is used once",
            self.events.watch(calendarId="primary", body=body),
            400,
            "channelIdNotUnique",
        )
        day = {"summary": "Push", "start": {"date": "2026-05-04"}, "end": {"date": "2026-05-05"}}
        self.events.insert(calendarId="primary", body=day).execute()
        push = hook.seen.get(timeout=20)
        same("a change says exists", (push["X-Goog-Resource-State"], push["X-Goog-Channel-Token"]), ("exists", "word"))
        stop = {"id": channel["id"], "resourceId": channel["resourceId"]}
        self.service.channels().stop(body=stop).execute()
        self.refused("stopping twice is 404", self.service.channels().stop(body=stop), 404, "notFound")


def run(arguments):
    process, base = start_simulator(arguments.sim, EVENTS, TOKEN, ACCOUNT)
    try:
        story = Story(base)
        story.calendars()
        token = story.full_sync()
        token = story.edits(token)
        story.series(token)
        story.refusals(token)
        story.push()
    except AssertionError as difference:
        print(f"DIFFERENT  {difference}", file=sys.stderr)
        return 1
    finally:
        process.terminate()
        process.wait(timeout=20)
    print("Google's client and the simulator agree.")
    return 0


if __name__ == "__main__":
    given = parse_arguments()
    if not given.inside:
        sys.exit(enter_environment(__file__, given.venv, [[PACKAGE]], [("--sim", given.sim)]))
    sys.exit(run(given))
