//! What happens to a whole series: it is split at an occurrence, or renamed while it has exceptions. Over when all sides
//! show the same occurrences.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use chrono::{DateTime, Datelike as _, NaiveTime, TimeDelta};

use super::change::{Change, make, now_ms};
use super::compare::{Comparison, settle};
use super::entry::{Row, Seen};
use super::outlook;
use super::remote::Every;
use super::side::Side;
use super::trouble::{Told, Trouble};
use super::world::World;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// How far behind the occurrence is looked.
const AHEAD_MS: i64 = 40 * DAY_MS;
/// Enough for three occurrences of a series on the last day of each month.
const THREE_MONTHS_MS: i64 = 70 * DAY_MS;
/// How often.
const LOOK: Duration = Duration::from_millis(20);
/// How long it may take.
const BOUND: Duration = Duration::from_secs(60);

/// Rename an occurrence and all later ones: one series becomes two on every side.
pub(super) async fn split(world: &World, side: Side, row: &Row, title: &str) -> Told<String> {
    if row.key.occurrence.is_empty() {
        return Err("choose an event of a series first".into());
    }
    let seen = row.seen.of(side).as_ref().ok_or("the event is not there on that side")?;
    let started = Instant::now();
    match world.remote(side) {
        Some(remote) => remote.split(seen, title)?,
        None => world.application.split(&row.key, title).await?,
    }
    let near_ms = seen.entry.start_ms;
    let span = (near_ms - DAY_MS, near_ms + AHEAD_MS);
    let (number, took) = same(world, span, started, |seen| seen.entry.title == title, |_| None).await?;
    Ok(format!(
        "series split in {}: the next {number} occurrences have the new title on all sides after {} ms",
        side.name(),
        took.as_millis()
    ))
}

/// Move one occurrence of a series, cancel another, and rename the series on that side; the others must have the new title
/// and the exceptions. `rows` are three occurrences of one series, in their order.
pub(super) async fn rename_with_exceptions(world: &World, side: Side, rows: &[Row], title: &str) -> Told<String> {
    let [first, second, third, ..] = rows else { return Err("three occurrences of a series are needed".into()) };
    make(world, side, &Change::Postpone, Some(second)).await?;
    make(world, side, &Change::Delete, Some(third)).await?;
    let started = Instant::now();
    make(world, side, &Change::Rename(title.to_owned()), Some(first)).await?;
    let uid = &first.key.uid;
    let near_ms = first.start_ms();
    let moved_ms = second.start_ms() + HOUR_MS;
    let wrong = |all: &[Seen]| {
        let find = |row: &Row| all.iter().find(|seen| seen.key == row.key).map(|seen| &seen.entry);
        if find(first).is_none_or(|entry| entry.title != title) {
            return Some("the title");
        }
        if find(second).is_none_or(|entry| entry.start_ms != moved_ms) {
            return Some("the moved occurrence");
        }
        find(third).map(|_| "the cancelled occurrence")
    };
    let span = (near_ms - DAY_MS, near_ms + AHEAD_MS);
    let (number, took) = same(world, span, started, |seen| seen.key.uid == *uid, wrong).await?;
    Ok(format!(
        "series renamed in {}: {number} occurrences, one of them moved and one cancelled, equal on all sides after {} ms",
        side.name(),
        took.as_millis()
    ))
}

/// A user makes a series on day 31 of each month at a provider. Outlook shows it on the last day of a shorter month, which
/// the other sides can say; Google skips that month, which Outlook cannot say: the series is refused there, and recorded.
pub(super) async fn day_31(world: &World, side: Side, title: &str) -> Told<String> {
    let remote = world.remote(side).ok_or("the application is no provider")?;
    let today = DateTime::from_timestamp_millis(now_ms()).unwrap_or_default().date_naive();
    let first = today.iter_days().skip(1).find(|day| day.day() == 31).ok_or("the calendar ends")?;
    let started = Instant::now();
    let made = remote.create_series(title, first.and_time(NaiveTime::MIN) + TimeDelta::hours(10), Every::Month)?;
    let span = (made.entry.start_ms - DAY_MS, made.entry.start_ms + THREE_MONTHS_MS);
    let is_it = |seen: &Seen| seen.entry.title == title;
    if side == Side::Outlook {
        // Three months in a row are at most 62 days, and one of any three is short.
        let short = |all: &[Seen]| (all.len() < 3).then_some("the short month");
        let (number, took) = same(world, span, started, is_it, short).await?;
        let ms = took.as_millis();
        return Ok(format!(
            "{number} occurrences, one on the last day of a short month, equal on all sides after {ms} ms"
        ));
    }
    let mut missing = String::new();
    while started.elapsed() < BOUND {
        let refused = world.application.failures(outlook::REPLICA).await?.not_expressible;
        let mut all = world.window(span.0, span.1).await?;
        for side in Side::ALL {
            all.of_mut(side).retain(is_it);
        }
        let mut result = Comparison::default();
        settle(all, &refused, &mut result);
        if result.excused > 0 && result.equal == 0 && result.differences() == 0 {
            let (number, ms) = (result.excused, started.elapsed().as_millis());
            return Ok(format!(
                "{number} occurrences, none in a short month, equal in Google and your application; refused for Outlook, \
                 which cannot skip a month, and recorded after {ms} ms"
            ));
        }
        missing = format!(
            "{} series are recorded; of this one {} occurrences are equal in Google and the application, {} on all sides, and \
             {} differ",
            refused.len(),
            result.excused,
            result.equal,
            result.differences()
        );
        tokio::time::sleep(LOOK).await;
    }
    Err(Trouble(format!("a series that Outlook cannot express is not settled within {} s: {missing}", BOUND.as_secs())))
}

/// Wait until all sides show the same of what `fits`, and nothing of it is `wrong`; gives how many occurrences that are.
async fn same(
    world: &World,
    (from_ms, to_ms): (i64, i64),
    started: Instant,
    fits: impl Fn(&Seen) -> bool,
    wrong: impl Fn(&[Seen]) -> Option<&'static str>,
) -> Told<(usize, Duration)> {
    let mut missing = String::new();
    while started.elapsed() < BOUND {
        let mut all = world.window(from_ms, to_ms).await?;
        for side in Side::ALL {
            all.of_mut(side).retain(&fits);
        }
        let wrong = Side::ALL.into_iter().find_map(|side| Some((side, wrong(all.of(side))?)));
        let mut result = Comparison::default();
        settle(all, &BTreeSet::new(), &mut result);
        if wrong.is_none() && result.equal > 0 && result.differences() == 0 {
            return Ok((result.equal, started.elapsed()));
        }
        missing = match wrong {
            Some((side, what)) => format!("{what} in {}", side.name()),
            None => format!("{} occurrences are equal, {} are not on all sides", result.equal, result.differences()),
        };
        tokio::time::sleep(LOOK).await;
    }
    Err(Trouble(format!("a change of a series did not arrive within {} s: {missing}", BOUND.as_secs())))
}
