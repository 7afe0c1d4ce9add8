//! The events of the story, each used once, so that no part depends on another.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use chrono::{DateTime, NaiveTime, TimeDelta};

use super::change::{Change, make, now_ms};
use super::entry::{Row, text};
use super::remote::Every;
use super::side::Side;
use super::trouble::{Told, Trouble};
use super::world::World;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// Where the story takes its events from, in days from now.
const WINDOW: (i64, i64) = (1, 45);
/// Single events that it needs.
const SINGLES: usize = 36;
/// Different series that it needs.
const SERIES: usize = 11;
/// Occurrences of a series that some parts need.
const OCCURRENCES: usize = 4;
/// Hours of the day in which occurrences begin: none may be moved into the next day, as Outlook lets no occurrence pass
/// its neighbour.
const HOURS: std::ops::RangeInclusive<u32> = 7..=19;
/// How often is looked whether what was made for the story is there, and how long.
const LOOK: Duration = Duration::from_millis(100);
const BOUND: Duration = Duration::from_secs(60);

/// See the module.
pub(super) struct Cast {
    singles: std::vec::IntoIter<Row>,
    series: std::vec::IntoIter<Vec<Row>>,
}

impl Cast {
    /// Choose them; a small calendar is given what it lacks. What is generated depends on today's date.
    pub(super) async fn choose(world: &World) -> Told<Self> {
        let span = (now_ms() + WINDOW.0 * DAY_MS, now_ms() + WINDOW.1 * DAY_MS);
        let (mut singles, mut series) = found(world, span).await?;
        for number in singles.len()..SINGLES {
            let start_ms = span.0 / HOUR_MS * HOUR_MS + i64::try_from(number).unwrap_or(0) * HOUR_MS;
            let sent = make(world, Side::Google, &Change::Create(format!("Extra {number}"), start_ms), None).await?;
            let key = sent.key.clone();
            sent.arrived(world).await?;
            singles.extend(world.row(&key, start_ms).await?);
        }
        let google = world.remote(Side::Google).ok_or("there is no Google")?;
        let first = DateTime::from_timestamp_millis(span.0).unwrap_or_default().date_naive();
        for number in series.len()..SERIES {
            let start = first.and_time(NaiveTime::MIN) + TimeDelta::hours(10);
            google.create_series(&format!("Extra series {number}"), start, Every::Week)?;
        }
        let started = Instant::now();
        while series.len() < SERIES {
            if started.elapsed() > BOUND {
                return Err(Trouble(format!("{SERIES} series are needed, there are {}", series.len())));
            }
            tokio::time::sleep(LOOK).await;
            series = found(world, span).await?.1;
        }
        Ok(Self { singles: singles.into_iter(), series: series.into_iter() })
    }

    /// A single event.
    pub(super) fn single(&mut self) -> Told<Row> {
        self.singles.next().ok_or_else(|| "the story has run out of events".into())
    }

    /// Four occurrences or more of a series, by start.
    pub(super) fn series(&mut self) -> Told<Vec<Row>> {
        self.series.next().ok_or_else(|| "the story has run out of series".into())
    }

    /// One occurrence.
    pub(super) fn occurrence(&mut self) -> Told<Row> {
        self.series()?.into_iter().next().ok_or_else(|| "a series has no occurrence".into())
    }
}

/// Single events and series that are equal on all sides.
async fn found(world: &World, (from_ms, to_ms): (i64, i64)) -> Told<(Vec<Row>, Vec<Vec<Row>>)> {
    let (mut singles, mut series) = (Vec::<Row>::new(), BTreeMap::<String, Vec<Row>>::new());
    for row in world.rows(from_ms, to_ms).await?.into_iter().filter(|row| row.is_equal() && row.is_timed()) {
        if row.key.occurrence.is_empty() {
            singles.push(row);
        } else if HOURS.contains(&hour(&row)) && is_plain(&row) {
            series.entry(row.key.uid.clone()).or_default().push(row);
        }
    }
    Ok((singles, series.into_values().filter(|rows| rows.len() >= OCCURRENCES).collect()))
}

/// It is as its series says. An exception keeps its own title when the series is renamed.
fn is_plain(row: &Row) -> bool {
    row.seen.outlook.as_ref().is_some_and(|seen| text(&seen.body, "type") == "occurrence")
}

/// The hour of an occurrence's original start, on the clock of its series.
fn hour(row: &Row) -> u32 {
    row.key.occurrence.get(11..13).and_then(|hour| hour.parse().ok()).unwrap_or(0)
}
