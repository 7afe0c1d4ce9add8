"""python-dateutil on the workloads of `cargo run --release -p tandem-bench -- recurrence`, which runs this.

Takes the workloads as JSON on standard input; answers with microseconds of one call each, medians of several. Rules
are read before the clock starts; results are instants, as in the other rows.
"""

import datetime
import json
import statistics
import sys
import time

try:
    from dateutil import rrule, tz
except ImportError:
    raise SystemExit("python-dateutil is not installed") from None

RUNS = 5


def prepared(work):
    zone = tz.gettz(work["zone"])

    def wall(text):
        return datetime.datetime.strptime(text, "%Y%m%dT%H%M%S").replace(tzinfo=zone)

    text = work["rule"]
    if work["until"]:
        text += wall(work["until"]).astimezone(datetime.timezone.utc).strftime(";UNTIL=%Y%m%dT%H%M%SZ")
    rule = rrule.rrulestr(text, dtstart=wall(work["start"]))
    if work["excluded"]:
        series = rrule.rruleset()
        series.rrule(rule)
        for excluded in work["excluded"]:
            series.exdate(wall(excluded))
        rule = series
    if work["until"]:
        return lambda: [at.timestamp() for at in rule]
    first, last = (datetime.datetime.fromtimestamp(work[edge], datetime.timezone.utc) for edge in ("from_s", "to_s"))
    return lambda: [at.timestamp() for at in rule.between(first, last, inc=True)]


def main():
    answers = []
    for work in json.load(sys.stdin):
        call = prepared(work)
        if len(call()) != work["expected"]:
            raise SystemExit(f"dateutil gives {len(call())} occurrences, not {work['expected']}")
        samples = []
        for _ in range(RUNS):
            start = time.perf_counter()
            call()
            samples.append((time.perf_counter() - start) * 1e6)
        answers.append(statistics.median(samples))
    print(json.dumps(answers))


if __name__ == "__main__":
    main()
