//! Random histories: people edit on both sides, the provider misbehaves, the process dies; then all is quiet, and
//! both sides must be equal. A history is its seed: the same seed gives the same history.

use serde_json::{Value, json};
use tandem_engine::editing::{Action, Edit, Scope};
use tandem_engine::effects::{ConflictPolicy, ReplicaMode};
use tandem_providers::faults::FaultPlan;
use tandem_providers::google::Config;
use tandem_providers::{Fault, FaultKind, PushFaults, SimRequest};

use crate::agenda::assert_equal;
use crate::world::{ACCOUNT, World, edit_of, google_meeting, meeting};

/// Numbers of a history.
pub struct Dice(u64);

impl Dice {
    /// From a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ 0x9e37_79b9_7f4a_7c15)
    }

    /// A number below `n`.
    pub fn below(&mut self, n: u64) -> u64 {
        // xorshift64*
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % n.max(1)
    }

    /// True once in `n`.
    pub fn once_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        let n = items.len() as u64;
        if n == 0 { None } else { items.get(usize::try_from(self.below(n)).unwrap_or(0)) }
    }
}

/// What happened in a history.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Edits of the application that were accepted.
    pub local: u32,
    /// Edits in Google's pages that were accepted.
    pub remote: u32,
    /// Faults planned.
    pub faults: u32,
    /// Deaths of the process.
    pub deaths: u32,
}

/// Run a history and check what must hold at its end.
///
/// # Panics
/// When something does not hold; the message names the seed.
#[must_use]
pub fn run(seed: u64, turns: u32) -> Tally {
    play(seed, turns).0
}

/// The same, with the world as it is at the end.
///
/// # Panics
/// As [`run`].
#[must_use]
pub fn play(seed: u64, turns: u32) -> (Tally, World) {
    let mut dice = Dice::new(seed);
    let mut world = begin(&mut dice);
    let mut tally = Tally::default();
    for turn in 0..turns {
        for _ in 0..=dice.below(3) {
            if dice.once_in(2) {
                tally.local += u32::from(edit_here(&mut world, &mut dice, turn));
            } else {
                tally.remote += u32::from(edit_there(&world, &mut dice, turn));
            }
            world.clock.advance(i64::try_from(dice.below(3_000)).unwrap_or(0));
        }
        if dice.once_in(4) {
            tally.faults += 1;
            misbehave(&world, &mut dice);
        }
        if dice.once_in(3) {
            world.dies_after = Some(world.effects + dice.below(40));
        }
        let result = work(&mut world, &mut dice);
        if world.dies_after.take().is_some() && result.is_err() {
            tally.deaths += 1;
        }
    }
    quiet(&mut world, seed);
    (tally, world)
}

fn begin(dice: &mut Dice) -> World {
    let config = Config {
        allow_http_webhooks: true,
        seed: dice.below(1_000),
        shuffle: dice.once_in(2).then(|| dice.below(1_000)),
        page_limit: dice.once_in(2).then(|| 1 + usize::try_from(dice.below(7)).unwrap_or(0)),
        bare_tombstones: dice.once_in(2),
        delete_cancels_exceptions: dice.once_in(2),
        orphans_are_listed: true,
        no_op_keeps_etag: dice.once_in(2),
        ..Config::default()
    };
    let policy = match dice.below(4) {
        0 => ConflictPolicy::Remote,
        1 => ConflictPolicy::Local,
        2 => ConflictPolicy::Ask,
        _ => ConflictPolicy::Newest,
    };
    let mut world = World::with(config, ReplicaMode::TwoWay, policy);
    if dice.once_in(3) {
        world.settings.webhook_url = None;
    }
    if dice.once_in(2) {
        let count = usize::try_from(dice.below(12)).unwrap_or(0);
        world.google.generate(ACCOUNT, count, dice.below(1_000)).unwrap_or_default();
    }
    world.google.set_push_faults(PushFaults {
        lost_permille: 100,
        doubled_permille: 100,
        reordered_permille: 100,
        late_permille: 100,
        late_ms: 5_000,
    });
    world
}

/// Some steps, perhaps cut off.
fn work(world: &mut World, dice: &mut Dice) -> Result<(), tandem_engine::sync::StepError> {
    if dice.once_in(3) {
        return world.settle().map(|_| ());
    }
    for _ in 0..dice.below(12) {
        world.deliver();
        world.step()?;
        world.clock.advance(i64::try_from(dice.below(5_000)).unwrap_or(0));
    }
    Ok(())
}

fn misbehave(world: &World, dice: &mut Dice) {
    let kind = match dice.below(10) {
        0 => FaultKind::TooManyRequests { retry_after_s: dice.once_in(2).then_some(7) },
        1 => FaultKind::RateLimited,
        2 => FaultKind::ServerError(503),
        3 => FaultKind::ServerErrorAfterApplying(500),
        4 => FaultKind::LostRequest,
        5 | 6 => FaultKind::LostAnswer,
        7 => FaultKind::Unauthorized,
        8 => FaultKind::EmptyPage,
        _ => {
            world.google.expire_sync_tokens(ACCOUNT);
            return;
        }
    };
    let times = u32::try_from(1 + dice.below(3)).unwrap_or(1);
    world.google.plan(Fault::next(kind).after(u32::try_from(dice.below(4)).unwrap_or(0)).times(times));
}

/// A start in the first weeks of the world: 2026-03-02 and later.
fn start(dice: &mut Dice) -> String {
    format!("2026-03-{:02}T{:02}:{}0:00", 2 + dice.below(26), 7 + dice.below(11), dice.below(6))
}

fn rule(dice: &mut Dice) -> (Value, String) {
    let count = 2 + dice.below(8);
    match dice.below(4) {
        0 => (
            json!([{"@type": "RecurrenceRule", "frequency": "daily", "count": count}]),
            format!("RRULE:FREQ=DAILY;COUNT={count}"),
        ),
        1 => (
            json!([{"@type": "RecurrenceRule", "frequency": "weekly", "interval": 2, "count": count}]),
            format!("RRULE:FREQ=WEEKLY;INTERVAL=2;COUNT={count}"),
        ),
        2 => (
            json!([{"@type": "RecurrenceRule", "frequency": "monthly", "count": count}]),
            format!("RRULE:FREQ=MONTHLY;COUNT={count}"),
        ),
        _ => (
            json!([{"@type": "RecurrenceRule", "frequency": "weekly", "until": "2026-06-30T00:00:00"}]),
            "RRULE:FREQ=WEEKLY;UNTIL=20260629T220000Z".to_owned(),
        ),
    }
}

fn content(dice: &mut Dice, turn: u32) -> Value {
    match dice.below(6) {
        0 => json!({"title": format!("here {turn}.{}", dice.below(100))}),
        1 => json!({"description": format!("notes {turn}")}),
        2 => json!({"locations": {"1": {"@type": "Location", "name": format!("room {turn}")}}}),
        3 => json!({"start": start(dice)}),
        4 => json!({"duration": format!("PT{}M", 15 * (1 + dice.below(8)))}),
        _ => json!({"description": null, "title": format!("here again {turn}")}),
    }
}

/// An edit by the application. False when it was refused (a split at the first occurrence and the like).
fn edit_here(world: &mut World, dice: &mut Dice, turn: u32) -> bool {
    let live: Vec<(String, bool, String)> =
        world.local().into_iter().map(|row| (row.uid.clone(), row.recurring, row.document.clone())).collect();
    let chosen = dice.pick(&live).cloned();
    let Some((uid, recurring, document)) = chosen.filter(|_| !dice.once_in(4)) else {
        let mut event =
            meeting(&format!("e{turn}-{}@app", dice.below(1_000_000)), &format!("made here {turn}"), &start(dice));
        if dice.once_in(3) {
            event["recurrenceRules"] = rule(dice).0;
        }
        return world.create(&event).is_ok();
    };
    let action = match dice.below(6) {
        0 => Action::Delete,
        _ => Action::Patch(content(dice, turn).to_string()),
    };
    let occurrence = if recurring { an_occurrence(world, dice, &uid, &document) } else { None };
    let edit = match occurrence {
        Some(recurrence_id) if !dice.once_in(3) => {
            let scope = if dice.once_in(4) { Scope::ThisAndFollowing } else { Scope::This };
            Edit { recurrence_id: Some(recurrence_id), scope, ..edit_of(Some(&uid), action) }
        }
        _ => edit_of(Some(&uid), action),
    };
    world.edit(&edit).is_ok()
}

/// The recurrence id of some occurrence of a local series.
fn an_occurrence(world: &World, dice: &mut Dice, _uid: &str, document: &str) -> Option<String> {
    let document: Value = serde_json::from_str(document).ok()?;
    let window = tandem_engine::recurrence::Window { from_ms: 0, to_ms: 1_900_000_000_000, zone: "UTC", limit: 30 };
    let found = tandem_engine::recurrence::occurrences(&document, &window, &world.zones).ok()?;
    dice.pick(&found.items)?.recurrence_id.clone()
}

/// An edit in Google's own pages.
fn edit_there(world: &World, dice: &mut Dice, turn: u32) -> bool {
    let truth = world.google.truth(ACCOUNT);
    let masters: Vec<&Value> = truth.iter().filter(|e| e["recurringEventId"].is_null()).collect();
    let chosen = dice.pick(&masters).map(|event| (*event).clone());
    let Some(event) = chosen.filter(|_| !dice.once_in(4)) else {
        let at = start(dice);
        let (day, hour) = (at.get(..11).unwrap_or_default().to_owned(), 19 + dice.below(3));
        let mut event = google_meeting(&format!("made there {turn}"), &at, &format!("{day}{hour}:00:00"));
        if dice.once_in(3) {
            event["recurrence"] = json!([rule(dice).1]);
        }
        return world.google.user_insert(ACCOUNT, &event).is_ok();
    };
    let id = event["id"].as_str().unwrap_or_default().to_owned();
    let id = if event["recurrence"].is_array() && !dice.once_in(3) {
        an_instance(world, dice, &id).unwrap_or(id)
    } else {
        id
    };
    match dice.below(6) {
        0 => world.google.user_delete(ACCOUNT, &id).is_ok(),
        1 => world.google.user_patch(ACCOUNT, &id, &json!({"summary": format!("there {turn}")})).is_ok(),
        2 => world.google.user_patch(ACCOUNT, &id, &json!({"location": format!("hall {turn}")})).is_ok(),
        3 => world.google.user_patch(ACCOUNT, &id, &json!({"description": format!("words {turn}")})).is_ok(),
        _ => {
            let at = start(dice);
            let end = format!("{}23:30:00", at.get(..11).unwrap_or_default());
            let moment = |at: &str| json!({"dateTime": at, "timeZone": "Europe/Berlin", "date": null});
            world.google.user_move(ACCOUNT, &id, &moment(&at), &moment(&end)).is_ok()
        }
    }
}

/// The id of some instance of a series at Google.
fn an_instance(world: &World, dice: &mut Dice, id: &str) -> Option<String> {
    let url =
        format!("/calendar/v3/calendars/{ACCOUNT}/events/{id}/instances?maxResults=30&timeMax=2026-12-31T00:00:00Z");
    // Looking at a page is no request of ours: no fault may hit it.
    let faults = world.google.with_faults(|plan| std::mem::replace(plan, FaultPlan::new(0)));
    let body = world.google.handle(&SimRequest::new("GET", &url).bearer("token")).json();
    world.google.with_faults(|plan| *plan = faults);
    let items = body["items"].as_array()?.clone();
    Some(dice.pick(&items)?["id"].as_str()?.to_owned())
}

/// Faults stop, time passes: everything must come together, and stay.
fn quiet(world: &mut World, seed: u64) {
    world.google.clear_faults();
    for _ in 0..3 {
        if let Err(error) = world.poll() {
            panic!("seed {seed}: {error}");
        }
        accept_guard(world, seed);
    }
    assert_equal(world, &format!("seed {seed}"));
    let writes = world.google.counters().writes;
    for _ in 0..2 {
        world.poll().unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    }
    assert!(world.google.counters().writes == writes, "seed {seed}: it writes although nobody edited anything");
    assert!(world.google.counters().mails == 0, "seed {seed}: mail was sent");
    assert_equal(world, &format!("seed {seed}, later"));
}

/// A guard that asks is answered: what is gone is gone.
fn accept_guard(world: &mut World, seed: u64) {
    let answered = world.answer_guard(crate::world::REPLICA, true);
    answered.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    world.settle().unwrap_or_else(|error| panic!("seed {seed}: {error}"));
}
