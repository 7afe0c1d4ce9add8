//! A history is lived: first with everything that goes wrong, then in peace, until all sides are the same.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use tandem_engine::sync::{Outcome, StepError};
use tandem_providers::microsoft::named;

use super::ending;
use super::history::{Act, History, Side, Trouble};
use super::ledger::Ledger;
use super::marks::{Mark, Marks};
use super::misfortunes::strike;
use super::observer::Violation;
use super::people::{self, Done, Visit};
use super::stage;
use crate::world::{EngineKind, GRAPH, Sent, World};

/// How much happened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Edits by people that were accepted.
    pub edits: u64,
    /// Edits that were refused, or had nothing to edit.
    pub refused: u64,
    /// Steps of the engine.
    pub steps: u64,
    /// Requests that reached a provider.
    pub requests: u64,
    /// Deaths of the process that were died: others found the work already done.
    pub deaths: u64,
    /// What went wrong, by name.
    pub faults: BTreeMap<String, u64>,
}

impl Tally {
    /// Add another history's.
    pub fn add(&mut self, other: &Self) {
        self.edits += other.edits;
        self.refused += other.refused;
        self.steps += other.steps;
        self.requests += other.requests;
        self.deaths += other.deaths;
        for (name, count) in &other.faults {
            *self.faults.entry(name.clone()).or_default() += count;
        }
    }

    fn fault(&mut self, name: String) {
        *self.faults.entry(name).or_default() += 1;
    }
}

/// What came of a history.
#[derive(Debug, Default)]
pub struct Played {
    /// What must not be; empty when all is well.
    pub violations: Vec<Violation>,
    /// How much happened.
    pub tally: Tally,
    /// The rare paths it was on.
    pub marks: Marks,
    /// The number of everything that crossed the engine's boundary.
    pub hash: u64,
    /// The same as text, if it was kept.
    pub trace: String,
}

/// Live a history with an engine. With `kept`, the trace is kept as text.
#[must_use]
pub fn play(history: &History, engine: EngineKind, kept: bool) -> Played {
    let mut world = stage::set(&history.setup, history.seed, engine, kept);
    let mut tally = Tally::default();
    let mut ledger = Ledger::default();
    let sides = stage::sides(&history.setup);
    let lived = catch_unwind(AssertUnwindSafe(|| {
        for act in &history.acts {
            perform(&mut world, act, &sides, &mut tally, &mut ledger);
        }
        calm(&mut world);
        ending::check(&mut world, &history.setup, &ledger)
    }));
    let mut observer = world.observer.take().unwrap_or_default();
    match lived {
        Ok(violations) => violations.into_iter().for_each(|v| observer.violated(v.invariant, v.what)),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("of an unknown kind");
            observer.violated("panic", text.to_owned());
        }
    }
    tally.requests = world.sent.len() as u64;
    Played {
        violations: observer.violations,
        tally,
        marks: observer.marks,
        hash: observer.trace.hash(),
        trace: observer.trace.text().to_owned(),
    }
}

fn perform(world: &mut World, act: &Act, sides: &[Side], tally: &mut Tally, ledger: &mut Ledger) {
    match act {
        Act::Edit(edit) => {
            let visit = people::visit(world, edit.clone());
            note(world, visit, tally, ledger);
        }
        Act::Fault { at, kind, after, times, on } => {
            if strike(world, *at, *kind, (*after, *times), *on) {
                tally.fault(format!("{kind:?}"));
            }
        }
        Act::Wait { ms } => world.clock.advance(i64::from(*ms)),
        Act::Clock { ahead_ms } => {
            world.weather.ahead_ms = i64::from(*ahead_ms);
            tally.fault("Clock".to_owned());
        }
        Act::Work { steps, trouble, meanwhile } => {
            world.weather.meanwhile = meanwhile.clone().map(|(after, edit)| (world.effects + u64::from(after), edit));
            work(world, *steps, *trouble, tally);
            if let Some(visit) = world.visit.take() {
                tally.fault("Meanwhile".to_owned());
                note(world, visit, tally, ledger);
            }
        }
        Act::Settle => {
            let settled = world.settle();
            tally.steps += 1;
            note_error(world, settled.as_ref().err());
            if matches!(settled, Ok(Outcome::Idle(_))) && world.memory.queue.is_empty() {
                ledger.settled(world, sides);
                world.observer.iter_mut().for_each(|observer| observer.restored.clear());
            }
        }
    }
}

/// What came of an edit.
fn note(world: &mut World, visit: Visit, tally: &mut Tally, ledger: &mut Ledger) {
    let Some(done) = &visit.done else {
        tally.refused += 1;
        return;
    };
    tally.edits += 1;
    if let (true, Some(observer)) = (done.split, &mut world.observer) {
        let here = visit.edit.side == Side::App;
        observer.marks.reach(if here { Mark::SplitHere } else { Mark::SplitThere });
    }
    ledger.note(&visit, done, is_overrun(world, &visit, done));
}

/// Whether an occurrence was edited between a look at its series and the write of it, or of the series. No provider has a
/// condition on the occurrences of a series, so nobody can know, and nobody can tell. The later pages of a listing show what
/// was there when it began: they are no look, and neither is one at other events or occurrences.
fn is_overrun(world: &World, visit: &Visit, done: &Done) -> bool {
    let host = match visit.edit.side {
        Side::App => return false,
        Side::Google => "sim.invalid",
        Side::Outlook => GRAPH,
    };
    let goes_on = |url: &str| url.contains("skiptoken=") || url.contains("pageToken=");
    // Ids in paths, and in those within a batch. Graph's have two forms, and may name what is gone. Google shows a series
    // without its occurrences: that is no look at them.
    let is_of = |id: &str, looks: bool| match (named(&id.replace("%3D", "=")), named(&done.target)) {
        (Some((item, at)), Some((edited, edited_at))) => item == edited && (at.is_none() || at == edited_at),
        _ => id == done.target || id == done.series && !looks,
    };
    let concerns = |sent: &Sent| {
        let listed = sent.method == "GET" && !goes_on(&sent.url) && sent.url.contains("oken=");
        let text = format!("{} {}", sent.url, String::from_utf8_lossy(&sent.body));
        let mut ids = text.split("/events/").skip(1).filter_map(|rest| rest.split(['?', '/', '"', ' ']).next());
        listed || ids.any(|id| is_of(id, sent.method == "GET"))
    };
    let mut later = world
        .sent
        .iter()
        .take(visit.step_end)
        .skip(visit.sent)
        .filter(|sent| sent.url.contains(host) && concerns(sent));
    done.target != done.series && later.next().is_some_and(|next| matches!(next.method, "PATCH" | "DELETE"))
}

/// Some steps, the replicas in turn. An error ends them: the host would come back later.
fn work(world: &mut World, steps: u8, trouble: Option<Trouble>, tally: &mut Tally) {
    let replicas: Vec<String> = world.memory.replicas.keys().cloned().collect();
    let mut past = None;
    match trouble {
        Some(Trouble::Dies(after)) => world.dies_after = Some(world.effects + u64::from(after)),
        Some(Trouble::Rival(after)) => world.weather.rival_at = Some(world.effects + u64::from(after)),
        Some(Trouble::UnansweredCommit(after)) => world.weather.unanswered_commit = Some(after),
        Some(Trouble::StaleCommit(after)) => world.weather.stale_commit = Some(after),
        Some(Trouble::StaleReads) => past = Some(world.memory.clone()),
        None => {}
    }
    if let Some(trouble) = trouble {
        let name = format!("{trouble:?}");
        tally.fault(name.split('(').next().unwrap_or_default().to_owned());
    }
    for (step, replica) in (0..=steps).zip(replicas.iter().cycle()) {
        world.deliver();
        if step == steps {
            world.weather.past = past.take();
        }
        let sent = world.sent.len();
        let result = world.leased_step(replica);
        let now = world.sent.len();
        if let Some(visit) = world.visit.as_mut().filter(|visit| visit.sent >= sent) {
            visit.step_end = now;
        }
        tally.steps += 1;
        note_error(world, result.as_ref().err());
        let died = world.is_dead();
        tally.deaths += u64::from(died);
        if let (true, Some(observer)) = (died, &mut world.observer) {
            observer.marks.reach(Mark::Died);
            if world.sent.get(sent..).into_iter().flatten().any(|sent| sent.method != "GET") {
                observer.marks.reach(Mark::DiedBetweenWriteAndCommit);
            }
            break;
        }
        world.clock.advance(700);
    }
    world.dies_after = None;
    world.weather = crate::world::Weather { ahead_ms: world.weather.ahead_ms, ..Default::default() };
}

/// A step may fail because of the weather, and never because of the engine.
fn note_error(world: &mut World, error: Option<&StepError>) {
    if let (Some(StepError::Bug(what)), Some(observer)) = (error, &mut world.observer) {
        observer.violated("I12", what.clone());
    }
}

/// All faults end.
fn calm(world: &mut World) {
    // A clock that was ahead is waited for.
    world.clock.advance(world.weather.ahead_ms.max(0));
    world.google.clear_faults();
    world.microsoft.clear_faults();
    world.weather = crate::world::Weather::default();
    world.dies_after = None;
}
