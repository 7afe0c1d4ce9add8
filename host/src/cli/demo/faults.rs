//! What goes wrong on purpose, and what came of it. Each fault ends only when both sides show the same again.

use std::time::{Duration, Instant};

use serde_json::Value;
use tandem_providers::{Fault, FaultKind, PushFault};

use super::application::{REPLICA, TENANT};
use super::change::{Change, Side, make, now_ms};
use super::entry::{Key, Pair, Seen};
use super::google::ACCOUNT;
use super::trouble::{Told, Trouble};
use super::world::World;

/// How long a fault may take to strike, or its trace to show.
const BOUND: Duration = Duration::from_secs(60);
/// How long the notification of Google's edit is held back while both sides edit.
const HOLD_MS: u64 = 500;
/// Requests that Google refuses, and how long it asks to wait, in seconds.
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

/// Both sides give the same event another title at the same time. The loser must be in a conflict record.
pub(super) async fn both_sides(world: &World, pair: &Pair, titles: (&str, &str)) -> Came {
    let google = pair.google.as_ref().ok_or("the event is not there in Google")?;
    let uid = &pair.key.uid;
    let revision = world.application.revision(uid).await?;
    let series = google.body.get("recurringEventId").and_then(Value::as_str);
    // Its notification is on the way while the application edits: nobody has seen the other's edit.
    world.google.sim.plan_push(PushFault::Late(HOLD_MS));
    world.google.rename(series.unwrap_or(&google.id), titles.0)?;
    let at = Instant::now();
    world.application.rename(uid, titles.1, revision).await?;
    let title = |seen: Option<Seen>| seen.map(|seen| seen.entry.title);
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
        let in_google = title(world.google.event(&google.id));
        let here = title(world.application.find(&pair.key, google.entry.start_ms).await?);
        Ok(in_google == here && record().await?.is_some())
    })
    .await?;
    let took = at.elapsed();
    let outcome = record().await?.map(|record| kept(&record, "outcome")).unwrap_or_default();
    let winner =
        [(titles.0, Side::Google), (titles.1, Side::Application)].into_iter().find(|(title, _)| *title == outcome);
    let Some((_, winner)) = winner else { return Err(Trouble(format!("neither title of event {uid} won"))) };
    let loser = winner.other().name();
    Ok(format!(
        "the edit in {} won, the one in {loser} is in the conflict record; equal after {}",
        winner.name(),
        ms(took)
    ))
}

/// Google asks to slow down.
pub(super) async fn throttle(world: &World, pair: &Pair, title: &str) -> Came {
    let (times, wait_s) = REFUSALS;
    let kind = FaultKind::TooManyRequests { retry_after_s: Some(wait_s) };
    let before = statuses(world, 429);
    // Only writes: the demo's own looks at Google are requests too, and must not use the refusals up.
    world.google.sim.plan(Fault::next(kind).on_method("PATCH").times(times));
    let sent = make(world, Side::Application, &Change::Rename(title.to_owned()), Some(pair)).await?;
    let took = sent.arrived(world).await?;
    let refused = statuses(world, 429) - before;
    Ok(format!("{refused} writes refused with \"wait {wait_s} s\"; the edit arrived after {}", ms(took)))
}

fn statuses(world: &World, status: u16) -> u64 {
    world.google.sim.counters().statuses.get(&status).copied().unwrap_or(0)
}

/// The notification of an edit never comes.
pub(super) async fn lose_webhook(world: &World, pair: &Pair, title: &str) -> Came {
    // An earlier change that still echoes would bring the edit along.
    until("quiet", || settled(world)).await?;
    let before = world.google.sim.counters().pushes_lost;
    world.google.sim.plan_push(PushFault::Lost);
    let sent = make(world, Side::Google, &Change::Rename(title.to_owned()), Some(pair)).await?;
    let took = sent.arrived(world).await?;
    let lost = world.google.sim.counters().pushes_lost - before;
    if lost == 0 {
        return Err("no notification was lost".into());
    }
    Ok(format!("{lost} notification lost; the safety poll brought the edit after {}", ms(took)))
}

/// Google makes an event, and the answer is lost on its way back.
pub(super) async fn lose_answer(world: &World, title: &str, start_ms: i64, made: Made<'_>) -> Came {
    let before = statuses(world, 0);
    world.google.sim.plan(Fault::next(FaultKind::LostAnswer).on_method("POST").on_path("*/events"));
    let sent = make(world, Side::Application, &Change::Create(title.to_owned(), start_ms), None).await?;
    made(sent.key.clone());
    // It is there at once, though nobody told us: equal means that the retry is over as well.
    sent.arrived(world).await?;
    let at = Instant::now();
    until("the retry of the insert", || async { Ok(settled(world).await? && statuses(world, 0) > before) }).await?;
    let named = |row: &Value| row.get("summary").and_then(Value::as_str) == Some(title);
    let copies = world.google.sim.truth(ACCOUNT).iter().filter(|row| named(row)).count();
    if copies != 1 {
        return Err(Trouble(format!("a lost answer left {copies} copies of one event in Google")));
    }
    Ok(format!("1 answer lost; tried again within {}, 1 copy in Google", ms(at.elapsed())))
}

/// Nothing is queued or running: the last step ended in step.
async fn settled(world: &World) -> Told<bool> {
    let replica = world.application.replica().await?;
    let number = |key: &str| replica.get(key).and_then(Value::as_u64);
    // `nextRunMs` is 0 while a step runs.
    Ok(number("queued") == Some(0) && number("nextRunMs") > Some(0) && number("wanted") == number("served"))
}

/// Google forgets the place up to which it told us everything.
pub(super) async fn expire_token(world: &World, pair: &Pair, title: &str) -> Came {
    let before = (statuses(world, 410), world.metrics().await.map_or(0, |metrics| metrics.pulled));
    world.google.sim.expire_sync_tokens(ACCOUNT);
    let sent = make(world, Side::Google, &Change::Rename(title.to_owned()), Some(pair)).await?;
    let took = sent.arrived(world).await?;
    until("the full listing", || settled(world)).await?;
    let refused = statuses(world, 410) - before.0;
    let listed = world.metrics().await.map_or(0, |metrics| metrics.pulled).saturating_sub(before.1);
    if refused == 0 {
        return Err("the sync token was not refused".into());
    }
    Ok(format!("410, then {listed} rows listed anew, nothing wiped; the edit arrived after {}", ms(took)))
}

/// The host dies after Google took a write and before the host could note it.
pub(super) async fn kill_in_write(world: &World, title: &str, start_ms: i64, made: Made<'_>) -> Came {
    let before = world.google.sim.counters().writes;
    let key = world.application.create(title, start_ms).await?;
    until("the write", || async { Ok(world.google.sim.counters().writes > before) }).await?;
    let store = world.kill().await?;
    made(key.clone());
    let shadows = store.shadows_by_uid(TENANT, REPLICA, std::slice::from_ref(&key.uid)).await;
    let shadows = shadows.map_err(|why| Trouble(format!("the database after the kill: {why:?}")))?;
    let noted = shadows.into_iter().flatten().next().is_some();
    drop(store);
    let took = revive(world).await?;
    let named = |row: &Value| row.get("summary").and_then(Value::as_str) == Some(title);
    let copies = world.google.sim.truth(ACCOUNT).iter().filter(|row| named(row)).count();
    if copies != 1 {
        return Err(Trouble(format!("a crash left {copies} copies of one event in Google")));
    }
    let when = if noted { "just after" } else { "before" };
    Ok(format!(
        "killed {when} its commit, Google had the write; in step {} after the restart, 1 copy in Google",
        ms(took)
    ))
}

/// The host dies in the middle of a full listing, with edits of both sides on their way.
pub(super) async fn kill_in_listing(world: &World, pairs: (&Pair, &Pair), titles: (&str, &str)) -> Came {
    let before = world.metrics().await.map_or(0, |metrics| metrics.pulled);
    world.google.sim.expire_sync_tokens(ACCOUNT);
    let in_google = make(world, Side::Google, &Change::Rename(titles.0.to_owned()), Some(pairs.0)).await?;
    let pulled = || async { world.metrics().await.map_or(0, |metrics| metrics.pulled).saturating_sub(before) };
    until("the listing", || async { Ok(pulled().await > 0) }).await?;
    let here = make(world, Side::Application, &Change::Rename(titles.1.to_owned()), Some(pairs.1)).await?;
    let (rows, all) = (pulled().await, world.google.sim.truth(ACCOUNT).len());
    drop(world.kill().await?);
    let took = revive(world).await?;
    in_google.arrived(world).await?;
    here.arrived(world).await?;
    // A short listing may have been faster than the kill.
    Ok(format!(
        "killed {rows} rows into a listing of {all}; in step {} after the restart (the lease of the dead host included)",
        ms(took)
    ))
}

/// Start the host again and wait until it is in step.
async fn revive(world: &World) -> Told<Duration> {
    let at = Instant::now();
    world.restart().await?;
    let since_ms = now_ms();
    until("the restarted host", || async {
        let replica = world.application.replica().await?;
        let synced = replica.get("syncedMs").and_then(Value::as_i64).unwrap_or(0);
        Ok(synced >= since_ms && settled(world).await?)
    })
    .await?;
    Ok(at.elapsed())
}
