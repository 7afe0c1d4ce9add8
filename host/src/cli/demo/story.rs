//! The headless story: everything the page can do, in a fixed order, and at the end a comparison of all sides.

use std::time::{Duration, Instant};

use super::cast::Cast;
use super::change::{Arrival, Change, make, now_ms};
use super::compare::{Comparison, compare};
use super::faults;
use super::figures::{Figures, median, say};
use super::progress::FirstSync;
use super::series;
use super::side::Side;
use super::trouble::Told;
use super::world::World;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// Edits whose latency is measured, on each side.
const MEASURED: usize = 5;
/// How long the last step may take to end; meanwhile the comparison is made again.
const LAST_STEP: Duration = Duration::from_secs(20);
/// Differences that are printed for each side.
const PRINTED: usize = 20;

/// Tell the story; true when all sides are equal at the end.
pub(super) async fn tell(world: &World, first: &FirstSync) -> Told<bool> {
    let mut figures = Figures::default();
    first_sync(first, &mut figures);
    let mut cast = Cast::choose(world).await?;
    for side in Side::ALL {
        edits(world, side, &mut cast, &mut figures).await?;
    }
    whole_series(world, &mut cast, &mut figures).await?;
    for side in Side::PROVIDERS {
        misfortunes(world, side, &mut cast, &mut figures).await?;
    }
    let result = settle(world).await?;
    for remote in world.remotes() {
        let (name, traffic) = (remote.side().name(), remote.traffic());
        figures.add(&format!("requests to {name}"), traffic.requests.to_string());
        figures.add(&format!("mails sent to guests by {name}"), traffic.mails.to_string());
    }
    figures.add("steps", world.steps().await.to_string());
    figures.add("conflicts recorded", world.application.count("conflicts?state=all&").await?.to_string());
    let mut failures = Vec::new();
    for remote in world.remotes() {
        failures.append(&mut world.application.failures(remote.replica()).await?.others);
    }
    let refused = format!(
        "{}, each recorded; {} of their occurrences are equal on the other sides",
        result.refused, result.excused
    );
    figures.add("series that Outlook cannot express", refused);
    figures.add("other failures", failures.len().to_string());
    for side in Side::PROVIDERS {
        figures.add(&format!("duplicates in {}", side.name()), result.duplicates.of(side).to_string());
    }
    let differ = result.differences();
    figures.add("compared at the end", format!("{} occurrences equal on 3 sides, {differ} differences", result.equal));
    say(&format!("\n{}", figures.table()))?;
    differences(&result)?;
    for code in failures.iter().take(PRINTED) {
        say(&format!("a failure that was not meant: {code}"))?;
    }
    Ok(result.is_equal() && failures.is_empty())
}

fn first_sync(first: &FirstSync, figures: &mut Figures) {
    figures.add("events", first.events().to_string());
    for side in Side::PROVIDERS {
        let (began, read) = (first.began.of(side), first.read.of(side).as_secs_f64());
        figures.add(
            &format!("first sync, {} read", side.name()),
            format!("{began} events in {read:.2} s, {:.0}/s", first.read_per_second(side)),
        );
        figures.add(
            &format!("first sync, written to {}", side.name()),
            format!("{} events, series and exceptions", first.written.of(side)),
        );
    }
    figures.add("first sync, mails sent to guests", first.mails.to_string());
    figures.add("first sync, all sides equal", format!("after {:.2} s", first.took.as_secs_f64()));
}

async fn edits(world: &World, side: Side, cast: &mut Cast, figures: &mut Figures) -> Told<()> {
    say(&format!("edits in {}", side.name()))?;
    let mut times = Vec::new();
    for number in 0..MEASURED {
        let rename = Change::Rename(format!("Renamed in {} {number}", side.name()));
        times.push(make(world, side, &rename, Some(&cast.single()?)).await?.arrived(world).await?);
    }
    let middle = side.others().map(|other| (other, median(times.iter().map(|arrival| arrival.on(other)).collect())));
    let mut one =
        |what: &str, arrival: Arrival| figures.add(&format!("{} -> others, {what}", side.name()), arrival.told());
    one("edit (median)", Arrival { times: middle });
    let start_ms = (now_ms() / DAY_MS + 2) * DAY_MS + 10 * HOUR_MS;
    let made = make(world, side, &Change::Create(format!("Made in {}", side.name()), start_ms), None).await?;
    one("create", made.arrived(world).await?);
    for (name, change, row) in [
        ("move", Change::Postpone, cast.single()?),
        ("delete", Change::Delete, cast.single()?),
        ("move one occurrence", Change::Postpone, cast.occurrence()?),
        ("cancel one occurrence", Change::Delete, cast.occurrence()?),
    ] {
        one(name, make(world, side, &change, Some(&row)).await?.arrived(world).await?);
    }
    Ok(())
}

async fn whole_series(world: &World, cast: &mut Cast, figures: &mut Figures) -> Told<()> {
    let mut tell = |name: &str, came: String| {
        figures.add(name, came.clone());
        say(&format!("{name}: {came}"))
    };
    for side in Side::PROVIDERS {
        let title = format!("With exceptions of {}", side.name());
        let came = series::rename_with_exceptions(world, side, &cast.series()?, &title).await?;
        tell(&format!("{}, exceptions", side.name()), came)?;
    }
    for side in Side::PROVIDERS {
        let came = series::day_31(world, side, &format!("Day 31, by {}", side.name())).await?;
        tell(&format!("{}, each month on day 31", side.name()), came)?;
    }
    for side in Side::ALL {
        let rows = cast.series()?;
        let middle = rows.get(1).ok_or("a series of one occurrence")?;
        let came = series::split(world, side, middle, &format!("Second half, by {}", side.name())).await?;
        tell(&format!("{}, series split", side.name()), came)?;
    }
    Ok(())
}

async fn misfortunes(world: &World, side: Side, cast: &mut Cast, figures: &mut Figures) -> Told<()> {
    let day_ms = (now_ms() / DAY_MS + if side == Side::Google { 3 } else { 4 }) * DAY_MS;
    let at = side.name();
    let mut tell = |name: &str, came: String| {
        let name = format!("{at}, {name}");
        figures.add(&name, came.clone());
        say(&format!("{name}: {came}"))
    };
    let titled = |text: &str| format!("{text} ({at})");
    let row = cast.single()?;
    let titles = (format!("{at}'s title"), titled("Our title"));
    tell("edited on both sides", faults::both_sides(world, side, &row, (&titles.0, &titles.1)).await?)?;
    tell("429", faults::throttle(world, side, &cast.single()?, &titled("Renamed under 429")).await?)?;
    let title = titled("Renamed without a word");
    tell("lost webhook", faults::lose_webhook(world, side, &cast.single()?, &title).await?)?;
    let made = |_| ();
    let came = faults::lose_answer(world, side, &titled("Made once"), day_ms + 9 * HOUR_MS, &made).await?;
    tell("lost answer", came)?;
    let title = titled("Renamed after the token");
    tell("expired token", faults::expire_token(world, side, &cast.single()?, &title).await?)?;
    let title = titled("Made by a dead host");
    tell("killed in a write", faults::kill_in_write(world, side, &title, day_ms + 11 * HOUR_MS, &made).await?)?;
    let two = (&cast.single()?, &cast.single()?);
    let titles = (format!("Renamed in {at} before the kill"), titled("Renamed here before the kill"));
    tell("killed in a listing", faults::kill_in_listing(world, side, two, (&titles.0, &titles.1)).await?)
}

/// Compare; a last step may still be running.
async fn settle(world: &World) -> Told<Comparison> {
    let started = Instant::now();
    let mut result = compare(world).await?;
    while !result.is_equal() && started.elapsed() < LAST_STEP {
        tokio::time::sleep(Duration::from_millis(500)).await;
        result = compare(world).await?;
    }
    Ok(result)
}

/// Ids of what differs; titles are people's own.
fn differences(result: &Comparison) -> Told<()> {
    for side in Side::ALL {
        let (name, ids) = (side.name(), result.surplus.of(side));
        for id in ids.iter().take(PRINTED) {
            say(&format!("in {name} and not on every side: {id}"))?;
        }
        if ids.len() > PRINTED {
            say(&format!("and {} more in {name}", ids.len() - PRINTED))?;
        }
    }
    Ok(())
}
