//! The headless story: everything the page can do, in a fixed order, and at the end a comparison of both sides.

use std::time::Duration;

use super::change::{Change, Side, make, now_ms};
use super::compare::{Comparison, compare};
use super::entry::{Pair, pairs};
use super::faults;
use super::figures::{Figures, median, say};
use super::progress::FirstSync;
use super::trouble::{Told, Trouble};
use super::world::World;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// Where the story takes its events from, in days from now.
const CAST: (i64, i64) = (1, 60);
/// Single events that it needs.
const SINGLES: usize = 20;
/// Occurrences of different series that it needs.
const OCCURRENCES: usize = 4;
/// Edits whose latency is measured, on each side.
const MEASURED: usize = 5;
/// Times that the comparison is made again while the last step ends.
const LOOKS: u32 = 40;
/// Differences that are printed for each side.
const PRINTED: usize = 20;

/// The events of the story, each used once, so that no part depends on another.
struct Cast {
    singles: std::vec::IntoIter<Pair>,
    occurrences: std::vec::IntoIter<Pair>,
}

impl Cast {
    async fn choose(world: &World) -> Told<Self> {
        let (from, to) = (now_ms() + CAST.0 * DAY_MS, now_ms() + CAST.1 * DAY_MS);
        let all = pairs(world.google.window(from, to)?, world.application.window(from, to).await?);
        let timed = |pair: &Pair| pair.google.as_ref().is_some_and(|seen| !seen.entry.all_day);
        let (mut singles, mut occurrences) = (Vec::<Pair>::new(), Vec::<Pair>::new());
        for pair in all.into_iter().filter(|pair| pair.is_equal() && timed(pair)) {
            if pair.key.occurrence.is_empty() {
                singles.push(pair);
            } else if !occurrences.iter().any(|other| other.key.uid == pair.key.uid) {
                occurrences.push(pair);
            }
        }
        // A small calendar has few events in two months: the rest are made.
        for number in singles.len()..SINGLES {
            let start_ms = from / HOUR_MS * HOUR_MS + i64::try_from(number).unwrap_or(0) * HOUR_MS;
            let sent = make(world, Side::Google, &Change::Create(format!("Extra {number}"), start_ms), None).await?;
            let key = sent.key.clone();
            sent.arrived(world).await?;
            let google = world.google.window(start_ms, start_ms + HOUR_MS)?;
            let application = world.application.window(start_ms, start_ms + HOUR_MS).await?;
            singles.extend(pairs(google, application).into_iter().filter(|pair| pair.key == key));
        }
        if occurrences.len() < OCCURRENCES {
            return Err(Trouble(format!(
                "{OCCURRENCES} series are needed, there are {}: give more events",
                occurrences.len()
            )));
        }
        Ok(Self { singles: singles.into_iter(), occurrences: occurrences.into_iter() })
    }

    fn single(&mut self) -> Told<Pair> {
        self.singles.next().ok_or_else(|| "the story has run out of events".into())
    }

    fn occurrence(&mut self) -> Told<Pair> {
        self.occurrences.next().ok_or_else(|| "the story has run out of series".into())
    }
}

/// Tell the story; true when both sides are equal at the end.
pub(super) async fn tell(world: &World, first: FirstSync) -> Told<bool> {
    let mut figures = Figures::default();
    figures.add("events", first.events.to_string());
    figures.add("first sync", format!("{:.0} events/s, {:.2} s", first.per_second(), first.took.as_secs_f64()));
    let mut cast = Cast::choose(world).await?;
    for side in [Side::Google, Side::Application] {
        edits(world, side, &mut cast, &mut figures).await?;
    }
    misfortunes(world, &mut cast, &mut figures).await?;
    let result = settle(world).await?;
    figures.add("requests to Google", world.google.requests().to_string());
    figures.add("steps", world.steps().await.to_string());
    figures.add("conflicts recorded", world.application.count("conflicts?state=all&").await?.to_string());
    figures.add("failures left", world.application.count("failures?").await?.to_string());
    figures.add("duplicates in Google", result.duplicates.to_string());
    let differ = result.only_google.len() + result.only_application.len();
    figures.add("compared at the end", format!("{} occurrences equal, {differ} differences", result.equal));
    say(&format!("\n{}", figures.table()))?;
    differences(&result)?;
    Ok(result.is_equal())
}

async fn edits(world: &World, side: Side, cast: &mut Cast, figures: &mut Figures) -> Told<()> {
    let way = format!("{} -> {}", side.name(), side.other().name());
    say(&format!("edits in {}", side.name()))?;
    let mut times = Vec::new();
    for number in 0..MEASURED {
        let rename = Change::Rename(format!("Renamed in {} {number}", side.name()));
        times.push(make(world, side, &rename, Some(&cast.single()?)).await?.arrived(world).await?);
    }
    let start_ms = (now_ms() / DAY_MS + 2) * DAY_MS + 10 * HOUR_MS;
    let title = format!("Made in {}", side.name());
    let mut one =
        |name: &str, took: Duration| figures.add(&format!("{way}, {name}"), format!("{} ms", took.as_millis()));
    one("edit (median)", median(times));
    let made = make(world, side, &Change::Create(title, start_ms), None).await?;
    one("create", made.arrived(world).await?);
    for (name, change, pair) in [
        ("move", Change::Postpone, cast.single()?),
        ("delete", Change::Delete, cast.single()?),
        ("move one occurrence", Change::Postpone, cast.occurrence()?),
        ("cancel one occurrence", Change::Delete, cast.occurrence()?),
    ] {
        one(name, make(world, side, &change, Some(&pair)).await?.arrived(world).await?);
    }
    Ok(())
}

async fn misfortunes(world: &World, cast: &mut Cast, figures: &mut Figures) -> Told<()> {
    let start_ms = (now_ms() / DAY_MS + 3) * DAY_MS;
    let mut tell = |name: &str, came: String| {
        figures.add(name, came.clone());
        say(&format!("{name}: {came}"))
    };
    let pair = cast.single()?;
    tell("edited on both sides", faults::both_sides(world, &pair, ("Google's title", "Our title")).await?)?;
    tell("429", faults::throttle(world, &cast.single()?, "Renamed under 429").await?)?;
    tell("lost webhook", faults::lose_webhook(world, &cast.single()?, "Renamed without a word").await?)?;
    tell("lost answer", faults::lose_answer(world, "Made once", start_ms + 9 * HOUR_MS, &|_| ()).await?)?;
    tell("expired sync token", faults::expire_token(world, &cast.single()?, "Renamed after the token").await?)?;
    tell(
        "killed in a write",
        faults::kill_in_write(world, "Made by a dead host", start_ms + 11 * HOUR_MS, &|_| ()).await?,
    )?;
    let two = (&cast.single()?, &cast.single()?);
    let titles = ("Renamed in Google before the kill", "Renamed here before the kill");
    tell("killed in a listing", faults::kill_in_listing(world, two, titles).await?)
}

/// Compare; a last step may still be running.
async fn settle(world: &World) -> Told<Comparison> {
    let mut result = compare(world).await?;
    for _ in 0..LOOKS {
        if result.is_equal() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        result = compare(world).await?;
    }
    Ok(result)
}

/// Ids of what differs; titles are people's own.
fn differences(result: &Comparison) -> Told<()> {
    for (side, ids) in [("Google", &result.only_google), ("the application", &result.only_application)] {
        for id in ids.iter().take(PRINTED) {
            say(&format!("only in {side}: {id}"))?;
        }
        if ids.len() > PRINTED {
            say(&format!("and {} more only in {side}", ids.len() - PRINTED))?;
        }
    }
    Ok(())
}
