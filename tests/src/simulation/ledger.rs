//! What people did, and what must have come of it at the end.
//!
//! I1: a value that somebody wrote is still there, or it was taken away by somebody who saw it, or it is in a record of
//! a conflict or a failure. I3: what was deleted while all sides agreed, and touched by nobody since, stays away.

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
            // The place of an additional date is no news of who edits the occurrence there, though nothing said it before.
            if !overrun && is_more && facts::is_of(&said.value, edit.token) {
                let claim = format!("{:?} wrote {} ({:?})", edit.side, said.value, edit.change);
                self.claims.insert(said.clone(), claim);
            }
        }
        for (said, was) in &old {
            let now = new.get(said).copied().unwrap_or(0);
            *self.taken.entry(said.clone()).or_default() += was.saturating_sub(now);
        }
        let is_touched_elsewhere = self.is_touched_elsewhere(&done.family, edit.side);
        // Brought back on two sides at once, or beside what was made again, nobody knows that they are the same.
        let is_restored_elsewhere =
            edit.change == Change::Restore && (self.again.contains(&done.family) || is_touched_elsewhere);
        let copies = self.copies.entry(done.family.clone()).or_insert(1);
        *copies += u32::from(done.split || is_restored_elsewhere);
        let is_one = *copies == 1;
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

    /// Nothing is under way. What nobody has looked at since may still be different: only what all sides say counts.
    pub(super) fn settled(&mut self, world: &World, sides: &[Side]) {
        let all: Vec<Facts> = sides.iter().map(|side| facts::of(world, *side)).collect();
        if let [first, others @ ..] = all.as_slice() {
            let known = first.keys().filter(|family| others.iter().all(|side| side.contains_key(*family)));
            self.met.extend(known.cloned());
        }
        self.touched
            .retain(|family, _| all.windows(2).any(|two| matches!(two, [a, b] if a.get(family) != b.get(family))));
    }

    /// Whether somebody edited a family of whom a side may not know yet. Its own edits a side knows.
    fn is_touched_elsewhere(&self, family: &str, side: Side) -> bool {
        let by = [self.touched.get(family), self.silent.get(family)];
        by.into_iter().flatten().flatten().any(|other| *other != side)
    }

    /// Whether any series was split.
    pub(super) fn has_split(&self) -> bool {
        self.copies.values().any(|copies| *copies > 1)
    }

    /// What does not hold at the end, on these sides.
    #[must_use]
    pub(super) fn check(&self, world: &World, sides: &[Side]) -> Vec<Violation> {
        let mut violations = Vec::new();
        let mut known = BTreeSet::new();
        for side in sides {
            known.extend(facts::counts(&facts::of(world, *side)).into_keys().map(|said| said.value));
        }
        for conflict in world.memory.conflicts.values() {
            for text in [&conflict.base, &conflict.local, &conflict.remote, &conflict.outcome].into_iter().flatten() {
                facts::in_record(text, &mut known);
            }
        }
        let count = |of: &BTreeMap<Said, u32>, said: &Said| of.get(said).copied().unwrap_or(0);
        let is_taken = |said: &Said| count(&self.taken, said) >= count(&self.most, said).max(1);
        let lost = self.claims.iter().filter(|(said, _)| !is_taken(said) && !known.contains(&said.value));
        violations.extend(lost.map(|(_, claim)| Violation {
            invariant: "I1",
            what: format!("{claim}; nobody took it away, and no record has it"),
        }));
        for side in sides {
            let there = facts::masters(world, *side);
            if *side != Side::Outlook {
                let lost = self.restored.iter().filter(|(family, _)| !there.contains_key(*family));
                violations.extend(lost.map(|(_, claim)| Violation {
                    invariant: "I1",
                    what: format!("{claim}, and it is not there at {side:?}"),
                }));
            }
            violations.extend(self.deleted.iter().filter(|(family, _)| there.contains_key(*family)).map(
                |(_, claim)| Violation { invariant: "I3", what: format!("{claim}, and it is there at {side:?}") },
            ));
            violations.extend(there.iter().filter_map(|(family, count)| {
                let most = self.copies.get(family).copied().unwrap_or(1);
                let what = format!("{family} is there {count} times at {side:?}, and was made {most} times");
                (*count > most).then_some(Violation { invariant: "I2", what })
            }));
        }
        violations
    }
}
