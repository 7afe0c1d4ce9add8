//! The sweep after a full listing, behind the mass-delete guard (invariant I13): what the listing did not show is
//! gone at the provider (where that is no proof, each is asked for first), unless it would be too much of the calendar
//! to believe without asking. Removals that are found one by one between full listings are counted as well: beyond a
//! few they count as not shown, and go through the same sweep.

use super::arrive::{Remote, Shadows, Subject};
use super::scene::Pending;
use super::session::{Flow, Session, Stop};
use super::state::{Guard, Sweep};
use crate::effects::{Change, Effects, FailureKind, Shadow};
use crate::id::failure_id;
use crate::limits::{GUARD_EVENTS, GUARD_PERCENT, PROOF_PAGE, SWEEP_PAGE};
use crate::provider::Row;
use crate::seeded::{Bug, has};

/// What the guard tells people.
const ASKING: &str = "the provider shows more of the calendar as removed than is believed without asking; answer the guard: \
                      accept the deletions, or refuse them and the events are created again";

/// Whether so many deletions have to be asked for.
#[must_use]
pub(super) fn is_too_many(live: u64, unseen: u64) -> bool {
    !has(Bug::NoGuard) && unseen > 0 && (unseen >= live || unseen > GUARD_EVENTS.max(live * GUARD_PERCENT / 100))
}

impl<F: Effects> Session<'_, F> {
    /// Handle one page of what the listing did not show.
    pub(super) fn sweep(&mut self, sweep: &Sweep) -> Flow<()> {
        let mut sweep = sweep.clone();
        if !sweep.proven && !self.provider.absence_is_proof() {
            return self.prove(sweep);
        }
        if sweep.guard == Guard::Unchecked {
            let count = self.fx.count_shadows(&self.replica.id, self.state.generation)?;
            if is_too_many(count.live + sweep.removed, count.unseen + sweep.removed) {
                return Err(self.ask(sweep));
            }
            sweep.guard = Guard::Delete;
        }
        let generation = self.state.generation;
        let unseen = self.fx.unseen_shadows(&self.replica.id, generation, sweep.after.clone(), SWEEP_PAGE)?;
        let last = unseen.len() < SWEEP_PAGE as usize;
        sweep.after = unseen.last().map(|shadow| shadow.uid.clone()).or(sweep.after);
        self.state.sweep = Some(sweep);
        let gone = |shadow: Shadow| Subject {
            remote_id: shadow.remote_id.clone(),
            shadow: Some(shadow),
            remote: Remote::Gone,
        };
        let mut out = Pending::default();
        self.settle_all(&mut out, unseen.into_iter().map(gone).collect())?;
        if last {
            self.state.sweep = None;
            out.changes.push(Change::DeleteFailure(failure_id(&self.replica.id, FailureKind::Guard, "sweep")));
        }
        self.commit(out.changes, out.expectations)
    }

    /// Ask for a few of the events that the listing did not show. Those that are there count as seen; only when each
    /// has been asked for, the guard counts, so that it sees real deletions and nothing else.
    fn prove(&mut self, mut sweep: Sweep) -> Flow<()> {
        let generation = self.state.generation;
        let unseen = self.fx.unseen_shadows(&self.replica.id, generation, sweep.after.clone(), PROOF_PAGE)?;
        let last = unseen.len() < PROOF_PAGE as usize;
        let ids: Vec<String> = unseen.iter().map(|shadow| shadow.remote_id.clone()).collect();
        let seen = self.look_at(&ids)?;
        // Those that were asked for, when it was too much for one step.
        let last = last && seen.left.is_empty();
        let unseen = unseen.get(..seen.done).unwrap_or_default();
        let mut out = Pending::default();
        self.answered(&mut out.changes);
        self.take_up_again(&mut out, &seen.rows);
        let rows: Vec<Row> = seen.rows.into_iter().filter(|row| !matches!(row, Row::Gone(_))).collect();
        self.expects_proven(!rows.is_empty());
        let mut shadows = self.shadows_of(&rows, &seen.skipped)?;
        self.set_aside(&mut out, &seen.skipped, &mut shadows);
        let subjects = self.gather(rows, &mut shadows, &mut out.changes)?;
        self.settle_all(&mut out, subjects)?;
        sweep.after = unseen.last().map(|shadow| shadow.uid.clone()).filter(|_| !last);
        sweep.proven = last;
        self.state.sweep = Some(sweep);
        self.commit(out.changes, out.expectations)
    }

    /// Removals that were found one by one: a few in a run are believed. More are left to a sweep, and their rows taken
    /// out; `known` are the live shadows.
    pub(super) fn measured(&mut self, rows: &mut Vec<Row>, known: &Shadows) -> Vec<Change> {
        let removed = |row: &Row| match row {
            Row::Gone(id) => known.get(id),
            _ => None,
        };
        let found = rows.iter().filter(|row| removed(row).is_some()).count() as u64;
        let total = self.state.removed + found;
        if found == 0 || total <= GUARD_EVENTS {
            self.state.removed = total;
            return Vec::new();
        }
        let believed = match &self.state.sweep {
            Some(sweep) if self.state.removed > GUARD_EVENTS => sweep.removed,
            _ => self.state.removed.min(GUARD_EVENTS),
        };
        self.state.removed = total.max(GUARD_EVENTS + 1);
        self.state.sweep = Some(Sweep { removed: believed, ..Sweep::default() });
        // No listing has the number 0: they count as not seen.
        let unseen =
            |shadow: &Shadow| Change::TouchShadow(self.replica.id.clone(), shadow.uid.clone(), 0, shadow.etag.clone());
        let changes = rows.iter().filter_map(removed).map(unseen).collect();
        rows.retain(|row| removed(row).is_none());
        changes
    }

    fn ask(&mut self, sweep: Sweep) -> Stop {
        self.state.sweep = Some(Sweep { guard: Guard::Asking, ..sweep });
        let failure = self.failure(FailureKind::Guard, "sweep", "mass-delete", ASKING, 1);
        self.report.failed += 1;
        self.pause(ASKING, vec![Change::PutFailure(failure)])
    }

    /// Whether the guard waits for an answer.
    pub(super) fn is_asking(&self) -> bool {
        self.state.sweep.as_ref().is_some_and(|sweep| sweep.guard == Guard::Asking)
    }

    /// Somebody answered.
    pub(super) fn answer(&mut self, accept: bool) -> Flow<()> {
        let Some(sweep) = self.state.sweep.as_mut().filter(|sweep| sweep.guard == Guard::Asking) else { return Ok(()) };
        sweep.guard = if accept { Guard::Delete } else { Guard::Recreate };
        self.health(crate::effects::Health::Healthy, "");
        let failure = failure_id(&self.replica.id, FailureKind::Guard, "sweep");
        let replica = self.replica.id.clone();
        self.commit(vec![Change::DeleteFailure(failure), Change::Want(replica)], vec![])
    }
}

#[cfg(test)]
mod tests {
    use super::is_too_many;

    #[test]
    fn more_than_ten_and_thirty_percent_or_everything_is_too_many() {
        let cases = [
            (100, 0, false),
            (100, 30, false),
            (100, 31, true),
            (20, 10, false),
            (20, 11, true),
            (11, 11, true),
            (5, 4, false),
            (5, 5, true),
            (0, 0, false),
            (1_000, 300, false),
            (1_000, 301, true),
        ];
        for (live, unseen, expected) in cases {
            assert_eq!(is_too_many(live, unseen), expected, "{unseen} of {live}");
        }
    }
}
