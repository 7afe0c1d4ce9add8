//! Looks again at an event whose write met something else: somebody's change, its end, or an earlier write of ours without an
//! answer. What is found is settled, and the write stays in the queue to be decided anew.

use super::arrive::Subject;
use super::scene::{Job, Pending, Scene};
use super::session::{Flow, Session};
use crate::backoff;
use crate::effects::{Change, Effects, FailureKind, PushEntry, Response, Shadow};
use crate::limits::CONTESTED;
use crate::provider::{Notes, Purpose, Row, Verdict};

impl<F: Effects> Session<'_, F> {
    /// Somebody changed or removed it: read it, and let the plan decide anew. The entry stays in the queue.
    pub(super) fn look_again(&mut self, job: Job, remote_id: &str, verdict: Verdict) -> Flow<()> {
        let Job { mut entry, scene } = job;
        let told = self.postpone_contested(&mut entry, &scene);
        // Nothing of an exception tells that its series is gone, and it may look as it always did.
        let row = match remote_id != scene.remote_id && self.is_series_gone(&scene.remote_id)? {
            true => Row::Gone(scene.remote_id),
            false if remote_id != scene.remote_id => self.read_as_is(remote_id)?,
            false => self.read_again(remote_id)?,
        };
        // "Not found" for a write, but there for a read: do not write it again and again.
        let stuck = verdict == Verdict::NotFound && !matches!(row, Row::Gone(_));
        if stuck {
            entry.due_ms = entry.due_ms.max(self.now_ms + 60_000);
        }
        let changes = told.into_iter().chain([Change::Postpone(entry)]).collect();
        self.absorb(vec![row], changes)
    }

    /// Settle what was found on the way to a write, which stays in the queue and is decided anew.
    pub(super) fn settle_first(&mut self, mut out: Pending, mut entry: PushEntry, subjects: Vec<Subject>) -> Flow<()> {
        entry.attempts = entry.attempts.saturating_add(1);
        entry.due_ms = self.now_ms;
        out.changes.push(Change::Postpone(entry));
        self.answered(&mut out.changes);
        self.settle_all(&mut out, subjects)?;
        self.commit(out.changes, out.expectations)
    }

    /// Made again, unless somebody brought the old one back meanwhile: both would be one event twice (invariant I3).
    pub(super) fn recreate(&mut self, job: Job) -> Flow<()> {
        let is_untried = job.scene.notes.sent.is_empty();
        let known = job.scene.shadow.as_ref().filter(|shadow| is_untried && !shadow.etag.is_empty());
        let Some(shadow) = known else { return self.create(job) };
        match self.read_as_is(&shadow.remote_id)? {
            Row::Event(event) if event.etag != shadow.etag => {
                self.absorb(vec![Row::Event(event)], vec![Change::Postpone(job.entry)])
            }
            _ => self.create(job),
        }
    }

    /// Its deletion has no answer, and the event was made again here since: the provider knows whether it is done.
    pub(super) fn made_again(&mut self, job: Job) -> Flow<()> {
        let row = self.read_again(&job.scene.remote_id)?;
        // Done later, it would be taken for somebody else's (invariant I1).
        if !matches!(row, Row::Gone(_))
            && let Some(over_ms) = self.on_its_way_until(&job.scene.notes)
        {
            return self.outwait(job, over_ms);
        }
        let Job { entry, mut scene } = job;
        let Some(shadow) = scene.shadow.take().filter(|_| !matches!(row, Row::Gone(_))) else {
            return self.absorb(vec![row], vec![Change::Postpone(entry)]);
        };
        scene.notes.deleted = false;
        let shadow = Shadow { notes: scene.notes.text(), ..shadow };
        let mut changes = vec![Change::PutShadow(self.replica.id.clone(), shadow)];
        self.answered(&mut changes);
        // The entry stays in the queue. A store that lags behind would show the deletion again, and again.
        self.commit(changes, vec![])
    }

    /// A write that meets somebody else's change is decided anew at once, and after many tries, whatever ended them, a while
    /// later: then people are told.
    pub(super) fn postpone_contested(&mut self, entry: &mut PushEntry, scene: &Scene) -> Option<Change> {
        entry.attempts = entry.attempts.saturating_add(1);
        entry.due_ms = self.now_ms;
        if entry.attempts <= CONTESTED {
            return None;
        }
        entry.due_ms = backoff::next_step_ms(self.now_ms, entry.attempts - CONTESTED);
        if !scene.notes.refused.is_empty() {
            return None;
        }
        let detail = "somebody else keeps changing the event at the same time; it is tried again";
        let mut failure = self.failure(FailureKind::Push, &scene.uid, "contested", detail, entry.attempts);
        failure.uid = Some(scene.uid.clone());
        failure.remote_id = Some(scene.remote_id.clone()).filter(|id| !id.is_empty());
        self.report.failed += 1;
        Some(Change::PutFailure(failure))
    }

    /// Whether exceptions of an event were refused: the record of that is not written over by one of a trouble that passes.
    pub(super) fn has_refused(&mut self, uid: &str) -> Flow<bool> {
        let shadows = self.fx.shadows_by_uid(&self.replica.id, vec![uid.to_owned()])?;
        Ok(!Notes::of(shadows.first().and_then(Option::as_ref)).refused.is_empty())
    }

    /// Read an event or series that is known.
    pub(super) fn read_again(&mut self, remote_id: &str) -> Flow<Row> {
        let request = self.provider.get(&self.target(), remote_id);
        let (found, response) = self.exchange(Purpose::Read, request)?;
        match found {
            Verdict::NotFound => self.must_be_gone(remote_id, &response)?,
            _ => self.is_shown(remote_id),
        }
        self.as_read(remote_id, found, &response)
    }

    /// Whether a series was deleted: one of its exceptions, a row of its own, does not tell (invariant I1).
    pub(super) fn is_series_gone(&mut self, remote_id: &str) -> Flow<bool> {
        Ok(matches!(self.read_again(remote_id)?, Row::Gone(_)))
    }

    /// The same of an occurrence, which its series may have left behind, or of an event that was deleted.
    pub(super) fn read_as_is(&mut self, remote_id: &str) -> Flow<Row> {
        let request = self.provider.get(&self.target(), remote_id);
        let (found, response) = self.exchange(Purpose::Read, request)?;
        self.as_read(remote_id, found, &response)
    }

    fn as_read(&mut self, remote_id: &str, found: Verdict, response: &Response) -> Flow<Row> {
        let row = match found {
            Verdict::Done => self.provider.read_row(&self.target(), &response.body).ok(),
            Verdict::NotFound => Some(Row::Gone(remote_id.to_owned())),
            _ => None,
        };
        let Some(row) = row else {
            return Err(self.fail("unexpected-answer", "the provider answered a read in an unknown way"));
        };
        self.with_exceptions(row)
    }
}
