//! What goes wrong on purpose, and what came of it. Each fault is one provider's, and ends only when all sides show
//! the same again.

use std::time::{Duration, Instant};

use serde_json::Value;
use tandem_providers::{Fault, FaultKind, PushFault};

use super::application::TENANT;
use super::change::{Change, make, now_ms};
use super::entry::{Key, Row};
use super::remote::Remote;
use super::side::Side;
use super::trouble::{Told, Trouble};
use super::world::World;

/// How long a fault may take to strike, or its trace to show.
const BOUND: Duration = Duration::from_secs(60);
/// How long the notification of the provider's edit is held back while both sides edit.
const HOLD_MS: u64 = 500;
/// Quiet for so long there is no echo on its way; much shorter than the safety poll's interval.
const QUIET: Duration = Duration::from_millis(400);
/// What arrives sooner than this cannot have waited for the safety poll.
const BY_POLL: Duration = Duration::from_secs(1);
/// Requests that the provider refuses, and how long it asks to wait, in seconds.
const REFUSALS: (u32, u32) = (3, 2);

/// What came of a fault, as a sentence.
pub(super) type Came = Told<String>;

/// Told which event a fault made.
pub(super) type Made<'a> = &'a (dyn Fn(Key) + Sync);

fn ms(took: Duration) -> String {
    format!("{} ms", took.as_millis())
}

/// Look until something is true.
async fn until<F: Future<Output = Told<bool>>>(what: &str, mut look: impl FnMut() -> F) -> Told<()> {
    let started = Instant::now();
    while started.elapsed() < BOUND {
        if look().await? {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Err(Trouble(format!("{what}: nothing within {} s", BOUND.as_secs())))
}

/// The provider's side of the world.
fn at(world: &World, side: Side) -> Told<&dyn Remote> {
    world.remote(side).ok_or_else(|| "the application is no provider".into())
}

/// A provider and the application give the same event another title at the same time. The loser must be in a conflict
/// record.
pub(super) async fn both_sides(world: &World, side: Side, row: &Row, titles: (&str, &str)) -> Came {
    let remote = at(world, side)?;
    let seen = row.seen.of(side).as_ref().ok_or("the event is not there on that side")?;
    let uid = &row.key.uid;
    let revision = world.application.revision(uid).await?;
    // Its notification is on the way while the application edits: nobody has seen the other's edit.
    remote.plan_push(PushFault::Late(HOLD_MS));
    remote.rename(seen, titles.0)?;
    let started = Instant::now();
    world.application.rename(uid, titles.1, revision).await?;
    let kept = |record: &Value, side: &str| {
        record.pointer(&format!("/{side}/title")).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let record = || async {
        let record = world.application.conflict(uid).await?;
        // An older one would speak of other titles.
        Ok::<_, Trouble>(
            record.filter(|record| kept(record, "remote") == titles.0 && kept(record, "local") == titles.1),
        )
    };
    until("the conflict record with both titles", || async {
        if record().await?.is_none() {
            return Ok(false);
        }
        Ok(world.row(&row.key, seen.entry.start_ms).await?.is_some_and(|row| row.is_equal()))
    })
    .await?;
    let took = started.elapsed();
    let outcome = record().await?.map(|record| kept(&record, "outcome")).unwrap_or_default();
    let both = [(titles.0, side, Side::Application), (titles.1, Side::Application, side)];
    let Some((_, winner, loser)) = both.into_iter().find(|(title, ..)| *title == outcome) else {
        return Err(Trouble(format!("neither title of event {uid} won")));
    };
    Ok(format!(
        "the edit in {} won, the one in {} is in the conflict record; all sides equal after {}",
        winner.name(),
        loser.name(),
        ms(took)
    ))
}

/// The provider asks to slow down.
pub(super) async fn throttle(world: &World, side: Side, row: &Row, title: &str) -> Came {
    let remote = at(world, side)?;
    let (times, wait_s) = REFUSALS;
    let kind = FaultKind::TooManyRequests { retry_after_s: Some(wait_s) };
    let before = remote.answers(429);
    // Only writes: the demo's own looks are requests too, and must not use the refusals up.
    remote.plan(Fault::next(kind).on_method("PATCH").times(times));
    let sent = make(world, Side::Application, &Change::Rename(title.to_owned()), Some(row)).await?;
    let arrival = sent.arrived(world).await?;
    let refused = remote.answers(429) - before;
    Ok(format!("{refused} writes refused with \"wait {wait_s} s\"; the edit arrived {}", arrival.told()))
}

/// The notification of an edit never comes.
pub(super) async fn lose_webhook(world: &World, side: Side, row: &Row, title: &str) -> Came {
    let remote = at(world, side)?;
    // An earlier change that still echoes would bring the edit along.
    quiet(world).await?;
    let before = remote.traffic().lost;
    remote.plan_push(PushFault::Lost);
    let sent = make(world, side, &Change::Rename(title.to_owned()), Some(row)).await?;
    let arrival = sent.arrived(world).await?;
    let lost = remote.traffic().lost - before;
    if lost == 0 {
        return Err("no notification was lost".into());
    }
    // A provider may announce something else just then, for example the new version that Outlook gives to a new event.
    let why = if arrival.on(Side::Application) < BY_POLL { "a step for another reason" } else { "the safety poll" };
    Ok(format!("{lost} notification lost; {why} brought the edit, it arrived {}", arrival.told()))
}

/// Wait until nothing has been queued, running or announced for a while.
async fn quiet(world: &World) -> Told<()> {
    let (started, mut since) = (Instant::now(), Instant::now());
    let mut last = None;
    while started.elapsed() < BOUND {
        let now = (world.steps().await, settled(world).await?);
        if !now.1 || last != Some(now) {
            (last, since) = (Some(now), Instant::now());
        } else if since.elapsed() > QUIET {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Err("it does not become quiet".into())
}

/// The provider makes an event, and the answer is lost on its way back.
pub(super) async fn lose_answer(world: &World, side: Side, title: &str, start_ms: i64, made: Made<'_>) -> Came {
    let remote = at(world, side)?;
    let before = remote.answers(0);
    remote.plan(Fault::next(FaultKind::LostAnswer).on_method("POST").on_path("*/events"));
    let sent = make(world, Side::Application, &Change::Create(title.to_owned(), start_ms), None).await?;
    made(sent.key.clone());
    // It is there at once, though nobody told us: equal means that the retry is over as well.
    sent.arrived(world).await?;
    let started = Instant::now();
    until("the retry of the insert", || async { Ok(settled(world).await? && remote.answers(0) > before) }).await?;
    one_copy(remote, title, "a lost answer")?;
    Ok(format!("1 answer lost; tried again within {}, 1 copy in {}", ms(started.elapsed()), side.name()))
}

fn one_copy(remote: &dyn Remote, title: &str, after: &str) -> Told<()> {
    match remote.copies(title) {
        1 => Ok(()),
        copies => Err(Trouble(format!("{after} left {copies} copies of one event in {}", remote.side().name()))),
    }
}

/// Nothing is queued or running: the last steps ended in step.
async fn settled(world: &World) -> Told<bool> {
    for remote in world.remotes() {
        let replica = world.application.replica(remote.replica()).await?;
        let number = |key: &str| replica.get(key).and_then(Value::as_u64);
        // `nextRunMs` is 0 while a step runs.
        if number("queued") != Some(0) || number("nextRunMs") == Some(0) || number("wanted") != number("served") {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The provider forgets the place up to which it told us everything.
pub(super) async fn expire_token(world: &World, side: Side, row: &Row, title: &str) -> Came {
    let remote = at(world, side)?;
    let before = (remote.answers(410), world.metrics().await.map_or(0, |metrics| metrics.pulled));
    remote.expire_token();
    let sent = make(world, side, &Change::Rename(title.to_owned()), Some(row)).await?;
    let arrival = sent.arrived(world).await?;
    until("the full listing", || settled(world)).await?;
    let refused = remote.answers(410) - before.0;
    let listed = world.metrics().await.map_or(0, |metrics| metrics.pulled).saturating_sub(before.1);
    if refused == 0 {
        return Err("the token was not refused".into());
    }
    Ok(format!("410, then {listed} rows listed anew, nothing wiped; the edit arrived {}", arrival.told()))
}

/// The host dies after the provider took a write and before the host could note it.
pub(super) async fn kill_in_write(world: &World, side: Side, title: &str, start_ms: i64, made: Made<'_>) -> Came {
    let remote = at(world, side)?;
    let before = remote.traffic().writes;
    let key = world.application.create(title, start_ms).await?;
    until("the write", || async { Ok(remote.traffic().writes > before) }).await?;
    let store = world.kill().await?;
    made(key.clone());
    let shadows = store.shadows_by_uid(TENANT, remote.replica(), std::slice::from_ref(&key.uid)).await;
    let shadows = shadows.map_err(|why| Trouble(format!("the database after the kill: {why:?}")))?;
    let noted = shadows.into_iter().flatten().next().is_some();
    drop(store);
    let took = revive(world).await?;
    one_copy(remote, title, "a crash")?;
    let when = if noted { "just after" } else { "before" };
    let name = side.name();
    Ok(format!(
        "killed {when} its commit, {name} had the write; in step {} after the restart, 1 copy in {name}",
        ms(took)
    ))
}

/// The host dies in the middle of a full listing, with edits of the provider and the application on their way.
pub(super) async fn kill_in_listing(world: &World, side: Side, rows: (&Row, &Row), titles: (&str, &str)) -> Came {
    let remote = at(world, side)?;
    let before = world.metrics().await.map_or(0, |metrics| metrics.pulled);
    remote.expire_token();
    let there = make(world, side, &Change::Rename(titles.0.to_owned()), Some(rows.0)).await?;
    let pulled = || async { world.metrics().await.map_or(0, |metrics| metrics.pulled).saturating_sub(before) };
    until("the listing", || async { Ok(pulled().await > 0) }).await?;
    let here = make(world, Side::Application, &Change::Rename(titles.1.to_owned()), Some(rows.1)).await?;
    let listed = pulled().await;
    drop(world.kill().await?);
    let took = revive(world).await?;
    there.arrived(world).await?;
    here.arrived(world).await?;
    // A short listing may have been faster than the kill.
    Ok(format!(
        "killed {listed} rows into a listing of {} events and series; in step {} after the restart (the lease of the \
         dead host included)",
        remote.live(),
        ms(took)
    ))
}

/// Start the host again and wait until it is in step.
async fn revive(world: &World) -> Told<Duration> {
    let started = Instant::now();
    world.restart().await?;
    let since_ms = now_ms();
    until("the restarted host", || async {
        for remote in world.remotes() {
            let replica = world.application.replica(remote.replica()).await?;
            if replica.get("syncedMs").and_then(Value::as_i64).unwrap_or(0) < since_ms {
                return Ok(false);
            }
        }
        settled(world).await
    })
    .await?;
    Ok(started.elapsed())
}
