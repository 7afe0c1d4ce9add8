//! Random rules through Tandem and through ical-rs, which share no code: every difference has a reason, or is a bug.
//!
//! `TANDEM_RULES=20000` says how many (2,000 otherwise); `TANDEM_RULES_FILE=FILE` writes them with Tandem's answers,
//! for `tests/scripts/dateutil_rules.py`. The whole way is compared: RRULE and EXDATE text to a document to the
//! occurrences of a window, as original starts and as instants.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
#![allow(clippy::disallowed_methods, reason = "a test may be told how much to do")]
#![allow(clippy::print_stdout, reason = "the table is the report")]

mod library;
mod reasons;
mod rules;

use std::collections::BTreeMap;
use std::io::Write as _;

use library::{Found, Met};
use reasons::REASONS;
use rules::{Case, FREQUENCIES, LIMIT, UntilForm, basic, basic_date, wall};
use serde_json::{Value, json};
use tandem_engine::recurrence::{ListedDate, Place, Rule, Window, occurrences, occurrences_on, parse_dates};
use tandem_engine::time::{BundledZones, LocalDateTime};

const DEFAULT_RULES: u64 = 2_000;
/// The seed of case 0; the others follow it.
const SEED: u64 = 20_260_302;

/// The event of a case, made from its text.
fn document(case: &Case, zones: &BundledZones) -> Value {
    let place = Place { all_day: case.all_day, zone: case.zone, zones };
    let rule = Rule::from_rrule(&case.rule, &place).unwrap_or_else(|error| panic!("{}: {error}", case.rule));
    let mut document = json!({
        "@type": "Event", "uid": "it", "start": LocalDateTime(wall(case.start)).to_string(),
        "showWithoutTime": case.all_day, "timeZone": case.zone, "recurrenceRules": [rule.to_json()],
    });
    let mut overrides = serde_json::Map::new();
    for line in &case.excluded {
        for date in parse_dates(line, &place).expect("a line of dates").dates {
            let ids = match date {
                ListedDate::At(at) => vec![at],
                ListedDate::Day(day) => occurrences_on(&document, day).unwrap(),
            };
            overrides.extend(ids.iter().map(|id| (id.to_string(), json!({"excluded": true}))));
        }
    }
    document["recurrenceOverrides"] = Value::Object(overrides);
    document
}

/// Tandem's answer.
fn expand(case: &Case, zones: &BundledZones) -> Vec<Found> {
    let ms = |at: i64| u64::try_from(at).unwrap();
    let window = Window { from_ms: ms(case.from_ms), to_ms: ms(case.to_ms), zone: "Etc/UTC", limit: LIMIT };
    let answer = occurrences(&document(case, zones), &window, zones).unwrap();
    assert!(!answer.truncated || answer.items.len() == LIMIT, "the work budget was spent: {case:?}");
    let civil = |id: &str| LocalDateTime::parse(id).unwrap().0.and_utc().timestamp();
    let found = |o: &tandem_engine::recurrence::Occurrence| {
        (civil(o.recurrence_id.as_deref().unwrap()), i64::try_from(o.start_ms).unwrap())
    };
    answer.items.iter().map(found).collect()
}

/// What of the rules' variety a case stands for.
fn classes(case: &Case, found: usize, met: &Met, late: bool) -> Vec<String> {
    let parts = &case.parts;
    let mut classes = vec![format!("FREQ={}", FREQUENCIES[parts.frequency])];
    classes.extend(parts.lists.iter().map(|(name, _)| (*name).to_owned()));
    let numbered = parts.days.iter().filter(|(n, _)| *n != 0).count();
    let negative = |name| parts.list(name).iter().any(|n| *n < 0);
    let until = |form| parts.until.is_some_and(|(_, f)| f == form) && !case.all_day;
    let daily = |form: fn(&str) -> bool| case.excluded.iter().any(|line| form(line)) && !case.all_day;
    for (name, holds) in [
        ("BYDAY", !parts.days.is_empty()),
        ("BYDAY with ordinals", numbered > 0),
        ("BYDAY with and without ordinals", numbered > 0 && numbered < parts.days.len()),
        ("BYMONTHDAY from the end", negative("BYMONTHDAY")),
        ("BYSETPOS from the end", negative("BYSETPOS")),
        ("BYYEARDAY from the end", negative("BYYEARDAY")),
        ("BYWEEKNO from the end", negative("BYWEEKNO")),
        ("WEEKLY with BYSETPOS", parts.frequency == 2 && parts.has("BYSETPOS")),
        ("WKST", parts.week_start != 0),
        ("INTERVAL", parts.interval > 1),
        ("COUNT", parts.count.is_some()),
        ("COUNT, window entered late", parts.count.is_some() && late),
        ("UNTIL as a date, with times", until(UntilForm::Date)),
        ("UNTIL as a date, all-day", case.all_day && parts.until.is_some()),
        ("UNTIL as wall time", until(UntilForm::Local)),
        ("UNTIL in UTC", until(UntilForm::Utc)),
        ("UNTIL in UTC of a zone", until(UntilForm::Utc) && case.zone.is_some()),
        ("all-day", case.all_day),
        ("in a zone", case.zone.is_some()),
        ("floating", case.zone.is_none() && !case.all_day),
        ("an occurrence in a gap", met.gaps > 0),
        ("an occurrence in an overlap", met.overlaps > 0),
        ("EXDATE", !case.excluded.is_empty()),
        ("EXDATE of whole days, with times", daily(|line| line.contains("VALUE=DATE"))),
        ("EXDATE in UTC", daily(|line| line.ends_with('Z'))),
        ("window entered late", late),
        ("the limit ends it", found == LIMIT),
    ] {
        if holds {
            classes.push(name.to_owned());
        }
    }
    classes
}

fn show(found: Option<&Found>) -> String {
    found.map_or("none".to_owned(), |(civil, ms)| format!("{} ({ms} ms)", basic(*civil)))
}

fn describe(case: &Case, ours: &[Found], theirs: &[Found]) -> String {
    let first = (0..).find(|i| ours.get(*i) != theirs.get(*i)).unwrap();
    format!(
        "case {}: {} from {} in {:?}{} {:?}, window {}..{}: number {first} is {} here ({} in all), {} in ical-rs ({})",
        case.number,
        case.rule,
        if case.all_day { basic_date(case.start) } else { basic(case.start) },
        case.zone,
        if case.all_day { " all-day" } else { "" },
        case.excluded,
        case.from_ms,
        case.to_ms,
        show(ours.get(first)),
        ours.len(),
        show(theirs.get(first)),
        theirs.len(),
    )
}

/// The case and Tandem's answer, for the script.
fn line(case: &Case, ours: &[Found]) -> String {
    let start = if case.all_day { basic_date(case.start) } else { basic(case.start) };
    let expected: Vec<Value> = ours.iter().map(|(civil, ms)| json!([basic(*civil), ms])).collect();
    json!({
        "number": case.number, "rule": case.rule, "start": start, "zone": case.zone, "excluded": case.excluded,
        "from_ms": case.from_ms, "to_ms": case.to_ms, "limit": LIMIT, "expected": expected,
    })
    .to_string()
}

#[derive(Default)]
struct Tally {
    same: usize,
    empty: usize,
    occurrences: usize,
    reasons: BTreeMap<Vec<usize>, (usize, String)>,
    classes: BTreeMap<String, usize>,
    unexplained: Vec<String>,
}

impl Tally {
    fn compare(&mut self, case: &Case, ours: &[Found]) {
        let mut met = Met::default();
        let theirs = library::expand(case, library::Fix::default(), &mut met);
        self.occurrences += ours.len();
        self.empty += usize::from(ours.is_empty());
        if !ours.is_empty() {
            let late = case.from_ms > case.start * 1_000;
            for class in classes(case, ours.len(), &met, late) {
                *self.classes.entry(class).or_default() += 1;
            }
        }
        if ours == theirs {
            self.same += 1;
            return;
        }
        let explained = reasons::sets().into_iter().find(|(_, fix)| library::expand(case, *fix, &mut met) == ours);
        let text = describe(case, ours, &theirs);
        let Some((set, _)) = explained else {
            self.unexplained.push(text);
            return;
        };
        let (count, smallest) = self.reasons.entry(set).or_insert((0, text.clone()));
        *count += 1;
        // The shortest rule is the easiest to read.
        if text.len() < smallest.len() {
            *smallest = text;
        }
    }

    fn print(&self, cases: u64) {
        println!("{cases} rules, {} occurrences compared, {} windows without any", self.occurrences, self.empty);
        println!("{:>6}  the same", self.same);
        for (set, (count, smallest)) in &self.reasons {
            let names: Vec<&str> = set.iter().map(|i| REASONS[*i].name).collect();
            println!("{count:>6}  {}\n        {smallest}", names.join(" + "));
        }
        println!("{:>6}  not explained", self.unexplained.len());
        println!("rules with at least one occurrence in their window, by what they have:");
        self.classes.iter().for_each(|(name, count)| println!("{count:>6}  {name}"));
    }
}

/// Everything that the run must have met, so that agreement means something.
const MUST_MEET: [&str; 11] = [
    "BYMONTH",
    "BYWEEKNO",
    "BYYEARDAY",
    "BYMONTHDAY",
    "BYHOUR",
    "BYMINUTE",
    "BYSECOND",
    "BYSETPOS",
    "BYDAY with and without ordinals",
    "an occurrence in a gap",
    "an occurrence in an overlap",
];
/// The number of entries that [`classes`] can give: 7 frequencies, 8 lists, 27 others.
const CLASSES: usize = 42;

#[test]
fn every_difference_has_a_reason() {
    let asked = std::env::var("TANDEM_RULES").ok();
    let cases = asked.map_or(DEFAULT_RULES, |n| n.parse().expect("TANDEM_RULES is a number"));
    let mut file = std::env::var_os("TANDEM_RULES_FILE")
        .map(|path| std::io::BufWriter::new(std::fs::File::create(path).expect("TANDEM_RULES_FILE can be written")));
    let zones = BundledZones::new();
    let mut tally = Tally::default();
    for number in SEED..SEED + cases {
        let mut case = Case::new(number, &zones, library::some);
        case.exclude(&library::early(&case), &zones);
        let ours = expand(&case, &zones);
        tally.compare(&case, &ours);
        if let Some(file) = &mut file {
            writeln!(file, "{}", line(&case, &ours)).unwrap();
        }
    }
    tally.print(cases);
    let wrong = &tally.unexplained;
    assert!(wrong.is_empty(), "{} differences without a reason:\n{}", wrong.len(), wrong.join("\n"));
    if cases >= DEFAULT_RULES {
        for name in MUST_MEET {
            assert!(tally.classes.get(name).is_some_and(|n| *n >= 10), "too few rules with {name}");
        }
        assert_eq!(tally.classes.len(), CLASSES, "{:?}", tally.classes.keys());
        assert!(tally.occurrences > usize::try_from(cases).unwrap() * 10, "most windows must hold something");
    }
}
