//! The loop breaker (invariant I21): an event that is written again and again waits, and people are told.

use super::scene::Job;
use super::session::{Flow, Session};
use crate::effects::{Change, Effects, FailureKind};
use crate::limits::{LOOP_WINDOW_MS, LOOP_WRITES};

impl<F: Effects> Session<'_, F> {
    /// Whether it was written so often that it has to wait.
    pub(super) fn is_looping(&self, job: &mut Job) -> bool {
        let since = self.now_ms.saturating_sub(LOOP_WINDOW_MS);
        job.scene.notes.writes.retain(|at| *at > since);
        job.scene.notes.writes.len() >= LOOP_WRITES
    }

    /// Written too often: wait until the oldest of the writes is out of the window, and say so.
    pub(super) fn park(&mut self, job: Job) -> Flow<()> {
        let Job { mut entry, scene } = job;
        entry.due_ms = scene.notes.writes.first().map_or(self.now_ms, |oldest| oldest + LOOP_WINDOW_MS + 1);
        let detail = "the event was written more than 10 times in 10 minutes; it waits until that is over. Two programs \
                      may be undoing each other's changes";
        let mut failure = self.failure(FailureKind::Guard, &scene.uid, "write-loop", detail, entry.attempts + 1);
        failure.uid = Some(scene.uid);
        self.report.failed += 1;
        self.commit(vec![Change::PutFailure(failure), Change::Postpone(entry)], vec![])
    }
}
