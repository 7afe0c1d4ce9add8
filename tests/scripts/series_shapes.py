"""The series that the cases are about: shapes of each kind."""

import datetime

BERLIN = "Europe/Berlin"
KINDS = ["timed", "all-day", "dst"]


def at(day, time="00:00"):
    return datetime.datetime.fromisoformat(f"2026-{day}T{time}")


def by(*days):
    return [{"day": day} for day in days]


# `pick` is the number of the occurrence that edits name; `split` that of a split, where it is not the same: no provider
# can say that a series begins at a wall time that the clocks leave out. `other` is what `all` changes the rule to.
SHAPES = {
    "timed": [
        {"name": "daily", "zone": BERLIN, "start": at("03-03", "09:00"), "length": "PT60M", "pick": 4,
         "rule": {"frequency": "daily", "count": 9}, "other": {"frequency": "daily", "count": 5, "interval": 2}},
        {"name": "two days a week", "zone": BERLIN, "start": at("03-02", "09:00"), "length": "PT45M", "pick": 3,
         "rule": {"frequency": "weekly", "byDay": by("mo", "th"), "count": 8},
         "other": {"frequency": "weekly", "byDay": by("mo", "we", "th"), "count": 9}},
        {"name": "second Tuesday", "zone": BERLIN, "start": at("04-14", "10:00"), "length": "PT90M", "pick": 2,
         "rule": {"frequency": "monthly", "byDay": [{"day": "tu", "nthOfPeriod": 2}], "count": 5},
         "other": {"frequency": "monthly", "byDay": [{"day": "tu", "nthOfPeriod": 2}], "count": 7}},
        {"name": "without an end", "zone": BERLIN, "start": at("04-01", "15:00"), "length": "PT60M", "pick": 3,
         "rule": {"frequency": "weekly"}, "other": {"frequency": "weekly", "interval": 2},
         "window": ["2026-03-01", "2026-05-21"]},
    ],
    "all-day": [
        {"name": "daily", "start": at("03-03"), "length": "P1D", "pick": 3,
         "rule": {"frequency": "daily", "count": 7}, "other": {"frequency": "daily", "count": 4, "interval": 3}},
        {"name": "two days long", "start": at("03-06"), "length": "P2D", "pick": 2,
         "rule": {"frequency": "weekly", "count": 6}, "other": {"frequency": "weekly", "count": 8}},
        {"name": "monthly", "start": at("03-15"), "length": "P1D", "pick": 2,
         "rule": {"frequency": "monthly", "count": 6}, "other": {"frequency": "monthly", "count": 4}},
        {"name": "every other day", "start": at("03-24"), "length": "P1D", "pick": 4,
         "rule": {"frequency": "daily", "interval": 2, "count": 8}, "other": {"frequency": "daily", "count": 8}},
    ],
    "dst": [
        {"name": "in the gap", "zone": BERLIN, "start": at("03-26", "02:30"), "length": "PT60M", "pick": 3,
         "split": 4,
         "rule": {"frequency": "daily", "count": 7}, "other": {"frequency": "daily", "count": 3, "interval": 3}},
        {"name": "weekly into summer", "zone": BERLIN, "start": at("03-16", "09:00"), "length": "PT60M", "pick": 2,
         "rule": {"frequency": "weekly", "count": 6}, "other": {"frequency": "weekly", "count": 4}},
        {"name": "in the overlap", "zone": BERLIN, "start": at("10-23", "02:30"), "length": "PT30M", "pick": 2,
         "rule": {"frequency": "daily", "count": 6}, "other": {"frequency": "daily", "count": 3, "interval": 2}},
        {"name": "New York", "zone": "America/New_York", "start": at("03-05", "19:30"), "length": "PT120M", "pick": 3,
         "rule": {"frequency": "weekly", "byDay": by("th", "su"), "count": 8},
         "other": {"frequency": "weekly", "byDay": by("th"), "count": 4}},
    ],
}


def split_of(shape):
    """The number of the occurrence at which a series of this shape is split."""
    return shape.get("split", shape["pick"])


class Shapes:
    """The shapes of each kind in turn, so that every change meets every shape sooner or later."""

    def __init__(self):
        self.turn = dict.fromkeys(KINDS, 0)

    def next(self, kind, day_moves=False):
        while True:
            shape = SHAPES[kind][self.turn[kind] % len(SHAPES[kind])]
            self.turn[kind] += 1
            if not (day_moves and any("nthOfPeriod" in day for day in shape["rule"].get("byDay", []))):
                return shape
