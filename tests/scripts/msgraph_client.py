#!/usr/bin/env python3
"""Points Microsoft's own Python client at the simulated Microsoft Graph and checks that they get along.

Makes a virtual environment (in a temporary directory unless --venv is given), installs msgraph-sdk there, starts
microsoft-sim (built by cargo unless --sim is given) and goes through what a calendar client does: the client builds
every request and parses every answer. Ends with 1 at the first difference.
"""

import argparse
import asyncio
import datetime
import http.server
import json
import queue
import sys
import threading
import urllib.parse

from setting import enter_environment, start_simulator

PACKAGE = "msgraph-sdk"
TOKEN = "python-client-token"
ACCOUNT = "ada@example.com"
EVENTS = 120
BERLIN = "W. Europe Standard Time"
MARK = "String {6b1c3c2e-6a57-4f9b-9d2e-0f0a4f1c2d3e} Name tandem"


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--venv", help="virtual environment to use or to make")
    parser.add_argument("--sim", help="path of the microsoft-sim program; built with cargo if not given")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def same(what, got, wanted):
    if got != wanted:
        raise AssertionError(f"{what}: got {got!r}, wanted {wanted!r}")
    print(f"ok  {what}")


class Webhook:
    """A tiny listener that proves itself and keeps what is posted to it."""

    def __init__(self):
        self.seen = queue.Queue()
        self.handshakes = []
        hook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                answer = query.get("validationToken", [""])[0].encode()
                if answer:
                    hook.handshakes.append(self.path)
                else:
                    hook.seen.put(body)
                self.send_response(200)
                self.send_header("Content-Type", "text/plain")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}/hook"

    async def next(self):
        body = await asyncio.get_running_loop().run_in_executor(None, lambda: self.seen.get(timeout=20))
        return json.loads(body)["value"]


def configured(parameters=None, **headers):
    """A request's configuration: query parameters and headers (underscores stand for hyphens)."""
    from kiota_abstractions.base_request_configuration import RequestConfiguration

    configuration = RequestConfiguration(query_parameters=parameters)
    for name, value in headers.items():
        configuration.headers.add(name.replace("_", "-"), value)
    return configuration


def moment(text, zone=BERLIN):
    from msgraph.generated.models.date_time_time_zone import DateTimeTimeZone

    return DateTimeTimeZone(date_time=text, time_zone=zone)


class Story:
    def __init__(self, base):
        from kiota_abstractions.authentication import AuthenticationProvider
        from msgraph import GraphRequestAdapter, GraphServiceClient

        class Bearer(AuthenticationProvider):
            async def authenticate_request(self, request, additional_authentication_context=None):
                request.headers.add("Authorization", f"Bearer {TOKEN}")

        adapter = GraphRequestAdapter(Bearer())
        adapter.base_url = base + "/v1.0"
        self.client = GraphServiceClient(request_adapter=adapter)
        self.events = self.client.me.events

    async def refused(self, what, request, status, code):
        """Checks that Microsoft's client reports this refusal."""
        from kiota_abstractions.api_error import APIError

        try:
            await request
        except APIError as error:
            same(what, (error.response_status_code, error.error.code), (status, code))
        else:
            raise AssertionError(f"{what}: was accepted")

    async def calendars(self):
        rows = (await self.client.me.calendars.get()).value
        same("there is one calendar, the default one", [row.is_default_calendar for row in rows], [True])
        same("it can be written", (rows[0].can_edit, rows[0].owner.address), (True, ACCOUNT))
        self.calendar = self.client.me.calendars.by_calendar_id(rows[0].id)

    async def listing(self):
        from msgraph.generated.users.item.events.events_request_builder import EventsRequestBuilder

        parameters = EventsRequestBuilder.EventsRequestBuilderGetQueryParameters(top=50)
        page = await self.events.get(configured(parameters))
        items, pages = list(page.value), 1
        while page.odata_next_link:
            page = await self.events.with_url(page.odata_next_link).get()
            items += page.value
            pages += 1
        same("a listing in pages gives every event", (len(items), pages), (EVENTS, 3))
        same("ids are unique", len({item.id for item in items}), EVENTS)
        kinds = {item.type.value for item in items}
        same("it has singles and masters", kinds, {"singleInstance", "seriesMaster"})
        patterns = {item.recurrence.pattern.type.value for item in items if item.recurrence}
        same("patterns are understood", {"weekly", "daily"} <= patterns, True)

    async def round(self, builder, parameters=None, link=None):
        """A round of a delta: its rows, how many pages, and the link at its end."""
        builder = builder.with_url(link) if link else builder
        page = await builder.get(configured(parameters if not link else None, Prefer="odata.maxpagesize=50"))
        rows, pages = list(page.value), 1
        while page.odata_next_link:
            page = await builder.with_url(page.odata_next_link).get(configured(Prefer="odata.maxpagesize=50"))
            rows += page.value
            pages += 1
        return rows, pages, page.odata_delta_link

    async def events_delta(self):
        self.changes = self.calendar.events.delta
        rows, pages, self.link = await self.round(self.changes)
        masters = [row for row in rows if row.type.value != "exception"]
        same("events/delta gives every event in pages", (len(masters), pages > 2), (EVENTS, True))
        rows, _, _ = await self.round(self.changes, link=self.link)
        same("the next round is empty", rows, [])

    async def edits(self):
        from msgraph.generated.models.body_type import BodyType
        from msgraph.generated.models.event import Event
        from msgraph.generated.models.item_body import ItemBody
        from msgraph.generated.models.single_value_legacy_extended_property import SingleValueLegacyExtendedProperty

        event = Event(
            subject="From Python",
            body=ItemBody(content_type=BodyType.Html, content="<p>agenda</p>"),
            start=moment("2026-05-04T10:00:00"),
            end=moment("2026-05-04T11:00:00"),
            transaction_id="python-1",
            single_value_extended_properties=[SingleValueLegacyExtendedProperty(id=MARK, value="uid")],
        )
        made = await self.events.post(event)
        same("times are answered in UTC", (made.start.date_time, made.start.time_zone), ("2026-05-04T08:00:00.0000000", "UTC"))
        again = await self.events.post(event)
        same("the same transaction is the same event", again.id, made.id)
        item = self.events.by_event_id(made.id)
        patched = await item.patch(Event(subject="Patched"))
        same("patch keeps the rest", (patched.subject, patched.body_preview), ("Patched", "agenda"))
        seen = await item.get(configured(Prefer=f'outlook.timezone="{BERLIN}"'))
        same("the zone can be asked for", seen.start.date_time, "2026-05-04T10:00:00.0000000")
        etag = made.additional_data["@odata.etag"]
        stale = item.patch(Event(subject="lost"), configured(If_Match=etag))
        await self.refused("a stale If-Match is 412", stale, 412, "ErrorIrresolvableConflict")
        await self.marked(made.id)
        rows, _, self.link = await self.round(self.changes, link=self.link)
        same("the delta has one row", [row.id for row in rows], [made.id])
        await item.delete()
        await self.refused("deleting twice is 404", item.delete(), 404, "ErrorItemNotFound")
        rows, _, self.link = await self.round(self.changes, link=self.link)
        same("the delta says it is removed", ["@removed" in row.additional_data for row in rows], [True])

    async def marked(self, event):
        from msgraph.generated.users.item.events.events_request_builder import EventsRequestBuilder

        parameters = EventsRequestBuilder.EventsRequestBuilderGetQueryParameters(
            filter=f"singleValueExtendedProperties/Any(ep: ep/id eq '{MARK}' and ep/value eq 'uid')",
            expand=[f"singleValueExtendedProperties($filter=id eq '{MARK}')"],
        )
        rows = (await self.events.get(configured(parameters))).value
        same("the mark finds the event", [row.id for row in rows], [event])
        same("the mark is read back", rows[0].single_value_extended_properties[0].value, "uid")

    def daily(self):
        from msgraph.generated.models.event import Event
        from msgraph.generated.models.patterned_recurrence import PatternedRecurrence
        from msgraph.generated.models.recurrence_pattern import RecurrencePattern
        from msgraph.generated.models.recurrence_pattern_type import RecurrencePatternType
        from msgraph.generated.models.recurrence_range import RecurrenceRange
        from msgraph.generated.models.recurrence_range_type import RecurrenceRangeType

        zone = "Eastern Standard Time"
        return Event(
            subject="Series",
            start=moment("2026-03-06T09:00:00", zone),
            end=moment("2026-03-06T09:30:00", zone),
            recurrence=PatternedRecurrence(
                pattern=RecurrencePattern(type=RecurrencePatternType.Daily, interval=2),
                range=RecurrenceRange(
                    type=RecurrenceRangeType.Numbered,
                    start_date=datetime.date(2026, 3, 6),
                    number_of_occurrences=4,
                ),
            ),
        )

    async def series(self):
        from msgraph.generated.models.event import Event
        from msgraph.generated.users.item.calendar_view.delta.delta_request_builder import DeltaRequestBuilder
        from msgraph.generated.users.item.events.item.event_item_request_builder import EventItemRequestBuilder
        from msgraph.generated.users.item.events.item.instances.instances_request_builder import InstancesRequestBuilder

        window = {"start_date_time": "2026-03-05T00:00:00Z", "end_date_time": "2026-03-20T00:00:00Z"}
        view = self.client.me.calendar_view.delta
        parameters = DeltaRequestBuilder.DeltaRequestBuilderGetQueryParameters(**window)
        _, _, link = await self.round(view, parameters)
        made = await self.events.post(self.daily())
        master = self.events.by_event_id(made.id)
        parameters = InstancesRequestBuilder.InstancesRequestBuilderGetQueryParameters(**window)
        found = (await master.instances.get(configured(parameters))).value
        starts = [one.original_start.strftime("%d %H:%M") for one in found]
        same("instances follow the clock change", starts, ["06 14:00", "08 13:00", "10 13:00", "12 13:00"])
        zone = "Eastern Standard Time"
        moved = Event(start=moment("2026-03-09T12:00:00", zone), end=moment("2026-03-09T12:30:00", zone))
        second = self.events.by_event_id(found[1].id)
        exception = await second.patch(moved)
        same("an edited occurrence is an exception", (exception.type.value, exception.id), ("exception", found[1].id))
        over = Event(start=moment("2026-03-10T12:00:00", zone), end=moment("2026-03-10T12:30:00", zone))
        await self.refused("it cannot reach its neighbour", second.patch(over), 400, "ErrorOccurrenceCrossingBoundary")
        await self.events.by_event_id(found[2].id).delete()
        rows, _, _ = await self.round(view, link=link)
        own = [row for row in rows if row.id == made.id or row.series_master_id == made.id]
        kinds = [row.type.value for row in own]
        same("the delta has the series without the deleted one", kinds, ["seriesMaster", "occurrence", "exception", "occurrence"])
        same("plain occurrences are bare", [row.subject for row in own], ["Series", None, "Series", None])
        query = EventItemRequestBuilder.EventItemRequestBuilderGetQueryParameters(
            select=["subject", "cancelledOccurrences", "exceptionOccurrences"], expand=["exceptionOccurrences"]
        )
        seen = await master.get(configured(query))
        same("the master names the deleted one", seen.cancelled_occurrences, [f"OID.{made.id}.2026-03-10"])
        same("and shows the exception", [one.id for one in seen.exception_occurrences], [found[1].id])
        await master.delete()

    async def push(self):
        from msgraph.generated.models.event import Event
        from msgraph.generated.models.subscription import Subscription

        hook = Webhook()
        now = datetime.datetime.now(datetime.timezone.utc)
        wanted = Subscription(
            change_type="created,updated,deleted",
            notification_url=hook.address,
            lifecycle_notification_url=hook.address,
            resource="/me/events",
            expiration_date_time=now + datetime.timedelta(days=2),
            client_state="word",
        )
        made = await self.client.subscriptions.post(wanted)
        same("both addresses were asked", len(hook.handshakes), 2)
        again = self.client.subscriptions.post(wanted)
        await self.refused("a second one is 409", again, 409, "Conflict")
        event = await self.events.post(
            Event(subject="Push", is_all_day=True, start=moment("2026-05-04T00:00:00"), end=moment("2026-05-05T00:00:00"))
        )
        told = (await hook.next())[0]
        same("a change is told", (told["changeType"], told["clientState"]), ("created", "word"))
        same("with the event's id", told["resourceData"]["id"], event.id)
        one = self.client.subscriptions.by_subscription_id(made.id)
        end = (now + datetime.timedelta(days=6)).replace(microsecond=0)
        renewed = await one.patch(Subscription(expiration_date_time=end))
        same("it is renewed by patch", renewed.expiration_date_time, end)
        late = Subscription(expiration_date_time=now + datetime.timedelta(days=8))
        await self.refused("but not beyond seven days", one.patch(late), 400, "InvalidRequest")
        await one.delete()
        await self.refused("deleting twice is 404", one.delete(), 404, "ResourceNotFound")

    async def tell(self):
        await self.calendars()
        await self.listing()
        await self.events_delta()
        await self.edits()
        await self.series()
        await self.push()


def run(arguments):
    process, base = start_simulator(arguments.sim, EVENTS, TOKEN, ACCOUNT, "microsoft-sim")
    try:
        asyncio.run(Story(base).tell())
    except AssertionError as difference:
        print(f"DIFFERENT  {difference}", file=sys.stderr)
        return 1
    finally:
        process.terminate()
        process.wait(timeout=20)
    print("Microsoft's client and the simulator agree.")
    return 0


if __name__ == "__main__":
    given = parse_arguments()
    if not given.inside:
        sys.exit(enter_environment(__file__, given.venv, [[PACKAGE]], [("--sim", given.sim)]))
    sys.exit(run(given))
