//! Peace: faults are over, time passes, and everything must come together within three rounds (I5), stay so without a
//! single write more (I4), and hold what people wrote (I1, I2, I3).

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};

use serde_json::{Map, Value};
use tandem_engine::effects::{Failure, FailureKind, Replica};
use tandem_engine::sync::Outcome;
use tandem_engine::sync::state::State;

use super::facts;
use super::history::Setup;
use super::ledger::Ledger;
use super::marks::Mark;
use super::observer::Violation;
use super::stage;
use crate::agenda::{self, Seen};
use crate::world::{ACCOUNT, BEGINNING_MS, CALENDAR, OUTLOOK, REPLICA, World};

/// Rounds until all sides must show the same.
const ROUNDS: u32 = 3;
/// A replica comes back at least so often: the safety poll, and some spread.
const LONGEST_REST_MS: u64 = 2 * 3_600_000;

/// Codes of failures that say what a provider has no words for.
const EXCUSES: [&str; 5] = [
    "additional-dates",
    "deleted-occurrence",
    "recurrence-not-expressible",
    "read-only-calendar",
    "microsoft-400-ErrorOccurrenceCrossingBoundary",
];

/// What is compared: 40 days before the world begins to 150 days after. Most of what people do is in March.
const WINDOW: (i64, i64) = (BEGINNING_MS - 40 * DAY_MS, BEGINNING_MS + 150 * DAY_MS);
const DAY_MS: i64 = 86_400_000;

/// What every token begins with.
const TOKEN: &[u8] = b"Bearer ";

type View = BTreeMap<Seen, u32>;

/// Live on in peace, and say what does not hold.
pub(crate) fn check(world: &mut World, setup: &Setup, ledger: &Ledger) -> Vec<Violation> {
    let mut violations = Vec::new();
    finish_listings(world);
    let mut quiet = None;
    let mut declined = BTreeSet::new();
    for round in 1..=ROUNDS {
        let (before, sent) = (changes(world), world.sent.len());
        if let Err(what) = rest(world) {
            violations.push(Violation { invariant: "I15", what });
            return violations;
        }
        let asked = answer_guards(world, &mut declined);
        let difference = differs(world, setup);
        // An answer is not the end of it: what is listed in another way next is asked for again.
        if difference.is_empty() && !asked {
            quiet = Some(before).filter(|before| *before == changes(world) && all_looked(world, sent));
        }
        if quiet.is_some() {
            break;
        }
        if round == ROUNDS && !difference.is_empty() {
            violations.push(Violation { invariant: "I5", what: format!("after {ROUNDS} rounds: {difference}") });
        }
    }
    // Nobody edits: nothing is written, now or when everything is listed again. Where the last round wrote nothing, that is
    // shown already.
    let before = quiet.unwrap_or_else(|| {
        let before = changes(world);
        if let Err(what) = rest(world) {
            violations.push(Violation { invariant: "I15", what });
        }
        before
    });
    let after = changes(world);
    if after.0 != before.0 {
        let requests: Vec<String> =
            world.sent.iter().rev().filter(|sent| sent.method != "GET").take(3).map(|sent| sent.url.clone()).collect();
        violations.push(Violation { invariant: "I4", what: format!("written although nobody edits: {requests:?}") });
    } else if after != before {
        // With no write and no change here, what the sides show is what was compared.
        let what = "events change here although nobody edits them anywhere".to_owned();
        violations.push(Violation { invariant: "I4", what });
    }
    violations.extend(again(world, after));
    let excused: BTreeSet<String> = [REPLICA, OUTLOOK].iter().flat_map(|replica| excused(world, replica)).collect();
    violations.extend(ledger.check(world, &stage::sides(setup), &excused, &declined));
    let difference = world.mirror.as_ref().and_then(|mirror| mirror.difference(world));
    violations.extend(difference.map(|what| Violation { invariant: "I8", what }));
    violations.extend(needless(world));
    violations.extend(remains(world));
    violations.extend(providers(world, ledger.has_split()));
    violations
}

/// A listing that began before the last edit need not show it: it ends before the first round.
fn finish_listings(world: &mut World) {
    let is_under_way = |replica: &Replica| State::parse(&replica.state).listing.is_some();
    if world.memory.replicas.values().any(is_under_way) {
        let _ = world.settle();
    }
}

/// Every cursor is lost, and everything is listed once more: what is known already changes nothing (I11).
fn again(world: &mut World, before: Changes) -> Option<Violation> {
    world.google.expire_sync_tokens(ACCOUNT);
    world.microsoft.expire_delta_tokens(ACCOUNT);
    let rested = rest(world);
    let now = changes(world);
    let what = match rested {
        Err(what) => what,
        Ok(()) if now.0 != before.0 => "written because everything was listed again".to_owned(),
        Ok(()) if now != before => "events change here because everything was listed again".to_owned(),
        Ok(()) => return None,
    };
    Some(Violation { invariant: "I11", what })
}

/// Whether every replica has asked for its provider's changes since so many requests, and for events that could not be read: a
/// clock that was set back may put that off.
fn all_looked(world: &World, sent: usize) -> bool {
    let lists = |part: &str| world.sent[sent..].iter().any(|sent| sent.method == "GET" && sent.url.contains(part));
    world.memory.replicas.iter().all(|(id, replica)| {
        lists(if id == OUTLOOK { "/delta?" } else { "/events?" }) && State::parse(&replica.state).troubled.is_empty()
    })
}

/// Time passes to the next safety poll, and everything due is done.
fn rest(world: &mut World) -> Result<(), String> {
    let outcome = world.poll().map_err(|error| error.to_string())?;
    let now_ms = world.now_ms();
    match outcome {
        Outcome::Idle(at_ms) if at_ms <= now_ms + LONGEST_REST_MS => Ok(()),
        // A guard asks: somebody answers it.
        Outcome::Paused(_) => Ok(()),
        other => Err(format!("a replica ends with {other:?} at {now_ms}")),
    }
}

/// A person answers a guard by looking: what is gone is gone, unless something is there. Then all of it is asked back, also
/// what is gone: those families are `declined`. Whether one asked.
fn answer_guards(world: &mut World, declined: &mut BTreeSet<String>) -> bool {
    let mut answered = false;
    for replica in [REPLICA, OUTLOOK] {
        let asks = world
            .memory
            .failures
            .values()
            .any(|failure| failure.replica == replica && failure.kind == FailureKind::Guard);
        if !asks {
            continue;
        }
        let there = |id: &str| {
            if replica == REPLICA { world.google.event(ACCOUNT, id) } else { world.microsoft.event(ACCOUNT, id) }
        };
        let state = world.memory.replica(replica).map(|replica| replica.state).unwrap_or_default();
        let generation = State::parse(&state).generation;
        let unseen = world.memory.unseen(replica, generation, None, 1_000);
        let still = |id: &str| there(id).is_some_and(|row| row["status"] != "cancelled");
        let accept = !unseen.iter().any(|shadow| still(&shadow.remote_id));
        if !accept {
            let titles = titles(world, unseen.iter().map(|shadow| &shadow.uid));
            declined.extend(titles.filter_map(|title| facts::family(&title)));
        }
        if let Some(observer) = &mut world.observer {
            observer.marks.reach(if accept { Mark::GuardAccepted } else { Mark::GuardDeclined });
        }
        let _ = world.answer_guard(replica, accept);
        answered = true;
    }
    if answered {
        let _ = world.settle();
    }
    answered
}

/// Writes at Google and at Microsoft, and what the application was told.
type Changes = ((u64, u64), usize);

fn changes(world: &World) -> Changes {
    ((world.google.counters().writes, world.microsoft.counters().writes), world.memory.feed.len())
}

/// What is not the same, in words; empty when all is.
fn differs(world: &mut World, setup: &Setup) -> String {
    let here = plain(local(world));
    let mut words = String::new();
    if setup.google.is_some() {
        world.google.grant_access(ACCOUNT, "token", i64::MAX / 4);
        words.push_str(&compared(
            "Google",
            &without(world, REPLICA, &here),
            &without(world, REPLICA, &plain(agenda::remote_in(world, WINDOW))),
        ));
    }
    if let Some(ways) = &setup.outlook {
        world.microsoft.grant_access(ACCOUNT, "token", i64::MAX / 4);
        let there = without(world, OUTLOOK, &plain(agenda::outlook_in(world, WINDOW)));
        let here = without(world, OUTLOOK, &here);
        if ways.busy_only {
            let (busy_here, busy_there) = (times(&here), times(&there));
            // What has a record shows nothing there by which it could be left out.
            let is_recorded = !excused(world, OUTLOOK).is_empty();
            let is_covered = |(one, count): (&Seen, &u32)| busy_there.get(one).is_some_and(|there| there >= count);
            if !(is_recorded && busy_here.iter().all(is_covered)) {
                words.push_str(&compared("Outlook (busy)", &busy_here, &busy_there));
            }
            if let Some((shown, _)) = there.iter().find(|(one, _)| one.2 != "Busy" || !one.3.is_empty()) {
                words.push_str(&format!("a busy replica shows {shown:?}; "));
            }
        } else {
            words.push_str(&compared("Outlook", &here, &there));
        }
    }
    if !world.memory.queue.is_empty() {
        words.push_str(&format!("still queued: {:?}", world.memory.queue.values().collect::<Vec<_>>()));
    }
    words
}

/// What the application shows: one question, because a history is small.
fn local(world: &mut World) -> View {
    let (from_ms, to_ms) = (u64::try_from(WINDOW.0).unwrap_or(0), u64::try_from(WINDOW.1).unwrap_or(0));
    agenda::local_in(world, from_ms, to_ms)
}

/// What lies in the window, without what this provider cannot express: each has its record, which says so to a person.
fn without(world: &World, replica: &str, view: &View) -> View {
    let excused = excused(world, replica);
    let is_excused = |one: &Seen| excused.contains(&name_of(&one.2));
    let counts = |one: &Seen| one.0 >= WINDOW.0 && one.0 < WINDOW.1 && !is_excused(one);
    view.iter().filter(|(one, _)| counts(one)).map(|(one, count)| (one.clone(), *count)).collect()
}

/// What an event is known by: its family, or its title where nobody of the history made it.
fn name_of(title: &str) -> String {
    super::facts::family(title).unwrap_or_else(|| title.to_owned())
}

/// Names of events with a record that a provider cannot express them.
fn excused(world: &World, replica: &str) -> BTreeSet<String> {
    let records = world.memory.failures.values().filter(|failure| failure.replica == replica && is_excuse(failure));
    titles(world, records.filter_map(|failure| failure.uid.as_ref())).map(|title| name_of(&title)).collect()
}

/// The titles of local events.
fn titles<'a>(world: &'a World, uids: impl Iterator<Item = &'a String>) -> impl Iterator<Item = Cow<'a, str>> {
    let rows = uids.filter_map(|uid| world.memory.events.get(&(CALENDAR.to_owned(), uid.clone())));
    rows.filter_map(|row| facts::title_of(&row.document))
}

fn is_excuse(failure: &Failure) -> bool {
    failure.kind == FailureKind::Push && EXCUSES.contains(&failure.code.as_str())
}

/// What people see of notes, whatever they are written in.
fn plain(view: View) -> View {
    let mut plain = View::new();
    for (mut one, count) in view {
        let mut inside = false;
        let text: String = one
            .4
            .chars()
            .filter(|c| {
                let was = inside;
                inside = if was { *c != '>' } else { *c == '<' };
                !was && !inside
            })
            .collect();
        one.4 = text.replace("&amp;", "&").trim().to_owned();
        *plain.entry(one).or_default() += count;
    }
    plain
}

fn times(view: &View) -> View {
    let mut times = View::new();
    for (one, count) in view {
        *times.entry((one.0, one.1, String::new(), String::new(), String::new())).or_default() += count;
    }
    times
}

fn compared(side: &str, here: &View, there: &View) -> String {
    let only = |a: &View, b: &View| -> Vec<String> {
        a.iter().filter(|(one, n)| b.get(*one) != Some(n)).map(|(one, n)| format!("{n}x {one:?}")).take(3).collect()
    };
    if here == there {
        return String::new();
    }
    format!("only here: {:?}, only at {side}: {:?}; ", only(here, there), only(there, here))
}

/// A conflict about a whole, of which both sides changed different parts: they could have been merged (I20).
fn needless(world: &World) -> Option<Violation> {
    let read = |text: &Option<String>| serde_json::from_str::<Value>(text.as_deref().unwrap_or_default()).ok();
    world.memory.conflicts.values().find_map(|conflict| {
        let (base, local, remote) = (read(&conflict.base)?, read(&conflict.local)?, read(&conflict.remote)?);
        let parts = |document: &Value, path: &str| match document.pointer(path) {
            Some(Value::Object(parts)) => Some(parts.clone()),
            None => Some(Map::new()),
            Some(_) => None,
        };
        // An occurrence is a whole where a side moved its series away from it.
        let mut wholes =
            conflict.paths.iter().filter(|path| !path.is_empty() && !path.starts_with("/recurrenceOverrides/"));
        let path = wholes.find(|path| {
            let three = (parts(&base, path), parts(&local, path), parts(&remote, path));
            let (Some(base), Some(local), Some(remote)) = three else { return false };
            let changed = |side: &Map<String, Value>| -> BTreeSet<String> {
                side.keys().chain(base.keys()).filter(|name| side.get(*name) != base.get(*name)).cloned().collect()
            };
            let (here, there) = (changed(&local), changed(&remote));
            !here.is_empty() && !there.is_empty() && here.is_disjoint(&there)
        })?;
        let what = format!("{} of {} is in conflict although nothing in it is", path, conflict.uid);
        Some(Violation { invariant: "I20", what })
    })
}

/// Nothing is left lying about in the store, and no secret is in it.
fn remains(world: &World) -> Vec<Violation> {
    let mut violations = Vec::new();
    if let Some(failure) = world.memory.failures.values().find(|failure| !is_excuse(failure)) {
        violations.push(Violation { invariant: "I15", what: format!("set aside: {failure:?}") });
    }
    if let Some(orphan) = world.memory.orphans.values().next() {
        violations.push(Violation { invariant: "I19", what: format!("an orphan waits for ever: {orphan:?}") });
    }
    if holds_a_token(world) {
        violations.push(Violation { invariant: "I14", what: "a token is in the store".to_owned() });
    }
    violations
}

/// Whether a token is anywhere in the store. Everything in it is shown to a hasher that only looks.
fn holds_a_token(world: &World) -> bool {
    struct Looks(bool);

    impl Hasher for Looks {
        fn write(&mut self, bytes: &[u8]) {
            self.0 = self.0 || bytes.windows(TOKEN.len()).any(|part| part == TOKEN);
        }

        fn finish(&self) -> u64 {
            u64::from(self.0)
        }
    }

    let mut looks = Looks(false);
    world.memory.hash(&mut looks);
    looks.0
}

/// What the providers' own truth says: nothing twice, no mail, nothing lost that Tandem does not know.
fn providers(world: &World, split: bool) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut add = |invariant, what| violations.push(Violation { invariant, what });
    let twice = [
        world.microsoft.duplicates_by_property(ACCOUNT, agenda::MICROSOFT_MARK),
        world.google.duplicates_by_property(ACCOUNT, "tandem"),
    ];
    // A split in a provider's own pages copies the mark.
    if !split && twice.iter().any(|twice| !twice.is_empty()) {
        add("I2", format!("created twice: {twice:?}"));
    }
    let mails = (world.google.counters().mails, world.microsoft.counters().mails);
    if mails != (0, 0) {
        add("I17", format!("mails were sent: {mails:?}"));
    }
    for row in world.google.truth(ACCOUNT) {
        let number = row["summary"].as_str().and_then(super::facts::family);
        let id = row["id"].as_str().unwrap_or_default();
        // Made in Google's pages: the id is Google's own, and the property was there from the beginning.
        let made_there = number.is_some() && row["recurringEventId"].is_null() && has_mark_of_none(&row);
        if made_there && row.pointer("/extendedProperties/private/crm").is_none() {
            add("I18", format!("{id} lost a property that Tandem does not know"));
        }
    }
    violations
}

/// Whether an event at Google was made in its own pages.
fn has_mark_of_none(row: &serde_json::Value) -> bool {
    row.pointer("/extendedProperties/private/tandem").is_none()
}
