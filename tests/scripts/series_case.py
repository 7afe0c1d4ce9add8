"""One case of a series while it is written: its edits, and the model that sees them."""

from series_model import Model, text

# What a case may need of a provider, because not all of them do it so.
WAYS = {
    "exceptions-stand-alone":
        "Exceptions are whole events at the provider: a change of the series by the remote person passes them by.",
    "exceptions-outlive-rules":
        "When the remote person changes times or rule, the provider keeps exceptions of occurrences that are still there.",
    "following-is-plain":
        "The provider's page begins a plain series: exceptions behind the split are lost, deleted ones come back.",
}


class Case:
    """A case while it is written."""

    def __init__(self, name, kind, shape, policy="newest"):
        self.name, self.kind, self.shape, self.policy = name, kind, shape, policy
        self.model = Model(shape)
        self.edits, self.notes = [], []

    def original(self, number, part=1):
        """The original start of an occurrence of a part."""
        return list(self.model.parts[part - 1].list)[number]

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
        ways = sorted(self.model.ways)
        if self.notes or ways:
            row["note"] = " ".join(self.notes + [WAYS[way] for way in ways])
        if ways:
            row["needs"] = ways
        if "window" in shape:
            row["until"] = shape["window"][1]
        row["expect"] = {"series": len(self.model.parts), "conflicts": conflicts, "occurrences": self.model.seen()}
        return row
