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

from series_case import Case
from series_model import DAYS, expand, rest
from series_shapes import KINDS, Shapes, split_of

CASES = pathlib.Path(__file__).resolve().parents[1] / "cases" / "series"
WHO = ["app", "remote"]


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
    start, rule = case.shape["start"], case.shape["rule"]
    case.play(who, "all", {
        "move": {"start": later(case, start)},
        "another day": to_day(case, start, rule),
        "length": {"length": longer(case)},
        "rule": {"rule": case.shape["other"]},
        "longer": {"rule": dict(rule, count=rule.get("count", 9) + 2)},
        "delete": {"delete": True},
        **CONTENT,
    }[what])


ALL = [*CONTENT, "move", "another day", "length", "rule", "longer", "delete", "title, with exceptions",
       "longer, with exceptions", "place and notes, with exceptions", "length, with exceptions", "move, with exceptions", "rule, with exceptions",
       "another day, with exceptions", "delete, with exceptions"]


def both_rows(together, clashes, by_policy):
    """Edits of both sides that do not know of each other. Played: (who, scope, change, occurrence)."""
    shapes, rows = Shapes(), []

    def add(name, kind, make, conflicts=0, policy="newest", note=None):
        case = Case(f"both, {name}, {kind}", kind, shapes.next(kind), policy)
        splits = "later ones" in name
        played, stand = make(case, split_of(case.shape) if splits else case.shape["pick"])
        case.both(played, stand)
        if note:
            conflicts = len(played) - len(stand)
            case.notes += [note] * conflicts
        rows.append(case.row(conflicts))

    for kind in KINDS:
        for name, make in together.items():
            add(name, kind, make)
        for name, (make, note) in clashes.items():
            add(name, kind, make, note=note)
    for name, make in by_policy.items():
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


def moved_and(mover, change):
    """One side moves the series, the other edits one occurrence: its edit is lost unless the moved series has it."""
    def make(case, number):
        moved = move(case, 0)
        stays = case.original(number) in expand(moved["start"], case.shape["rule"], case.model.horizon)
        whole, one = (mover, "all", moved), ("remote" if mover == "app" else "app", "this", change, number)
        played = [whole, one] if mover == "app" else [one, whole]
        return played, [played.index(whole)] + ([played.index(one)] if stays else [])
    return make


def shorter(case, count):
    return ("all", {"rule": dict(case.shape["rule"], count=count)})


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
    "shorter here and one that is left renamed there": lambda case, n: (
        [("app", *shorter(case, n + 1)), ("remote", "this", {"title": "theirs"}, n)], [1, 0]),
    "one that is left renamed here and shorter there": lambda case, n: (
        [("app", "this", {"title": "mine"}, n), ("remote", *shorter(case, n + 1))], [1, 0]),
}

ATOM = "Both change the rule of the first series: the later edit stands."
EDITED = "A split is an edit of the first series, and stands against its deletion."
LOST = "The other side's series has no such occurrence any more: the edit is only in the conflict."
# One edit is lost whatever the policy says, and a conflict tells of it.
CLASHES = {
    "all moved here and one renamed there": (moved_and("app", {"title": "theirs"}), LOST),
    "one renamed here and all moved there": (moved_and("remote", {"title": "mine"}), LOST),
    "later ones renamed here and one of them there": (lambda _case, n: (
        [("app", "following", {"title": "mine"}, n), ("remote", "this", {"title": "theirs"}, n + 1)], [0]), LOST),
    "one renamed here and later ones with it there": (lambda _case, n: (
        [("app", "this", {"title": "mine"}, n + 1), ("remote", "following", {"title": "theirs"}, n)], [1]), LOST),
    "later ones deleted here and one of them renamed there": (lambda _case, n: (
        [("app", "following", {"delete": True}, n), ("remote", "this", {"title": "theirs"}, n + 1)], [0]), LOST),
    "one renamed here and later ones with it deleted there": (lambda _case, n: (
        [("app", "this", {"title": "mine"}, n + 1), ("remote", "following", {"delete": True}, n)], [1]), LOST),
    "shorter here and one that is cut off renamed there": (lambda case, n: (
        [("app", *shorter(case, n + 1)), ("remote", "this", {"title": "theirs"}, n + 1)], [0]), LOST),
    "one that is cut off renamed here and shorter there": (lambda case, n: (
        [("app", "this", {"title": "mine"}, n + 1), ("remote", *shorter(case, n + 1))], [1]), LOST),
    "all moved here and one deleted there": (moved_and("app", {"delete": True}), LOST),
    "one deleted here and all moved there": (moved_and("remote", {"delete": True}), LOST),
    "later ones renamed here and all deleted there": (lambda _case, n: (
        [("app", "following", {"title": "mine"}, n), ("remote", "all", {"delete": True})], [0]), EDITED),
    "all deleted here and later ones renamed there": (lambda _case, n: (
        [("app", "all", {"delete": True}), ("remote", "following", {"title": "theirs"}, n)], [1]), EDITED),
    "later ones deleted on both sides from different ones on": (lambda _case, n: (
        [("app", "following", {"delete": True}, n + 1), ("remote", "following", {"delete": True}, n)], [1]), ATOM),
}

# Nothing may be seen twice, but today it is: a second series says nowhere what it was split off from.
OPEN = {
    "later ones renamed on both sides": (lambda _case, n: (
        [("app", "following", {"title": "mine"}, n), ("remote", "following", {"title": "theirs"}, n)], [1]), ATOM),
    "later ones renamed here and some more there": (lambda _case, n: (
        [("app", "following", {"title": "mine"}, n), ("remote", "following", {"title": "theirs"}, n - 1)], [1]), ATOM),
    "later ones renamed here and all moved there": (lambda case, n: (
        [("app", "following", {"title": "mine"}, n), ("remote", "all", move(case, 0))], [1]), ATOM),
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


# What people do one after the other; `a` and `b` are the two sides. Each step sees those before it.
STEPS = {
    "split, then one of each part": lambda case, n: [
        ("a", "following", {"title": "renamed"}, n), ("b", "this", {"location": "Room 5"}, 1, 2),
        ("b", "this", {"title": "one"}, 1, 1)],
    "split, then all of each part": lambda case, n: [
        ("a", "following", {"title": "renamed"}, n), ("b", "all", {"location": "Room 5"}, None, 2),
        ("a", "all", {"description": "the old team"}, None, 1)],
    "split twice": lambda case, n: [
        ("a", "following", {"title": "renamed"}, n), ("b", "following", {"title": "renamed again"}, 1, 2),
        ("a", "this", {"location": "Room 5"}, 0, 3)],
    "split, then delete the first part": lambda case, n: [
        ("a", "following", {"title": "renamed"}, n), ("b", "all", {"delete": True}, None, 1),
        ("a", "this", {"location": "Room 5"}, 1, 1)],
    "one occurrence by turns": lambda case, n: [
        ("a", "this", {"title": "one"}, n), ("b", "this", {"location": "Room 5"}, n), ("a", "this", move(case, n), n),
        ("b", "this", {"length": longer(case)}, n), ("a", "this", {"delete": True}, n)],
    "a deletion, then all renamed": lambda case, n: [
        ("a", "this", {"delete": True}, n), ("b", "all", {"title": "renamed"}), ("a", "all", {"location": "Room 5"})],
    "a deletion, then all moved: it is back": lambda case, n: [
        ("a", "this", {"delete": True}, n), ("b", "all", move(case, 0))],
    "another rule, then one occurrence": lambda case, n: [
        ("a", "all", {"rule": case.shape["other"]}), ("b", "this", {"title": "one"}, 1),
        ("a", "this", {"delete": True}, 2)],
    "all moved, then one, then the rest deleted": lambda case, n: [
        ("a", "all", move(case, 0)), ("b", "this", {"title": "one"}, n - 1), ("a", "following", {"delete": True}, n)],
    "one renamed as the series, then all renamed": lambda case, n: [
        ("a", "this", {"title": "one"}, n), ("a", "this", {"title": "series"}, n), ("a", "all", {"title": "renamed"})],
}


def step_rows():
    """Edits of both sides in turn, each after all is settled."""
    shapes, rows = Shapes(), []
    for name, steps in STEPS.items():
        for kind in KINDS:
            shape = shapes.next(kind)
            for first, second in [WHO, WHO[::-1]]:
                case = Case(f"steps, {name}, {first} first, {kind}", kind, shape)
                if name.startswith("one renamed as") and first == "remote":
                    continue
                for number, (side, *edit) in enumerate(steps(case, split_of(shape))):
                    if number:
                        case.sync()
                    case.play(first if side == "a" else second, *edit)
                rows.append(case.row())
    return rows


def files():
    """The text of each file."""
    return {
        "this.jsonl": one_side("this", THIS, this),
        "following.jsonl": one_side("following", FOLLOWING, following),
        "all.jsonl": one_side("all", ALL, whole),
        "both.jsonl": both_rows(TOGETHER, CLASHES, BY_POLICY),
        "open.jsonl": both_rows({}, OPEN, {}),
        "steps.jsonl": step_rows(),
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
