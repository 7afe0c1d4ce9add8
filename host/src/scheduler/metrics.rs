//! Counters of the scheduler since its start.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

use crate::bindings::exports::tandem::calendar::sync::Report;

/// The counters. Each is exact; together they are not one moment.
#[derive(Debug, Default)]
pub struct Metrics {
    steps: AtomicU64,
    pulled: AtomicU64,
    applied: AtomicU64,
    pushed: AtomicU64,
    conflicts: AtomicU64,
    failures: AtomicU64,
    step_errors: AtomicU64,
    leases_lost: AtomicU64,
    running: AtomicU64,
}

/// The counters at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// Steps that ended with a report.
    pub steps: u64,
    /// Rows read from providers.
    pub pulled: u64,
    /// Events changed locally.
    pub applied: u64,
    /// Writes that providers accepted.
    pub pushed: u64,
    /// Conflicts recorded.
    pub conflicts: u64,
    /// Rows or events set aside.
    pub failures: u64,
    /// Steps that ended in a defect.
    pub step_errors: u64,
    /// Steps that were dropped or refused because the lease was lost.
    pub leases_lost: u64,
    /// Replicas that are claimed at the moment.
    pub running: u64,
}

impl Metrics {
    /// The counters now.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Snapshot {
            steps: read(&self.steps),
            pulled: read(&self.pulled),
            applied: read(&self.applied),
            pushed: read(&self.pushed),
            conflicts: read(&self.conflicts),
            failures: read(&self.failures),
            step_errors: read(&self.step_errors),
            leases_lost: read(&self.leases_lost),
            running: read(&self.running),
        }
    }

    pub(super) fn count(&self, report: &Report) {
        let add = |counter: &AtomicU64, by: u32| counter.fetch_add(u64::from(by), Ordering::Relaxed);
        add(&self.steps, 1);
        add(&self.pulled, report.pulled);
        add(&self.applied, report.applied);
        add(&self.pushed, report.pushed);
        add(&self.conflicts, report.conflicts);
        add(&self.failures, report.failed);
    }

    pub(super) fn step_error(&self) {
        self.step_errors.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn lease_lost(&self) {
        self.leases_lost.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts one as running until the guard is dropped, also when its task is stopped.
    pub(super) fn running(&self) -> Running<'_> {
        self.running.fetch_add(1, Ordering::Relaxed);
        Running(self)
    }
}

/// See [`Metrics::running`].
pub(super) struct Running<'m>(&'m Metrics);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::Relaxed);
    }
}
