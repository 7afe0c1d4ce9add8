#!/usr/bin/env python3
"""Writes the cases of `tests/cases/series`: edits of recurring series, and the occurrences that a person must see after
them on both sides. `--check` only says whether the files are as it would write them.

Needs python-dateutil. Run it from anywhere: python3 tests/scripts/series_cases.py [--check]
"""

import argparse
import datetime
import json
import pathlib
import sys

from series_model import DAYS, Model, rest, text

CASES = pathlib.Path(__file__).resolve().parents[1] / "cases" / "series"
BERLIN = "Europe/Berlin"
WHO = ["app", "remote"]
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
    return shape.get("split", shape["pick"])


class Case:
    """A case while it is written."""

    def __init__(self, name, kind, shape, policy="newest"):
        self.name, self.kind, self.shape, self.policy = name, kind, shape, policy
        self.model = Model(shape)
        self.edits, self.notes, self.needs = [], [], []

    def original(self, number, part=1):
        """The original start of an occurrence of a part."""
        return list(self.model.parts[part - 1].list)[number]

    def note(self, why, need=None):
        self.notes.append(why)
        if need:
            self.needs.append(need)

    def written(self, who, scope, change, number=None, part=1):
        """An edit as it is played, and what the model needs to do the same."""
        row = {"who": who, "scope": scope}
        if part != 1:
            row["part"] = part
        original = None
        if number is not None and scope != "all":
            original = self.original(number, part)
            row["recurrenceId"] = text(original)
            if self.model.zone:
                row["utc"] = self.model.utc(original)
        row["change"] = {}
        for name, value in change.items():
            if name == "start":
                row["change"]["start"] = text(value)
                if self.model.zone:
                    row["change"]["utc"] = self.model.utc(value)
            else:
                row["change"]["duration" if name == "length" else name] = value
        return row, (who, scope, change, original, part)

    def play(self, who, scope, change, number=None, part=1):
        row, edit = self.written(who, scope, change, number, part)
        self.edits.append(row)
        self.model.edit(*edit)

    def sync(self):
        self.edits.append({"who": "sync"})
        self.model.settle()

    def both(self, played, stand):
        """Edits of both sides that do not know of each other: played in that order; those whose numbers are in `stand`
        are what is left, in the order in which one would read them."""
        made = [self.written(*edit) for edit in played]
        self.edits += [row for row, _ in made]
        for number in stand:
            self.model.edit(*made[number][1])

    def row(self, conflicts=0):
        shape = self.shape
        series = {"title": "series", "start": text(shape["start"]), "duration": shape["length"]}
        if shape.get("zone"):
            series["timeZone"] = shape["zone"]
        else:
            series["showWithoutTime"] = True
        series["recurrenceRules"] = [shape["rule"]]
        row = {"id": self.name, "kind": self.kind, "policy": self.policy, "series": series, "edits": self.edits}
        if self.notes:
            row["note"] = " ".join(self.notes)
        if self.needs:
            row["needs"] = sorted(set(self.needs))
        if "window" in shape:
            row["until"] = shape["window"][1]
        row["expect"] = {"series": len(self.model.parts), "conflicts": conflicts, "occurrences": self.model.seen()}
        return row


def shifted(rule, days):
    """The rule of a series that moves by days."""
    if "byDay" not in rule:
        return None
    moved = [dict(day, day=DAYS[(DAYS.index(day["day"]) + days) % 7]) for day in rule["byDay"]]
    return dict(rule, byDay=moved)


def earlier_edits(case, who):
    """Three exceptions before the edit that the case is about: renamed, moved, deleted."""
    pick = case.shape["pick"]
    case.play(who, "this", {"title": "one"}, pick - 1)
    case.play(who, "this", {"start": later(case, case.original(pick + 1))}, pick + 1)
    case.play(who, "this", {"delete": True}, pick + 2)
    case.sync()


def later(case, start):
    """Where a move goes: some hours, or a day when there are no hours."""
    return start + (datetime.timedelta(hours=3) if case.model.zone else datetime.timedelta(days=1))


def longer(case):
    return "PT105M" if case.model.zone else "P3D"


CONTENT = {
    "title": {"title": "renamed"},
    "place and notes": {"location": "Room 5", "description": "bring the plan"},
    "participants": {"participants": ["bob@example.com", "carol@example.com"]},
}
SNAPSHOT = ("Exceptions are whole events at the provider: a change of the series by the remote person passes them by.",
            "exceptions-stand-alone")
PLAIN = ("The provider's page begins a plain series: exceptions behind the split are lost, deleted ones come back.",
         "following-is-plain")


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


def days_of(change, kind):
    """Whether a change needs a shape that can move by a day: for all-day series every move is one."""
    return change.startswith("another day") or (kind == "all-day" and change.startswith("move"))


def one_side(scope, changes, write):
    """Every change of a scope by each side, in each kind."""
    shapes, rows = Shapes(), []
    for change in changes:
        for kind in KINDS:
            shape = shapes.next(kind, days_of(change, kind))
            for who in WHO:
                case = Case(f"{scope}, {change}, {who}, {kind}", kind, shape)
                write(case, who, change)
                rows.append(case.row())
    return rows


def this(case, who, change):
    pick = case.shape["pick"]
    start = case.original(pick)
    moved = {"start": later(case, start)}
    day = {"start": start + datetime.timedelta(days=2)}
    steps = {
        "move": [moved],
        "to another day": [day],
        "length": [{"length": longer(case)}],
        "delete": [{"delete": True}],
        "move and length at once": [dict(moved, length=longer(case))],
        "move, then rename": [moved, {"title": "one"}],
        "rename, then delete": [{"title": "one"}, {"delete": True}],
        "move, then move back": [moved, {"start": start}],
    }
    for number, step in enumerate(steps.get(change) or [CONTENT[change]]):
        if number:
            case.sync()
        case.play(who, "this", step, pick)


THIS = [*CONTENT, "move", "to another day", "length", "delete", "move and length at once", "move, then rename",
        "rename, then delete", "move, then move back"]


def to_day(case, start, rule):
    """The change that moves a series by a day."""
    change = {"start": start + datetime.timedelta(days=1)}
    moved = shifted(rule, 1)
    return dict(change, rule=moved) if moved else change


def following(case, who, change):
    pick, exceptions = split_of(case.shape), "exceptions" in change
    if exceptions:
        earlier_edits(case, who)
        if who == "remote" and change != "delete, with exceptions":
            case.note(*PLAIN)
    start = case.original(pick)
    left = rest(case.shape["rule"], pick)
    what = change.removesuffix(", with exceptions")
    case.play(who, "following", {
        "move": {"start": later(case, start)},
        "another day": to_day(case, start, left),
        "length": {"length": longer(case)},
        "rule": {"rule": {"frequency": "daily", "interval": 3, "count": 3}},
        "delete": {"delete": True},
        **CONTENT,
    }[what], pick)


FOLLOWING = [*CONTENT, "move", "another day", "length", "rule", "delete", "title, with exceptions",
             "move, with exceptions", "delete, with exceptions"]


def whole(case, who, change):
    exceptions = "exceptions" in change
    if exceptions:
        earlier_edits(case, who)
    what = change.removesuffix(", with exceptions")
    if exceptions and who == "remote" and what in ("place and notes", "length"):
        case.note(*SNAPSHOT)
    start, rule = case.shape["start"], case.shape["rule"]
    case.play(who, "all", {
        "move": {"start": later(case, start)},
        "another day": to_day(case, start, rule),
        "length": {"length": longer(case)},
        "rule": {"rule": case.shape["other"]},
        "delete": {"delete": True},
        **CONTENT,
    }[what])


ALL = [*CONTENT, "move", "another day", "length", "rule", "delete", "title, with exceptions",
       "place and notes, with exceptions", "length, with exceptions", "move, with exceptions", "rule, with exceptions",
       "another day, with exceptions", "delete, with exceptions"]


def both_rows():
    """Edits of both sides that do not know of each other. Played: (who, scope, change, occurrence)."""
    shapes, rows = Shapes(), []

    def add(name, kind, make, conflicts=0, policy="newest", note=None):
        case = Case(f"both, {name}, {kind}", kind, shapes.next(kind), policy)
        splits = "later ones" in name
        case.both(*make(case, split_of(case.shape) if splits else case.shape["pick"]))
        if note:
            case.note(note)
        rows.append(case.row(conflicts))

    for kind in KINDS:
        for name, make in TOGETHER.items():
            add(name, kind, make)
        for name, (make, note) in CLASHES.items():
            add(name, kind, make, 1, note=note)
    for name, make in BY_POLICY.items():
        for turn, (policy, last) in enumerate(POLICIES):
            winner = {"remote": "remote", "local": "app", "ask": "app"}.get(policy, last)
            by_name = f"{name}, {policy}" + (f", {last} later" if policy == "newest" else "")
            add(by_name, KINDS[turn % 3], lambda case, n: make(case, n, winner, last, policy), 1, policy)
    return rows


POLICIES = [("newest", "app"), ("newest", "remote"), ("remote", "app"), ("local", "remote"), ("ask", "remote")]


def move(case, number, hours=3):
    start = case.original(number)
    return {"start": start + (datetime.timedelta(hours=hours) if case.model.zone else datetime.timedelta(days=hours))}


def in_turn(app, remote, last):
    """The two edits in the order in which they are made, and the number of each."""
    played = [remote, app] if last == "app" else [app, remote]
    return played, {"app": played.index(app), "remote": played.index(remote)}


def clash(app, remote):
    """Both change the same: one edit stands."""
    def make(case, number, winner, last, _policy):
        played, numbers = in_turn(("app", *app(case, number)), ("remote", *remote(case, number)), last)
        return played, [numbers[winner]]
    return make


def edit_against_deletion(editor, edit, delete):
    """An edit stands against a deletion, unless the policy names a side."""
    def make(case, number, winner, last, policy):
        other = "remote" if editor == "app" else "app"
        sides = {editor: (editor, *edit(case, number)), other: (other, *delete(case, number))}
        played, numbers = in_turn(sides["app"], sides["remote"], last)
        return played, [numbers[winner if policy in ("remote", "local") else editor]]
    return make


def rename(title):
    return lambda _case, number: ("this", {"title": title}, number)


def rename_all(title):
    return lambda _case, _number: ("all", {"title": title})


def drop(scope):
    return lambda _case, number: (scope, {"delete": True}, number)


# Both stand: nothing is lost, and there is no conflict.
TOGETHER = {
    "two occurrences renamed and moved": lambda case, n: (
        [("app", "this", {"title": "mine"}, n), ("remote", "this", move(case, n + 1), n + 1)], [0, 1]),
    "two occurrences deleted and renamed": lambda _case, n: (
        [("app", "this", {"delete": True}, n), ("remote", "this", {"title": "theirs"}, n - 1)], [0, 1]),
    "two occurrences renamed and deleted": lambda _case, n: (
        [("app", "this", {"title": "mine"}, n - 1), ("remote", "this", {"delete": True}, n)], [0, 1]),
    "one occurrence renamed here and placed there": lambda _case, n: (
        [("app", "this", {"title": "mine"}, n), ("remote", "this", {"location": "Room 5"}, n)], [0, 1]),
    "one occurrence moved here and renamed there": lambda case, n: (
        [("app", "this", move(case, n), n), ("remote", "this", {"title": "theirs"}, n)], [0, 1]),
    "one occurrence renamed here and moved there": lambda case, n: (
        [("app", "this", {"title": "mine"}, n), ("remote", "this", move(case, n), n)], [0, 1]),
    "one occurrence deleted on both sides": lambda _case, n: (
        [("app", "this", {"delete": True}, n), ("remote", "this", {"delete": True}, n)], [0]),
    "one occurrence renamed alike on both sides": lambda _case, n: (
        [("app", "this", {"title": "ours"}, n), ("remote", "this", {"title": "ours"}, n)], [0]),
    "all placed here and one renamed there": lambda _case, n: (
        [("app", "all", {"location": "Room 5"}), ("remote", "this", {"title": "theirs"}, n)], [1, 0]),
    "one renamed here and all placed there": lambda _case, n: (
        [("app", "this", {"title": "mine"}, n), ("remote", "all", {"location": "Room 5"})], [1, 0]),
    "all renamed here and one there": lambda _case, n: (
        [("app", "all", {"title": "mine"}), ("remote", "this", {"title": "theirs"}, n)], [0, 1]),
    "one deleted here and all renamed there": lambda _case, n: (
        [("app", "this", {"delete": True}, n), ("remote", "all", {"title": "theirs"})], [0, 1]),
    "all longer here and one renamed there": lambda case, n: (
        [("app", "all", {"length": longer(case)}), ("remote", "this", {"title": "theirs"}, n)], [1, 0]),
    "all renamed here and placed there": lambda _case, n: (
        [("app", "all", {"title": "mine"}), ("remote", "all", {"location": "Room 5"})], [0, 1]),
    "all moved here and renamed there": lambda case, n: (
        [("app", "all", move(case, 0)), ("remote", "all", {"title": "theirs"})], [0, 1]),
    "all deleted on both sides": lambda _case, n: (
        [("app", "all", {"delete": True}), ("remote", "all", {"delete": True})], [0]),
    "later ones renamed here and an earlier one there": lambda _case, n: (
        [("app", "following", {"title": "mine"}, n), ("remote", "this", {"title": "theirs"}, n - 1)], [1, 0]),
    "an earlier one renamed here and later ones there": lambda _case, n: (
        [("app", "this", {"title": "mine"}, n - 1), ("remote", "following", {"title": "theirs"}, n)], [0, 1]),
    "later ones renamed here and all placed there": lambda _case, n: (
        [("app", "following", {"title": "mine"}, n), ("remote", "all", {"location": "Room 5"})], [0, 1]),
    "all placed here and later ones renamed there": lambda _case, n: (
        [("app", "all", {"location": "Room 5"}), ("remote", "following", {"title": "theirs"}, n)], [1, 0]),
    "later ones deleted here and an earlier one moved there": lambda case, n: (
        [("app", "following", {"delete": True}, n), ("remote", "this", move(case, n - 1), n - 1)], [1, 0]),
}

LOST = "The other side's series has no such occurrence any more: the edit is only in the conflict."
# One edit is lost whatever the policy says, and a conflict tells of it.
CLASHES = {
    "all moved here and one renamed there": (lambda case, n: (
        [("app", "all", move(case, 0)), ("remote", "this", {"title": "theirs"}, n)], [0]), LOST),
    "one renamed here and all moved there": (lambda case, n: (
        [("app", "this", {"title": "mine"}, n), ("remote", "all", move(case, 0))], [1]), LOST),
    "later ones renamed here and one of them there": (lambda _case, n: (
        [("app", "following", {"title": "mine"}, n), ("remote", "this", {"title": "theirs"}, n + 1)], [0]), LOST),
    "one renamed here and later ones with it there": (lambda _case, n: (
        [("app", "this", {"title": "mine"}, n + 1), ("remote", "following", {"title": "theirs"}, n)], [1]), LOST),
    "later ones deleted here and one of them renamed there": (lambda _case, n: (
        [("app", "following", {"delete": True}, n), ("remote", "this", {"title": "theirs"}, n + 1)], [0]), LOST),
    "one renamed here and later ones with it deleted there": (lambda _case, n: (
        [("app", "this", {"title": "mine"}, n + 1), ("remote", "following", {"delete": True}, n)], [1]), LOST),
}

BY_POLICY = {
    "one renamed": clash(rename("mine"), rename("theirs")),
    "one moved": clash(lambda case, n: ("this", move(case, n, 2), n), lambda case, n: ("this", move(case, n, 4), n)),
    "one moved here and longer there": clash(lambda case, n: ("this", move(case, n, 2), n),
                                             lambda case, n: ("this", {"length": longer(case)}, n)),
    "all renamed": clash(rename_all("mine"), rename_all("theirs")),
    "all moved": clash(lambda case, n: ("all", move(case, 0, 2)), lambda case, n: ("all", move(case, 0, 4))),
    "one renamed here and deleted there": edit_against_deletion("app", rename("mine"), drop("this")),
    "one deleted here and renamed there": edit_against_deletion("remote", rename("theirs"), drop("this")),
    "one renamed here and all deleted there": edit_against_deletion("app", rename("mine"), drop("all")),
    "all deleted here and one renamed there": edit_against_deletion("remote", rename("theirs"), drop("all")),
    "all renamed here and deleted there": edit_against_deletion("app", rename_all("mine"), drop("all")),
    "all deleted here and renamed there": edit_against_deletion("remote", rename_all("theirs"), drop("all")),
}


def files():
    """The text of each file."""
    return {
        "this.jsonl": one_side("this", THIS, this),
        "following.jsonl": one_side("following", FOLLOWING, following),
        "all.jsonl": one_side("all", ALL, whole),
        "both.jsonl": both_rows(),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a file would change")
    check = parser.parse_args().check
    stale = []
    for name, rows in files().items():
        names = [row["id"] for row in rows]
        assert len(names) == len(set(names)), f"{name}: two cases of one name"
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        path = CASES / name
        if not path.exists() or path.read_text(encoding="utf-8") != lines:
            stale.append(name)
            if not check:
                path.write_text(lines, encoding="utf-8")
        print(f"{name}: {len(rows)} cases")
    if check and stale:
        print("not as the script writes them: " + ", ".join(stale))
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
