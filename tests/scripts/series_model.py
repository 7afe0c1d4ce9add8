"""What a person sees of a recurring series after edits: a list of occurrences, and what each edit does to that list.

It knows nothing of the engine, of a provider or of the simulator: rules are expanded by python-dateutil, zones are
Python's. A wall time that a clock change leaves out is shown later by the length of the gap; one that comes twice is
the first of the two.
"""

import copy
import datetime
import zoneinfo

from dateutil import rrule

DAYS = ["mo", "tu", "we", "th", "fr", "sa", "su"]
FREQUENCIES = {"daily": rrule.DAILY, "weekly": rrule.WEEKLY, "monthly": rrule.MONTHLY, "yearly": rrule.YEARLY}
CONTENT = ["title", "location", "description", "participants", "length"]
# Nothing after this is looked at, so series without an end need a window of their own.
HORIZON = datetime.datetime(2027, 2, 1)


def expand(start, rule, until):
    """Original starts of a rule, as wall times."""
    options = {"interval": rule.get("interval", 1)}
    if "byDay" in rule:
        days = [rrule.weekday(DAYS.index(day["day"]), day.get("nthOfPeriod")) for day in rule["byDay"]]
        options["byweekday"] = days
    if "until" in rule:
        until = min(until, datetime.datetime.fromisoformat(rule["until"]))
    if "count" in rule:
        options["count"] = rule["count"]
    found = rrule.rrule(FREQUENCIES[rule["frequency"]], dtstart=start, until=until, **options)
    return list(found)


class Occurrence:
    """One occurrence of a part, known by its original start."""

    def __init__(self, start, defaults):
        self.values = dict(defaults, start=start)
        self.deleted = False
        # The provider keeps this one for itself: later changes of its series by the remote person pass it by.
        self.apart = False

    def differs(self, original, defaults):
        """Whether a person sees it differ from its series."""
        return self.deleted or self.values != dict(defaults, start=original)


class Part:
    """A series. There is one at the beginning; "this and following" makes two of one."""

    def __init__(self, start, rule, defaults, horizon):
        self.start, self.rule, self.defaults, self.horizon = start, rule, dict(defaults), horizon
        self.list = {at: Occurrence(at, defaults) for at in expand(start, rule, horizon)}

    def change(self, who, change, ways):
        """The whole part. Ways of the provider that matter are added to `ways`."""
        for name in CONTENT:
            if name not in change:
                continue
            old, new = self.defaults[name], change[name]
            self.defaults[name] = new
            for occurrence in self.list.values():
                if occurrence.values[name] != old:
                    continue
                if who == "remote" and occurrence.apart:
                    if not occurrence.deleted:
                        ways.add("exceptions-stand-alone")
                    continue
                occurrence.values[name] = new
        if "start" in change or "rule" in change:
            self.start = change.get("start", self.start)
            self.rule = change.get("rule", self.rule)
            before, self.list = self.list, {}
            for at in expand(self.start, self.rule, self.horizon):
                # What was changed about an occurrence stays while the series still has it.
                kept = before.get(at)
                own = kept is not None and kept.differs(at, self.defaults)
                if own and who == "remote":
                    ways.add("exceptions-outlive-rules")
                self.list[at] = kept if own else Occurrence(at, self.defaults)

    def split(self, at):
        """The part from an occurrence on; this one keeps what is before."""
        later = copy.deepcopy(self)
        before = [one for one in self.list if one < at]
        later.start, later.rule = at, rest(self.rule, len(before))
        later.list = {one: later.list[one] for one in later.list if one >= at}
        self.rule = dict(self.rule, count=len(before))
        self.rule.pop("until", None)
        self.list = {one: self.list[one] for one in before}
        return later


def rest(rule, before):
    """What is left of a rule after that many occurrences."""
    return dict(rule, count=rule["count"] - before) if "count" in rule else dict(rule)


class Model:
    """A calendar with one series at its beginning."""

    def __init__(self, shape):
        self.zone = zoneinfo.ZoneInfo(shape["zone"]) if shape.get("zone") else None
        defaults = {"title": "series", "location": "", "description": "", "participants": []}
        defaults.update({name: shape[name] for name in CONTENT if name in shape})
        horizon = datetime.datetime.fromisoformat(shape["window"][1]) if "window" in shape else HORIZON
        self.horizon = horizon
        self.ways = set()
        self.parts = [Part(shape["start"], shape["rule"], defaults, horizon)]

    def settle(self):
        """Both sides are the same now, so the provider keeps every changed occurrence for itself."""
        for part in self.parts:
            for at, occurrence in part.list.items():
                occurrence.apart = occurrence.apart or occurrence.differs(at, part.defaults)

    def edit(self, who, scope, change, at=None, part=1):
        """What an edit does to the lists."""
        whole = self.parts[part - 1]
        if scope == "this":
            occurrence = whole.list[at]
            occurrence.deleted = bool(change.get("delete"))
            occurrence.values.update({name: change[name] for name in CONTENT + ["start"] if name in change})
            occurrence.apart = occurrence.apart or who == "remote"
            return
        if scope == "following" and at != min(whole.list):
            later = whole.split(at)
            if who == "remote":
                # A provider's page begins a plain series there.
                if any(one.differs(at, later.defaults) for at, one in later.list.items()) and not change.get("delete"):
                    self.ways.add("following-is-plain")
                later = Part(later.start, later.rule, later.defaults, later.horizon)
            if not change.get("delete"):
                self.parts.insert(part, later)
                later.change(who, change, self.ways)
        elif change.get("delete"):
            self.parts.remove(whole)
        else:
            whole.change(who, change, self.ways)

    def utc(self, wall):
        """The instant of a wall time, as text; none for all-day series."""
        if self.zone is None:
            return None
        instant = wall.replace(tzinfo=self.zone, fold=0).astimezone(datetime.timezone.utc)
        return instant.strftime("%Y-%m-%dT%H:%M:%SZ")

    def seen(self):
        """What a person sees, by time."""
        rows = []
        for part in self.parts:
            for occurrence in part.list.values():
                values = occurrence.values
                if occurrence.deleted or values["start"] >= self.horizon:
                    continue
                row = {"start": text(values["start"])}
                if self.zone:
                    row["utc"] = self.utc(values["start"])
                row["duration"] = values["length"]
                row["title"] = values["title"]
                row.update({name: values[name] for name in ["location", "description"] if values[name]})
                if values["participants"]:
                    row["participants"] = sorted(values["participants"])
                rows.append(row)
        return sorted(rows, key=lambda row: (row["start"], row["title"]))


def text(wall):
    """A wall time as JSCalendar writes it."""
    return wall.strftime("%Y-%m-%dT%H:%M:%S")
