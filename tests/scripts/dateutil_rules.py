"""Random rules and Tandem's answers, against python-dateutil: every difference has a reason, or is a bug.

    TANDEM_RULES=20000 TANDEM_RULES_FILE=rules.jsonl cargo test -p tandem-engine --test recurrence_differential
    python3 tests/scripts/dateutil_rules.py --rules rules.jsonl

dateutil expands wall times; zones are asked here, with Python's own zoneinfo. A reason is a change of dateutil's
answer, and explains a difference only when the changed answer is Tandem's, to the last occurrence. Ends with 1 when a
difference is left.
"""

import argparse
import collections
import datetime
import itertools
import json
import re
import sys
import types

from setting import enter_environment

INSTALLS = [["python-dateutil==2.9.0.post0", "tzdata"]]
DAY = datetime.timedelta(days=1)
# No zone of the file skips more.
LONGEST_GAP = datetime.timedelta(hours=2)
EPOCH = datetime.datetime(1970, 1, 1)
# No window of the file ends later.
LAST_YEAR = 2070
# Occurrences of one day that Tandem lists to exclude a whole day.
DAY_BOUND = 4_000

REASONS = {
    "start": "a start out of step is the first occurrence",
    "until-day": "UNTIL as a date includes its day",
    "day-bound": "of one excluded day the first 4,000 occurrences",
    "weeks": "BYWEEKNO in calendar years",
    "mixed": "dateutil drops BYDAY without an ordinal beside one with",
    "first-week": "dateutil counts BYSETPOS of a week from DTSTART on",
}


class Case:
    """A line of the file."""

    def __init__(self, line):
        self.given = json.loads(line)
        self.start = moment(self.given["start"])
        self.all_day = len(self.given["start"]) == 8
        self.zone = self.given["zone"]
        self.parts = dict(part.split("=") for part in self.given["rule"].split(";"))
        self.expected = [tuple(item) for item in self.given["expected"]]

    def in_zone(self, at):
        """The instant of a wall time, ms: a gap shifts forward, of an overlap the first."""
        if self.zone:
            at = at.replace(tzinfo=zoneinfo.ZoneInfo(self.zone)).astimezone(datetime.timezone.utc).replace(tzinfo=None)
        return int((at - EPOCH) / datetime.timedelta(milliseconds=1))

    def wall(self, text):
        """A time of an UNTIL or EXDATE as a wall time of the event."""
        at = moment(text.rstrip("Z"))
        if text.endswith("Z") and self.zone:
            at = at.replace(tzinfo=datetime.timezone.utc).astimezone(zoneinfo.ZoneInfo(self.zone)).replace(tzinfo=None)
        return at

    def until(self, fixes):
        text = self.parts.get("UNTIL")
        if text is None:
            return datetime.datetime.max
        if len(text) == 8 and not self.all_day and "until-day" in fixes:
            return moment(text) + DAY - datetime.timedelta(seconds=1)
        return self.wall(text)

    def excluded(self):
        times, days = set(), set()
        for line in self.given["excluded"]:
            for value in line.rsplit(":", 1)[1].split(","):
                if len(value) == 8 and not self.all_day:
                    days.add(moment(value).date())
                else:
                    times.add(self.wall(value))
        return times, days


def moment(text):
    return datetime.datetime.strptime(text, "%Y%m%d" if len(text) == 8 else "%Y%m%dT%H%M%S")


def every_ordinal(parts):
    """BYDAY with an ordinal for every day: what is without one is all of them."""
    if not re.search(r"\d", parts.get("BYDAY", "")):
        return parts
    most = 53 if parts["FREQ"] == "YEARLY" and "BYMONTH" not in parts else 5
    days = parts["BYDAY"].split(",")
    numbered = [f"{n}{day}" for day in days for n in range(1, most + 1) if day.isalpha()]
    return {**parts, "BYDAY": ",".join([day for day in days if not day.isalpha()] + numbered)}


def from_period_start(parts, start):
    """A start at the first day of the period, and the parts that DTSTART would have given."""
    parts = dict(parts)
    if parts["FREQ"] == "YEARLY":
        first = start.replace(month=1, day=1)
    else:
        if not {"BYDAY", "BYMONTHDAY", "BYYEARDAY"} & parts.keys():
            parts["BYDAY"] = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"][start.weekday()]
        week_start = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"].index(parts.get("WKST", "MO"))
        first = start - DAY * ((start.weekday() - week_start) % 7)
    for name, value in (("BYHOUR", start.hour), ("BYMINUTE", start.minute), ("BYSECOND", start.second)):
        parts.setdefault(name, str(value))
    return parts, first.replace(hour=0, minute=0, second=0)


def in_calendar_years(parts, start):
    """A yearly rule with weeks: every year whole, INTERVAL and BYSETPOS by hand."""
    interval = int(parts.get("INTERVAL", 1))
    positions = [int(n) for n in parts.get("BYSETPOS", "").split(",") if n]
    parts, first = from_period_start({k: v for k, v in parts.items() if k not in ("INTERVAL", "BYSETPOS")}, start)
    for year, items in itertools.groupby(raw(parts, first), key=lambda at: at.year):
        if (year - start.year) % interval:
            continue
        items = list(items)
        if positions:
            indexes = {p - 1 if p > 0 else len(items) + p for p in positions}
            items = [item for index, item in enumerate(items) if index in indexes]
        yield from items


def raw(parts, start):
    text = ";".join(f"{name}={value}" for name, value in parts.items())
    try:
        yield from rrule.rrulestr(text, dtstart=start)
    except ValueError as refused:
        # A step that never meets BYHOUR, BYMINUTE or BYSECOND is refused rather than empty.
        if "empty" not in str(refused):
            raise


def civil(case, fixes, last):
    """dateutil's wall times up to one, in order."""
    # Without an end, dateutil looks for a next occurrence until the year 9999.
    until = min(case.until(fixes), last)
    parts = {name: value for name, value in case.parts.items() if name not in ("UNTIL", "COUNT")}
    parts["UNTIL"] = until.strftime("%Y%m%dT%H%M%S")
    if "mixed" in fixes:
        parts = every_ordinal(parts)
    if "weeks" in fixes and "BYWEEKNO" in parts:
        items = in_calendar_years(parts, case.start)
    elif "first-week" in fixes and parts["FREQ"] == "WEEKLY" and "BYSETPOS" in parts:
        items = raw(*from_period_start(parts, case.start))
    else:
        items = raw(parts, case.start)
    items = (at for at in items if at >= case.start)
    first = next(items, None)
    head = [] if first is None else [first]
    if "start" in fixes and first != case.start:
        head.insert(0, case.start)
    count = case.parts.get("COUNT")
    return itertools.islice(itertools.chain(head, items), int(count) if count else None)


def expand(case, fixes):
    """dateutil's answer to a case, in the form of the file."""
    given = case.given
    last = EPOCH + datetime.timedelta(milliseconds=given["to_ms"]) + DAY * 2
    assert last.year <= LAST_YEAR
    times, days = case.excluded()
    found, per_day = [], collections.Counter()
    for at in civil(case, fixes, last):
        if len(found) > given["limit"] and at - found[given["limit"]][0] > LONGEST_GAP:
            break
        if days:
            per_day[at.date()] += 1
        whole_day = at.date() in days and ("day-bound" not in fixes or per_day[at.date()] <= DAY_BOUND)
        if at in times or whole_day:
            continue
        ms = case.in_zone(at)
        if given["from_ms"] <= ms < given["to_ms"]:
            found.append((at, ms))
    found.sort(key=lambda item: (item[1], item[0]))
    return [(at.strftime("%Y%m%dT%H%M%S"), ms) for at, ms in found[: given["limit"]]]


def explain(case):
    """The smallest set of reasons with which dateutil says what Tandem says; None when there is none."""
    parts = case.parts
    days = parts.get("BYDAY", "").split(",")
    apply = {
        "start": True,
        "until-day": len(parts.get("UNTIL", "")) == 8 and not case.all_day,
        "day-bound": bool(case.excluded()[1]),
        "weeks": "BYWEEKNO" in parts,
        "mixed": any(day.isalpha() for day in days) and not all(day.isalpha() for day in days),
        "first-week": parts["FREQ"] == "WEEKLY" and "BYSETPOS" in parts,
    }
    reasons = [reason for reason in REASONS if apply[reason]]
    for size in range(len(reasons) + 1):
        for fixes in itertools.combinations(reasons, size):
            if expand(case, fixes) == case.expected:
                return fixes
    return None


def compare(path):
    total, occurrences = 0, 0
    reasons, smallest, wrong = collections.Counter(), {}, []
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            case = Case(line)
            total += 1
            occurrences += len(case.expected)
            fixes = explain(case)
            text = f"{case.given['rule']} from {case.given['start']} in {case.zone} {case.given['excluded']}"
            if fixes is None:
                wrong.append(f"{case.given['number']}: {text}")
                continue
            reasons[fixes] += 1
            if fixes not in smallest or len(text) < len(smallest[fixes]):
                smallest[fixes] = text
    print(f"{total} rules, {occurrences} occurrences compared")
    for fixes, count in sorted(reasons.items(), key=lambda item: (len(item[0]), -item[1])):
        print(f"{count:>6}  {' + '.join(REASONS[fix] for fix in fixes) or 'the same'}")
        if fixes:
            print(f"        {smallest[fixes]}")
    print(f"{len(wrong):>6}  not explained")
    for text in wrong[:50]:
        print(f"        {text}")
    if total < 1_000 or occurrences < total * 10:
        raise SystemExit("too little was compared to mean anything")
    return 1 if wrong else 0


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rules", required=True, help="the file that TANDEM_RULES_FILE named")
    options.add_argument("--venv", help="keep the virtual environment in this directory")
    options.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    given = options.parse_args()
    if not given.inside:
        return enter_environment(__file__, given.venv, INSTALLS, [("--rules", given.rules)])
    return compare(given.rules)


if __name__ == "__main__":
    if "--inside" in sys.argv:
        import zoneinfo

        from dateutil import rrule

        # A rule that gives nothing is followed until then, whatever its UNTIL: seconds, up to 9999.
        rrule.datetime = types.SimpleNamespace(**{**vars(datetime), "MAXYEAR": LAST_YEAR})
    sys.exit(main())
