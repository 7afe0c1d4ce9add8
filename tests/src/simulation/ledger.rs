//! What people did, and what must have come of it at the end.
//!
//! I1: a value that somebody wrote is still there, or it was taken away by somebody who saw it, or it is in a record of
//! a conflict or a failure. A text that somebody took away, with nothing else under way, is nowhere. I3: what was deleted
//! while all sides agreed, and touched by nobody since, stays away.

use std::collections::{BTreeMap, BTreeSet};

use super::facts::{self, Facts, Said};
use super::history::{Change, Side};
use super::observer::Violation;
use super::people::{Done, Visit};
use crate::world::World;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// Values that people wrote: what they did, in words.
    claims: BTreeMap<Said, String>,
    /// How often somebody who saw a value took it away.
    taken: BTreeMap<Said, u32>,
    /// In how many events a value was at once: a split leaves it in two.
    most: BTreeMap<Said, u32>,
    /// Older values that an undo brought back, by family, until all sides know. What is as it was looks as if nobody had
    /// touched it: once somebody elsewhere edits the family before that, nobody can know, and nothing is claimed.
    undone: BTreeMap<String, BTreeSet<Said>>,
    /// Texts that somebody took away with nothing else under way, by family, until all sides know; as above.
    leaving: BTreeMap<String, BTreeMap<String, String>>,
    /// The same that all sides know of.
    gone: BTreeMap<String, String>,
    /// Families that were deleted whole, with nothing under way.
    deleted: BTreeMap<String, String>,
    /// Families that were brought back, with nothing else under way.
    restored: BTreeMap<String, String>,
    /// Families that all sides have shown at once: a creation without an answer that was deleted on both sides is known on one.
    met: BTreeSet<String>,
    /// Families that were deleted at one side while somebody at another one knew nothing of it: an edit makes them again.
    again: BTreeSet<String>,
    /// Who edited a family since the last time when nothing was under way.
    touched: BTreeMap<String, BTreeSet<Side>>,
    /// Who changed a family without a new value, its length or day, or deleted an occurrence, at any time: nothing tells whether
    /// all sides know.
    silent: BTreeMap<String, BTreeSet<Side>>,
    /// How often a family may be there: once, and once more for each split.
    copies: BTreeMap<String, u32>,
}

impl Ledger {
    /// An edit was accepted. One that was overrun claims nothing.
    pub(super) fn note(&mut self, visit: &Visit, done: &Done, overrun: bool) {
        let edit = &visit.edit;
        let is_touched_elsewhere = self.is_touched_elsewhere(&done.family, edit.side);
        // The texts of an event know nothing of its length, its days and its occurrences.
        let is_written_elsewhere = is_by_another(self.touched.get(&done.family), edit.side);
        if is_written_elsewhere {
            self.doubt(&done.family);
        }
        let (old, new) = (facts::counts(&visit.before), facts::counts(&visit.after));
        let before: BTreeSet<&String> = old.keys().map(|said| &said.value).collect();
        let mut says_more = false;
        for (said, now) in &new {
            // What was in two events already is so because a split is under way: that is no doing of this person.
            if old.get(said).is_none_or(|was| was < now) {
                let most = self.most.entry(said.clone()).or_default();
                *most = (*most).max(*now);
            }
            let is_more = !before.contains(&said.value);
            says_more |= is_more;
            if is_more {
                self.gone.remove(&said.value);
                self.leaving.values_mut().for_each(|family| drop(family.remove(&said.value)));
            }
            let is_open = if said.apart { is_touched_elsewhere } else { is_written_elsewhere };
            let is_undone = edit.change == Change::Undo && !is_open && facts::is_text(&said.value);
            // The place of an additional date is no news of who edits the occurrence there, though nothing said it before.
            if !overrun && is_more && (is_undone || facts::is_of(&said.value, edit.token)) {
                if is_undone {
                    self.taken.remove(said);
                    self.most.insert(said.clone(), *now);
                    self.undone.entry(done.family.clone()).or_default().insert(said.clone());
                }
                let claim = format!("{:?} wrote {} ({:?})", edit.side, said.value, edit.change);
                self.claims.insert(said.clone(), claim);
            }
        }
        for (said, was) in &old {
            let now = new.get(said).copied().unwrap_or(0);
            *self.taken.entry(said.clone()).or_default() += was.saturating_sub(now);
        }
        // Brought back on two sides at once, or beside what was made again, nobody knows that they are the same.
        let is_restored_elsewhere =
            edit.change == Change::Restore && (self.again.contains(&done.family) || is_touched_elsewhere);
        let copies = self.copies.entry(done.family.clone()).or_insert(1);
        *copies += u32::from(done.split || is_restored_elsewhere);
        let is_one = *copies == 1;
        if edit.change.is_of_text() && is_one && !overrun && !is_touched_elsewhere {
            let after: BTreeSet<&String> = new.keys().map(|said| &said.value).collect();
            let away = before.difference(&after).filter(|value| facts::is_text(value));
            let claim = |value: &String| format!("{:?} took {value} away ({:?})", edit.side, edit.change);
            let away = away.map(|value| ((*value).clone(), claim(value)));
            self.leaving.entry(done.family.clone()).or_default().extend(away);
        }
        if done.deleted && is_one && !is_touched_elsewhere {
            self.deleted.insert(done.family.clone(), format!("{:?} deleted {}", edit.side, done.family));
        } else if edit.change != Change::Delete || !done.deleted {
            self.deleted.remove(&done.family);
        }
        self.restored.remove(&done.family);
        if done.deleted && is_touched_elsewhere {
            self.again.insert(done.family.clone());
        }
        let is_known = self.met.contains(&done.family) && !is_touched_elsewhere;
        if edit.change == Change::Restore && is_one && is_known {
            self.restored.insert(done.family.clone(), format!("{:?} brought {} back", edit.side, done.family));
        }
        self.touched.entry(done.family.clone()).or_default().insert(edit.side);
        // A new length of a series may also end its exceptions.
        if !says_more && !done.deleted {
            self.silent.entry(done.family.clone()).or_default().insert(edit.side);
        }
    }

    /// Somebody elsewhere edits a family before all sides know what was undone or taken away in it.
    fn doubt(&mut self, family: &str) {
        self.leaving.remove(family);
        for said in self.undone.remove(family).into_iter().flatten() {
            let most = self.most.get(&said).copied().unwrap_or(1);
            self.taken.insert(said, most);
        }
    }

    /// Nothing is under way. What nobody has looked at since may still be different: only what all sides say counts.
    pub(super) fn settled(&mut self, world: &World, sides: &[Side]) {
        let all: Vec<Facts> = sides.iter().map(|side| facts::of(world, *side)).collect();
        if let [first, others @ ..] = all.as_slice() {
            let known = first.keys().filter(|family| others.iter().all(|side| side.contains_key(*family)));
            self.met.extend(known.cloned());
        }
        self.touched
            .retain(|family, _| all.windows(2).any(|two| matches!(two, [a, b] if a.get(family) != b.get(family))));
        let touched = &self.touched;
        self.undone.retain(|family, _| touched.contains_key(family));
        for (_, known) in self.leaving.extract_if(.., |family, _| !touched.contains_key(family)) {
            self.gone.extend(known);
        }
    }

    /// Whether somebody edited a family of whom a side may not know yet. Its own edits a side knows.
    fn is_touched_elsewhere(&self, family: &str, side: Side) -> bool {
        [self.touched.get(family), self.silent.get(family)].into_iter().any(|by| is_by_another(by, side))
    }

    /// Whether any series was split.
    pub(super) fn has_split(&self) -> bool {
        self.copies.values().any(|copies| *copies > 1)
    }

    /// What does not hold at the end, on these sides. Of `excused` families some side cannot say all; the deletion of `declined`
    /// ones was not believed by the person who was asked.
    #[must_use]
    pub(super) fn check(
        &self,
        world: &World,
        sides: &[Side],
        excused: &BTreeSet<String>,
        declined: &BTreeSet<String>,
    ) -> Vec<Violation> {
        let mut violations = Vec::new();
        let mut known = BTreeSet::new();
        for conflict in world.memory.conflicts.values() {
            for text in [&conflict.base, &conflict.local, &conflict.remote, &conflict.outcome].into_iter().flatten() {
                facts::in_record(text, &mut known);
            }
        }
        let away = self.leaving.values().chain([&self.gone]);
        let away: Vec<(&String, &String)> = away.flatten().filter(|(value, _)| !known.contains(*value)).collect();
        for side in sides {
            for (family, said) in facts::of(world, *side) {
                let is_said = |value: &String| said.keys().any(|said| said.value == *value);
                let kept = away.iter().filter(|(value, _)| is_said(value) && !excused.contains(&family));
                violations.extend(kept.map(|(_, claim)| Violation {
                    invariant: "I1",
                    what: format!("{claim}, and it is there at {side:?}"),
                }));
                known.extend(said.into_keys().map(|said| said.value));
            }
        }
        let count = |of: &BTreeMap<Said, u32>, said: &Said| of.get(said).copied().unwrap_or(0);
        let is_taken = |said: &Said| count(&self.taken, said) >= count(&self.most, said).max(1);
        let lost = self.claims.iter().filter(|(said, _)| !is_taken(said) && !known.contains(&said.value));
        violations.extend(lost.map(|(_, claim)| Violation {
            invariant: "I1",
            what: format!("{claim}; nobody took it away, and no record has it"),
        }));
        // Made again, and people were told.
        let again = world.memory.conflicts.values().filter(|conflict| conflict.remote.is_none());
        let again = again.filter_map(|conflict| facts::family(&facts::title_of(conflict.outcome.as_ref()?)?));
        let again: BTreeSet<String> = again.collect();
        for side in sides {
            let there = facts::masters(world, *side);
            if *side != Side::Outlook {
                let lost = self.restored.iter().filter(|(family, _)| !there.contains_key(*family));
                violations.extend(lost.map(|(_, claim)| Violation {
                    invariant: "I1",
                    what: format!("{claim}, and it is not there at {side:?}"),
                }));
            }
            let is_told = |family: &String| again.contains(family) || declined.contains(family);
            let kept = |family: &String| there.contains_key(family) && !is_told(family);
            violations.extend(self.deleted.iter().filter(|(family, _)| kept(family)).map(|(_, claim)| Violation {
                invariant: "I3",
                what: format!("{claim}, and it is there at {side:?}"),
            }));
            violations.extend(there.iter().filter_map(|(family, count)| {
                let most = self.copies.get(family).copied().unwrap_or(1);
                let what = format!("{family} is there {count} times at {side:?}, and was made {most} times");
                (*count > most).then_some(Violation { invariant: "I2", what })
            }));
        }
        violations
    }
}

/// Whether one of those is another side.
fn is_by_another(by: Option<&BTreeSet<Side>>, side: Side) -> bool {
    by.into_iter().flatten().any(|other| *other != side)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::simulation::history::Edit;
    use crate::world::meeting;

    /// Somebody edits the one family there is, of which that side says these values before and those afterwards.
    fn note(ledger: &mut Ledger, (side, token, change): (Side, u32, Change), before: &[u32], after: &[u32]) {
        let said = |tokens: &[u32]| {
            let value = |token: &u32| Said { value: format!("#{token}#"), apart: false };
            Facts::from([("E1".to_owned(), tokens.iter().map(|token| (value(token), 1)).collect())])
        };
        let edit = Edit { side, token, event: 0, occurrence: None, following: false, change };
        let visit = Visit { edit, done: None, before: said(before), after: said(after), sent: 0, step_end: 0 };
        ledger.note(&visit, &Done { family: "E1".to_owned(), ..Done::default() }, false);
    }

    /// What does not hold when the application says this title.
    fn broken(ledger: &Ledger, title: &str, excused: &[&str]) -> Vec<String> {
        let mut world = World::new();
        world.create(&meeting("e1@app", title, "2026-03-03T09:00:00")).unwrap();
        let excused = excused.iter().map(|name| (*name).to_owned()).collect();
        ledger
            .check(&world, &[Side::App], &excused, &BTreeSet::new())
            .into_iter()
            .map(|violation| violation.what)
            .collect()
    }

    #[test]
    fn what_is_taken_back_counts_again_until_somebody_elsewhere_edits() {
        let mut ledger = Ledger::default();
        note(&mut ledger, (Side::App, 1, Change::Title), &[], &[1]);
        note(&mut ledger, (Side::App, 2, Change::Title), &[1], &[2]);
        assert_eq!(broken(&ledger, "E1 #2#", &[]), Vec::<String>::new());
        note(&mut ledger, (Side::App, 3, Change::Undo), &[2], &[1]);
        assert_eq!(broken(&ledger, "E1 #1#", &[]), Vec::<String>::new());
        let lost = "App wrote #1# (Undo); nobody took it away, and no record has it";
        assert_eq!(broken(&ledger, "E1 #2#", &[]), ["App took #2# away (Undo), and it is there at App", lost]);
        // Whoever saw the one and not the other wrote over it.
        note(&mut ledger, (Side::Google, 4, Change::Title), &[2], &[4]);
        assert_eq!(broken(&ledger, "E1 #4#", &[]), Vec::<String>::new());
    }

    #[test]
    fn what_was_erased_stays_away() {
        let mut ledger = Ledger::default();
        note(&mut ledger, (Side::App, 1, Change::Title), &[], &[1]);
        note(&mut ledger, (Side::App, 2, Change::Notes), &[1], &[1, 2]);
        note(&mut ledger, (Side::App, 3, Change::Erase), &[1, 2], &[1]);
        let there = "App took #2# away (Erase), and it is there at App";
        assert_eq!(broken(&ledger, "E1 #1#, #2#", &[]), [there]);
        // All know of it: what is edited later does not bring it back.
        ledger.settled(&World::new(), &[Side::App]);
        note(&mut ledger, (Side::Google, 4, Change::Title), &[1], &[4]);
        assert_eq!(broken(&ledger, "E1 #4#, #2#", &[]), [there]);
        assert_eq!(broken(&ledger, "E1 #4#, #2#", &["E1"]), Vec::<String>::new(), "somebody could not be told");
        note(&mut ledger, (Side::App, 5, Change::Undo), &[4], &[4, 2]);
        assert_eq!(broken(&ledger, "E1 #4#, #2#", &[]), Vec::<String>::new(), "it is said again");
    }

    #[test]
    fn what_may_not_have_been_seen_elsewhere_may_stay() {
        let mut ledger = Ledger::default();
        note(&mut ledger, (Side::App, 1, Change::Title), &[], &[1]);
        note(&mut ledger, (Side::Google, 2, Change::Erase), &[1], &[]);
        assert_eq!(broken(&ledger, "E1 #1#", &[]), Vec::<String>::new());
    }
}
