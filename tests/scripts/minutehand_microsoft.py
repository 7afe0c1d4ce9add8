"""minutehand's Microsoft, and one calendar of it seen with plain requests.

minutehand tells Microsoft's services apart by host, so a front on loopback stands before it: it gives each path its
host and makes links lead back to itself. minutehand also answers 501 to what it does not model. The front adds, as
Microsoft documents it, what a calendar cannot be kept the same without (`$batch`, `If-Match`, extended properties),
and leaves out what only says more; `notes` lists all of it. Everything else reaches minutehand as Tandem sent it.
"""

import json
import urllib.parse

from minutehand_world import open_world, serve
from two_sides import Account, call, free_port, moment

GRAPH, LOGIN = "https://graph.microsoft.com", "https://login.microsoftonline.com"
# minutehand reads IANA names only; Microsoft both.
ZONES = {"W. Europe Standard Time": "Europe/Berlin", "Eastern Standard Time": "America/New_York"}
SIGN_IN, CLIENT = "the-refresh-token-of-ada", "11111111-2222-3333-4444-555555555555"
PASSED_HEADERS = ("authorization", "content-type")
MARKS = "singleValueExtendedProperties"


class Front:
    """What stands before minutehand, as an ASGI app."""

    def __init__(self, app, base):
        import httpx
        from minutehand.adapters.providers.microsoft.wire import EventRequest

        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(app=app))
        self.base = base
        self.members = set(EventRequest.model_fields)
        # Extended properties by event.
        self.marks = {}
        self.notes = set()
        # (method, path) of what minutehand does not serve.
        self.unserved = set()

    async def __call__(self, scope, receive, send):
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        headers = {name.decode().lower(): value.decode() for name, value in scope["headers"]}
        url = scope["raw_path"].decode() + ("?" + scope["query_string"].decode() if scope["query_string"] else "")
        status, headers, body = await self.answer(scope["method"], url, headers, body)
        listed = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": listed})
        await send({"type": "http.response.body", "body": body})

    async def answer(self, method, url, headers, body):
        path, _, query = url.partition("?")
        if path == "/v1.0/$batch":
            return await self.batch(headers, json.loads(body))
        parameters = urllib.parse.parse_qsl(query)
        if any(name == "$filter" and MARKS in value for name, value in parameters):
            return await self.marked(dict(parameters)["$filter"], path, headers)
        if any(name == "$expand" for name, _ in parameters):
            self.notes.add("$expand of exceptionOccurrences is left out")
            query = urllib.parse.urlencode([pair for pair in parameters if pair[0] != "$expand"])
        if "if-match" in headers and await self.changed(path, headers):
            return graph(412, "ErrorIrresolvableConflict")
        body, marks = self.body(method, path, body)
        status, answered, body = await self.forward(method, path, query, headers, body)
        if "/events" in path and status in (200, 201) and body.startswith(b"{"):
            body = self.with_marks(json.loads(body), marks)
        return status, answered, body

    async def forward(self, method, path, query, headers, body):
        """To minutehand and back, without what it would refuse in a header."""
        from minutehand.domain.errors import NotServed

        passed = {name: headers[name] for name in PASSED_HEADERS if name in headers}
        wishes = [wish.strip() for wish in headers.get("prefer", "").split(",") if wish.strip()]
        if served := [wish for wish in wishes if not wish.lower().startswith("idtype")]:
            passed["prefer"] = ", ".join(served)
        if len(served) < len(wishes):
            self.notes.add('Prefer: IdType="ImmutableId" is left out (its ids never change)')
        host = GRAPH if path.startswith("/v1.0/") else LOGIN
        url = host + path + (f"?{query}" if query else "")
        try:
            answer = await self.client.request(method, url, content=body, headers=passed)
        except NotServed as reason:
            self.unserved.add((method, path.split("/")[-1], str(reason)))
            return graph(501, "NotImplemented")
        text = answer.text.replace(f"{GRAPH}/v1.0", self.base)
        kept = {name: answer.headers[name] for name in ("content-type", "retry-after") if name in answer.headers}
        return answer.status_code, kept, text.encode()

    async def batch(self, headers, asked):
        """`$batch`: each request on its own, in the given order."""
        self.notes.add("$batch is taken apart by the front")
        answers = []
        for request in asked["requests"]:
            inner = {name.lower(): value for name, value in request.get("headers", {}).items()}
            inner.setdefault("authorization", headers.get("authorization", ""))
            body = json.dumps(request["body"]).encode() if "body" in request else b""
            path = "/v1.0" + request["url"]
            status, answered, body = await self.answer(request["method"], path, inner, body)
            row = {"id": request["id"], "status": status, "headers": answered}
            answers.append({**row, "body": json.loads(body)} if body else row)
        return graph(200, body={"responses": answers})

    async def changed(self, path, headers):
        """Whether the event at `path` is another one than `If-Match` says."""
        self.notes.add("If-Match is checked by the front")
        plain = {name: value for name, value in headers.items() if name not in ("if-match", "content-type", "prefer")}
        status, _, body = await self.forward("GET", path, "", plain, b"")
        return status == 200 and json.loads(body)["@odata.etag"] != headers["if-match"]

    async def marked(self, wanted, path, headers):
        """Events with an extended property, by its value."""
        found = []
        for event, marks in list(self.marks.items()):
            if any(f"'{mark['value']}'" in wanted for mark in marks):
                status, _, body = await self.answer("GET", f"{path}/{event}", headers, b"")
                found += [json.loads(body)] if status == 200 else []
        return graph(200, body={"value": found})

    def body(self, method, path, body):
        """An event as minutehand takes it, and its extended properties."""
        if method not in ("POST", "PATCH") or "/events" not in path:
            return body, None
        event = json.loads(body)
        marks = event.pop(MARKS, None)
        if marks:
            self.notes.add("extended properties are kept by the front")
        for name in [name for name in event if name not in self.members]:
            self.notes.add(f"the member {name} of an event is left out")
            del event[name]
        for name in ("start", "end"):
            if name in event and event[name].get("timeZone") in ZONES:
                self.notes.add("Windows names of zones are written as IANA names")
                event[name]["timeZone"] = ZONES[event[name]["timeZone"]]
        return json.dumps(event).encode(), marks

    def with_marks(self, answer, marks):
        if marks and "id" in answer:
            self.marks[answer["id"]] = marks
        for event in answer.get("value", [answer]):
            if event.get("id") in self.marks:
                event[MARKS] = self.marks[event["id"]]
        return json.dumps(answer).encode()


def graph(status, code=None, body=None):
    body = {"error": {"code": code, "message": "said by the front"}} if code else body
    return status, {"content-type": "application/json"}, json.dumps(body).encode()


class Microsoft:
    """Microsoft Graph, with a token of its own from the sign-in that Tandem also uses."""

    def __init__(self, directory):
        from minutehand.adapters.providers.microsoft.provider import MicrosoftProvider

        provider = MicrosoftProvider()
        store, clock = open_world(directory, provider, [SIGN_IN])
        port = free_port()
        origin = f"http://127.0.0.1:{port}"
        self.base = f"{origin}/v1.0"
        self.front = Front(provider.app(store, clock), self.base)
        serve(self.front, port)
        self.token_url = f"{origin}/common/oauth2/v2.0/token"
        section = {"base_url": self.base, "token_url": self.token_url, "client_id": CLIENT}
        self.account = Account("microsoft", "primary", section, {"refresh_token": SIGN_IN})
        self.token = None

    def sign_in(self):
        form = {"grant_type": "refresh_token", "refresh_token": SIGN_IN, "client_id": CLIENT}
        form["scope"] = "offline_access Calendars.ReadWrite User.Read openid profile"
        status, granted = call("POST", self.token_url, form=form)
        assert status == 200 and granted["refresh_token"] != SIGN_IN, (status, granted)
        return granted["access_token"]

    def ask(self, expected, method, path, body=None):
        self.token = self.token or self.sign_in()
        status, answer = call(method, f"{self.base}/me/{path}", body, {"Authorization": f"Bearer {self.token}"})
        assert status == expected, (method, path, status, answer)
        return answer

    def rows(self):
        page = self.ask(200, "GET", "events?$top=1000")
        assert "@odata.nextLink" not in page
        return page["value"]

    def times(self, start, end, zone):
        return {name: {"dateTime": at, "timeZone": zone} for name, at in (("start", start), ("end", end))}

    def insert(self, title, start, end, zone="Europe/Berlin"):
        return self.ask(201, "POST", "events", {"subject": title, **self.times(start, end, zone)})["id"]

    def rename(self, event, title):
        self.ask(200, "PATCH", f"events/{event}", {"subject": title})

    def move(self, event, start, end, zone):
        self.ask(200, "PATCH", f"events/{event}", self.times(start, end, zone))

    def delete(self, event):
        self.ask(204, "DELETE", f"events/{event}")

    def id_of(self, title):
        return next(row["id"] for row in self.rows() if row["subject"] == title)

    def view(self):
        timed = [row for row in self.rows() if row["type"] == "singleInstance" and not row["isAllDay"]]
        # It answers in UTC, without saying so in the time itself.
        starts = [(row["subject"], *(moment(row[side]["dateTime"][:23] + "Z") for side in ("start", "end"))) for row in timed]
        return sorted((title, start, end - start) for title, start, end in starts)

    def versions(self):
        return sorted((row["id"], row["@odata.etag"]) for row in self.rows())

    def notes(self):
        """What of Tandem's requests minutehand was not shown, and what it does not serve."""
        unserved = [f"not served: {method} ../{last} ({reason})" for method, last, reason in self.front.unserved]
        return sorted(self.front.notes) + sorted(unserved)
