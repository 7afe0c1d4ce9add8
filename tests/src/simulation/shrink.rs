//! A failing history becomes small: faults go first, then edits, then values become simple. What is left still breaks
//! the same invariant.

use super::history::{Act, Change, Edit, Form, History, Rhythm};
use super::play::play;
use crate::world::EngineKind;

/// Histories tried at most.
const TRIES: u32 = 3_000;

/// The smallest history found that still breaks `invariant`.
#[must_use]
pub fn shrink(history: &History, engine: EngineKind, invariant: &str) -> History {
    let mut best = history.clone();
    let mut tries = TRIES;
    let mut holds = |candidate: &History| {
        tries = tries.saturating_sub(1);
        tries > 0 && play(candidate, engine, false).violations.iter().any(|v| v.invariant == invariant)
    };
    loop {
        let before = best.clone();
        without(&mut best, &mut holds, |act| !matches!(act, Act::Edit(_)));
        without(&mut best, &mut holds, |_| true);
        plainer(&mut best, &mut holds);
        if best == before {
            return best;
        }
    }
}

/// Leave out acts, in halves first and then one by one.
fn without(best: &mut History, holds: &mut impl FnMut(&History) -> bool, may_go: impl Fn(&Act) -> bool) {
    let mut size = (best.acts.len() / 2).max(1);
    loop {
        let mut at = 0;
        while at < best.acts.len() {
            let end = (at + size).min(best.acts.len());
            let mut candidate = best.clone();
            let mut index = 0;
            candidate.acts.retain(|act| {
                index += 1;
                !(at < index && index <= end && may_go(act))
            });
            if candidate.acts.len() < best.acts.len() && holds(&candidate) {
                *best = candidate;
            } else {
                at = end;
            }
        }
        if size == 1 {
            return;
        }
        size /= 2;
    }
}

/// Make what is left simpler: no trouble, whole events, nothing there before, a plain world.
fn plainer(best: &mut History, holds: &mut impl FnMut(&History) -> bool) {
    let mut attempt = |best: &mut History, change: &dyn Fn(&mut History)| {
        let mut candidate = best.clone();
        change(&mut candidate);
        if candidate != *best && holds(&candidate) {
            *best = candidate;
        }
    };
    for at in 0..best.acts.len() {
        for simpler in [
            |act: &mut Act| {
                if let Act::Work { trouble, .. } = act {
                    *trouble = None;
                }
            },
            |act: &mut Act| {
                if let Act::Work { meanwhile, .. } = act {
                    *meanwhile = None;
                }
            },
            |act: &mut Act| {
                if matches!(act, Act::Work { .. }) {
                    *act = Act::Settle;
                }
            },
            |act: &mut Act| if_edit(act, |edit| edit.occurrence = None),
            |act: &mut Act| if_edit(act, |edit| edit.following = false),
            |act: &mut Act| if_edit(act, |edit| edit.event = 0),
            |act: &mut Act| if_edit(act, |edit| edit.occurrence = edit.occurrence.map(|_| 0)),
            |act: &mut Act| if_edit(act, |edit| edit.change = plain(&edit.change)),
            |act: &mut Act| if_edit(act, |edit| edit.change = ordinary(edit.change.clone())),
        ] {
            attempt(best, &|history| {
                if let Some(act) = history.acts.get_mut(at) {
                    simpler(act);
                }
            });
        }
    }
    for at in (0..16).rev() {
        let without = |h: &mut History| {
            let setup = &mut h.setup;
            if let Some(ways) = setup.google.as_mut().filter(|ways| at < ways.odd.len()) {
                ways.odd.remove(at);
            }
            if let Some(ways) = setup.outlook.as_mut().filter(|ways| at < ways.odd.len()) {
                ways.odd.remove(at);
            }
        };
        attempt(best, &without);
    }
    let setups: [&dyn Fn(&mut History); 12] = [
        &|h| h.setup.push = false,
        &|h| h.setup.push_trouble = 0,
        &|h| h.setup.policy = tandem_engine::effects::ConflictPolicy::Newest,
        &|h| {
            if h.setup.outlook.is_some() {
                h.setup.google = None;
            }
        },
        &|h| {
            if h.setup.google.is_some() {
                h.setup.outlook = None;
            }
        },
        &|h| h.setup.google = h.setup.google.as_ref().map(|_| Default::default()),
        &|h| h.setup.outlook = h.setup.outlook.as_ref().map(|_| Default::default()),
        &|h| h.setup.google.iter_mut().for_each(|ways| ways.events = 0),
        &|h| h.setup.outlook.iter_mut().for_each(|ways| ways.events = 0),
        &|h| h.setup.google.iter_mut().for_each(|ways| (ways.page_limit, ways.shuffle) = (None, false)),
        &|h| h.setup.outlook.iter_mut().for_each(|ways| (ways.page_limit, ways.shuffle) = (None, false)),
        &|h| h.setup.outlook.iter_mut().for_each(|ways| (ways.delta, ways.no_drift) = (0, true)),
    ];
    for change in setups {
        attempt(best, change);
    }
}

fn if_edit(act: &mut Act, change: impl Fn(&mut Edit)) {
    match act {
        Act::Edit(edit) | Act::Work { meanwhile: Some((_, edit)), .. } => change(edit),
        _ => {}
    }
}

/// What is new is an hour in Berlin.
fn ordinary(mut change: Change) -> Change {
    if let Change::New { form, .. } = &mut change {
        *form = Form::Hour;
    }
    change
}

/// The same kind of edit, or a change of the title.
fn plain(change: &Change) -> Change {
    match change {
        Change::New { series, form, .. } => Change::New { day: 3, hour: 9, series: *series, form: *form },
        Change::Delete => Change::Delete,
        Change::Erase => Change::Erase,
        Change::Undo => Change::Undo,
        Change::Restore => Change::Restore,
        Change::Shift { .. } => Change::Shift { days: 1, hour: 9 },
        Change::Form(form) => Change::Form(*form),
        Change::Repeat(rhythm) => Change::Repeat(rhythm.map(|_| Rhythm::Weekly)),
        _ => Change::Title,
    }
}
