"""minutehand's Google, and one calendar of it seen with plain requests."""

from minutehand_world import ACCOUNT, open_world, serve
from two_sides import Account, call, free_port, google_view

TOKEN = "any-token-is-ada"


class Google:
    """Google's API."""

    def __init__(self, directory):
        from minutehand.adapters.providers.google_workspace.provider import GoogleWorkspaceProvider

        provider = GoogleWorkspaceProvider()
        store, clock = open_world(directory, provider)
        port = free_port()
        serve(provider.app(store, clock), port)
        base = f"http://127.0.0.1:{port}/calendar/v3"
        self.events = f"{base}/calendars/{ACCOUNT}/events"
        self.account = Account("google", ACCOUNT, {"base_url": base}, {"access_token": TOKEN})

    def ask(self, expected, method, path="", body=None):
        status, answer = call(method, self.events + path, body, {"Authorization": f"Bearer {TOKEN}"})
        assert status == expected, (method, path, status, answer)
        return answer

    def rows(self):
        page = self.ask(200, "GET", "?maxResults=2500&singleEvents=false")
        assert "nextPageToken" not in page
        return page["items"]

    def times(self, start, end, zone):
        return {name: {"dateTime": at, "timeZone": zone} for name, at in (("start", start), ("end", end))}

    def insert(self, title, start, end, zone="Europe/Berlin"):
        return self.ask(200, "POST", "", {"summary": title, **self.times(start, end, zone)})["id"]

    def rename(self, event, title):
        self.ask(200, "PATCH", f"/{event}", {"summary": title})

    def move(self, event, start, end, zone):
        self.ask(200, "PATCH", f"/{event}", self.times(start, end, zone))

    def delete(self, event):
        self.ask(204, "DELETE", f"/{event}")

    def id_of(self, title):
        return next(row["id"] for row in self.rows() if row.get("summary") == title)

    def view(self):
        return google_view(self.rows())

    def versions(self):
        return sorted((row["id"], row["etag"]) for row in self.rows())

    def notes(self):
        """What of Tandem's requests minutehand was not shown: nothing."""
        return []
