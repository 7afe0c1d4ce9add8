//! What ical-rs says to a case, as it is and with its known differences set right.
//!
//! ical-rs expands in civil time; zones are asked here, with jiff, one time after the other.

use std::collections::BTreeSet;

use ical::recur::expand::IcalRecurExpand;
use ical::recur::{IcalRecurDateTime, IcalRecurRule};
use jiff::tz::{AmbiguousOffset, TimeZone};
use tandem_engine::recurrence::limits;

use crate::rules::{Case, DAY_S, LIMIT, UntilForm, basic};

/// No zone of the cases skips more at once, in seconds.
const LONGEST_GAP_S: i64 = 7_200;

/// What is set right in an answer of ical-rs. Every field is one reason of the table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Fix {
    /// DTSTART is the first occurrence, and COUNT counts it.
    pub(crate) start_first: bool,
    /// UNTIL as a date includes its day.
    pub(crate) until_day: bool,
    /// The rule is expanded without its UNTIL and cut by hand.
    pub(crate) until_by_hand: bool,
    /// Calendar years, not week years, are the periods of BYWEEKNO.
    pub(crate) calendar_years: bool,
    /// A day that EXDATE removes has at most so many occurrences as Tandem lists of one day.
    pub(crate) day_bound: bool,
}

/// An occurrence: its civil second and its instant, ms since the epoch.
pub(crate) type Found = (i64, i64);

/// What an answer met on its way.
#[derive(Debug, Default)]
pub(crate) struct Met {
    pub(crate) gaps: usize,
    pub(crate) overlaps: usize,
}

pub(crate) fn date_time(at: i64) -> IcalRecurDateTime {
    IcalRecurDateTime::from_seconds(at)
}

/// The occurrences of a rule up to an end: without one ical-rs looks for the next occurrence until the year 9999.
fn items(rule: &str, start: i64, end: i64) -> impl Iterator<Item = i64> + use<> {
    let rule = IcalRecurRule::parse(&format!("{rule};UNTIL={}", basic(end))).expect("a rule that ical-rs reads");
    IcalRecurExpand::new(rule, date_time(start)).map(|t| t.seconds())
}

/// The first occurrences of a rule, in the five years from a start.
pub(crate) fn some(rule: &str, start: i64) -> Vec<i64> {
    items(rule, start, start + 5 * 365 * DAY_S).take(25).collect()
}

/// The civil occurrences, in order, at least up to the end of the window.
fn civil(case: &Case, fix: Fix) -> Box<dyn Iterator<Item = i64>> {
    let far = case.to_ms / 1_000 + 500 * DAY_S;
    let mut last = i64::MAX;
    if let Some((until, form)) = case.parts.until {
        let day = form == UntilForm::Date && !case.all_day;
        last = if day && fix.until_day { until + DAY_S - 1 } else { until };
    }
    let end = if fix.until_by_hand { far } else { last.min(far) };
    let items: Box<dyn Iterator<Item = i64>> = if fix.calendar_years && case.parts.has("BYWEEKNO") {
        Box::new(in_calendar_years(case, far).into_iter())
    } else {
        Box::new(items(&case.parts.endless(), case.start, end))
    };
    let mut items = items.take_while(move |at| *at <= last).peekable();
    let odd = fix.start_first && items.peek() != Some(&case.start);
    let most = case.parts.count.unwrap_or(usize::MAX);
    Box::new(odd.then_some(case.start).into_iter().chain(items).take(most))
}

/// A yearly rule with weeks: every year whole, then INTERVAL and BYSETPOS by hand in calendar years.
fn in_calendar_years(case: &Case, end: i64) -> Vec<i64> {
    let mut parts = case.parts.clone();
    let (interval, positions) = (parts.interval, parts.list("BYSETPOS").to_vec());
    parts.interval = 1;
    parts.lists.retain(|(name, _)| *name != "BYSETPOS");
    let year = |at: i64| i64::from(date_time(at).year);
    let base = year(case.start);
    // From a year before, at the same time of day: the first days of a year may be in the last week before it.
    let before = IcalRecurDateTime { year: date_time(case.start).year - 1, month: 1, day: 1, ..date_time(case.start) };
    let mut years = std::collections::BTreeMap::<i64, Vec<i64>>::new();
    for at in items(&parts.endless(), before.seconds(), end) {
        years.entry(year(at)).or_default().push(at);
    }
    years.retain(|year, _| *year >= base && (*year - base) % interval == 0);
    let picked = |set: &Vec<i64>| -> Vec<i64> {
        let len = i64::try_from(set.len()).unwrap();
        let index = |p: &i64| if *p > 0 { p - 1 } else { len + p };
        let mut indexes: Vec<i64> = positions.iter().map(index).filter(|i| (0..len).contains(i)).collect();
        indexes.sort_unstable();
        indexes.dedup();
        indexes.into_iter().map(|i| set[usize::try_from(i).unwrap()]).collect()
    };
    let all = years.values().flat_map(|set| if positions.is_empty() { set.clone() } else { picked(set) });
    all.filter(|at| *at >= case.start).collect()
}

/// Some of the civil occurrences, to choose excluded ones from.
pub(crate) fn early(case: &Case) -> Vec<i64> {
    let fix = Fix { start_first: true, ..Fix::default() };
    civil(case, fix).take(25).take_while(|at| at * 1_000 < case.to_ms).collect()
}

/// The occurrences of a case in its window.
pub(crate) fn expand(case: &Case, fix: Fix, met: &mut Met) -> Vec<Found> {
    let zone = case.zone.map(|name| TimeZone::get(name).expect("a zone"));
    let excluded = excluded(case, zone.as_ref());
    let mut found = Vec::new();
    let (mut day, mut of_day) = (i64::MIN, 0);
    for at in civil(case, fix).take_while(|at| *at < case.to_ms / 1_000 + DAY_S) {
        // A few more than are compared: a gap can change their order.
        if found.len() > LIMIT + 3_600 {
            break;
        }
        let today = at.div_euclid(DAY_S);
        of_day = if today == day { of_day + 1 } else { 1 };
        day = today;
        let whole_day = !fix.day_bound || of_day <= limits::DATES;
        if excluded.contains(&Excluded::At(at)) || (whole_day && excluded.contains(&Excluded::Day(today))) {
            continue;
        }
        let ms = zone.as_ref().map_or(at * 1_000, |zone| instant(zone, at, met));
        if (case.from_ms..case.to_ms).contains(&ms) {
            found.push((at, ms));
        }
        let far = found.get(LIMIT).is_some_and(|(civil, _)| at > civil + LONGEST_GAP_S);
        if far {
            break;
        }
    }
    found.sort_unstable_by_key(|(at, ms)| (*ms, *at));
    found.truncate(LIMIT);
    found
}

fn jiff_civil(at: i64) -> jiff::civil::DateTime {
    jiff::Timestamp::from_second(at).unwrap().to_zoned(TimeZone::UTC).datetime()
}

fn instant(zone: &TimeZone, at: i64, met: &mut Met) -> i64 {
    let ambiguous = zone.to_ambiguous_timestamp(jiff_civil(at));
    match ambiguous.offset() {
        AmbiguousOffset::Gap { .. } => met.gaps += 1,
        AmbiguousOffset::Fold { .. } => met.overlaps += 1,
        AmbiguousOffset::Unambiguous { .. } => {}
    }
    ambiguous.compatible().unwrap().as_millisecond()
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Excluded {
    At(i64),
    Day(i64),
}

/// The EXDATE lines of a case, read without the engine.
fn excluded(case: &Case, zone: Option<&TimeZone>) -> BTreeSet<Excluded> {
    let values = case.excluded.iter().flat_map(|line| line.rsplit(':').next().unwrap().split(','));
    let read = |value: &str| {
        let at = IcalRecurDateTime::parse(value).expect("a date").seconds();
        match (value.len(), zone) {
            (8, _) => Excluded::Day(at / DAY_S),
            (16, Some(zone)) => {
                let offset = zone.to_offset(jiff::Timestamp::from_second(at).unwrap());
                Excluded::At(at + i64::from(offset.seconds()))
            }
            _ => Excluded::At(at),
        }
    };
    values.map(read).collect()
}
