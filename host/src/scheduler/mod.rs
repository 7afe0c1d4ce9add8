//! Runs due replicas: claim, step while there is more, say when to come back.
//!
//! Invariants: one replica is stepped by one task at a time (a lease with an epoch; a step whose lease is lost is
//! dropped); no replica holds a worker for long while others wait; nothing here knows why a replica waits: that is the
//! component's decision, except for steps that end in an error.

mod metrics;
mod run;
mod steps;
mod worker;

use std::sync::Arc;

use tokio::sync::{broadcast, watch};
use tokio::task::JoinHandle;

pub use self::metrics::{Metrics, Snapshot};
pub use self::steps::Steps;
use crate::bindings::exports::tandem::calendar::sync::Report;
use crate::clock::Clock;
use crate::store::{Store, Stored};

/// Reports kept for a listener that is slow; it misses older ones.
const REPORTS_KEPT: usize = 1_024;

/// How to run.
#[derive(Debug, Clone)]
pub struct SchedulerOptions {
    /// Steps at the same time.
    pub workers: usize,
    /// How long a lease lasts without being renewed, in milliseconds. After a crash its replicas wait that long.
    pub lease_ms: u64,
    /// Who holds the leases: unique among the hosts of one database.
    pub worker_id: String,
    /// How long a shutdown waits for the steps that run, in milliseconds. What is stopped after it is repeated by
    /// whoever claims it next.
    pub grace_ms: u64,
}

impl Default for SchedulerOptions {
    fn default() -> Self {
        Self { workers: 4, lease_ms: 60_000, worker_id: "tandem".into(), grace_ms: 10_000 }
    }
}

/// What a step did, for whoever watches live.
#[derive(Debug, Clone, PartialEq)]
pub struct StepReport {
    /// Whose replica.
    pub tenant: String,
    /// The replica.
    pub replica: String,
    /// What the component said.
    pub report: Report,
    /// When the step ended.
    pub at_ms: u64,
}

/// What all workers share.
struct Shared {
    store: Arc<dyn Store>,
    steps: Arc<dyn Steps>,
    clock: Arc<dyn Clock>,
    options: SchedulerOptions,
    metrics: Arc<Metrics>,
    reports: broadcast::Sender<StepReport>,
    /// True once it shuts down: steps that run end, none begin.
    stopping: watch::Sender<bool>,
}

/// Runs due replicas. Cheap to clone; all clones are the same scheduler.
#[derive(Clone)]
pub struct Scheduler {
    shared: Arc<Shared>,
}

impl Scheduler {
    /// A scheduler that runs only when [`Scheduler::run_due_once`] is called: for a clock that stands still.
    /// [`crate::runtime::Runtime`] is a [`Steps`].
    #[must_use]
    pub fn new(store: Arc<dyn Store>, steps: impl Steps, clock: Arc<dyn Clock>, options: SchedulerOptions) -> Self {
        let shared = Shared {
            store,
            steps: Arc::new(steps),
            clock,
            options,
            metrics: Arc::default(),
            reports: broadcast::Sender::new(REPORTS_KEPT),
            stopping: watch::Sender::new(false),
        };
        Self { shared: Arc::new(shared) }
    }

    /// A scheduler that runs by itself until the handle is shut down. Must be called inside a tokio runtime.
    #[must_use]
    pub fn start(
        store: Arc<dyn Store>,
        steps: impl Steps,
        clock: Arc<dyn Clock>,
        options: SchedulerOptions,
    ) -> SchedulerHandle {
        Self::new(store, steps, clock, options).run()
    }

    /// Let it run by itself.
    #[must_use]
    pub fn run(self) -> SchedulerHandle {
        let running = tokio::spawn(run::run(Arc::clone(&self.shared)));
        SchedulerHandle { scheduler: self, running }
    }

    /// Run everything that is due now, one after the other, until nothing is; gives the number of steps. With a clock
    /// that stands still this ends when every replica waits for a later time, at the latest after a bound.
    pub async fn run_due_once(&self) -> Stored<u64> {
        run::run_due_once(&self.shared).await
    }

    /// Counters.
    #[must_use]
    pub fn metrics(&self) -> Arc<Metrics> {
        Arc::clone(&self.shared.metrics)
    }

    /// Reports from now on.
    #[must_use]
    pub fn reports(&self) -> broadcast::Receiver<StepReport> {
        self.shared.reports.subscribe()
    }
}

/// A scheduler that runs. Dropping the handle lets it run on; call [`SchedulerHandle::shutdown`].
pub struct SchedulerHandle {
    scheduler: Scheduler,
    running: JoinHandle<()>,
}

impl SchedulerHandle {
    /// The scheduler.
    #[must_use]
    pub fn scheduler(&self) -> &Scheduler {
        &self.scheduler
    }

    /// Begin nothing new, let running steps end (at most `grace_ms`), give their leases back.
    pub async fn shutdown(self) {
        self.scheduler.shared.stopping.send_replace(true);
        if self.running.await.is_err() {
            tracing::error!("the scheduler ended by a panic");
        }
    }

    /// Stop at once, as a kill would: leases stay until they end.
    pub async fn abort(self) {
        self.running.abort();
        let _ = self.running.await;
    }
}
