//! The scheduler with a script in place of the component, and a clock that stands still.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tandem_host::bindings::exports::tandem::calendar::sync::{Outcome, Report, Retry, StepError};
use tandem_host::bindings::tandem::calendar::storage::{Batch, Expectation, FailureKind, ReplicaHealth};
use tandem_host::clock::{Clock, ManualClock};
use tandem_host::runtime::Trap;
use tandem_host::scheduler::{Scheduler, SchedulerOptions, Steps};
use tandem_host::store::sqlite::SqliteStore;
use tandem_host::store::{CalendarRow, Claim, ConflictPolicy, ConnectionRow, NewReplica, ReplicaMode, Store};
use tokio::sync::{Semaphore, mpsc};

const NOW: u64 = 1_800_000_000_000;
const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;
const LEASE: u64 = 30_000;

type Stepped = Result<Result<Report, StepError>, Trap>;

fn report(outcome: Outcome) -> Report {
    Report { outcome, pulled: 1, applied: 2, pushed: 3, conflicts: 4, failed: 5 }
}

fn ok(outcome: Outcome) -> Stepped {
    Ok(Ok(report(outcome)))
}

/// Plays outcomes in their order, by tenant; idle for an hour when there are none left.
#[derive(Clone)]
struct Script {
    clock: ManualClock,
    outcomes: Arc<Mutex<BTreeMap<String, VecDeque<Stepped>>>>,
    log: Arc<Mutex<Vec<String>>>,
}

#[async_trait]
impl Steps for Script {
    async fn step(&self, claim: &Claim) -> Stepped {
        self.log.lock().unwrap().push(claim.tenant.clone());
        let next = self.outcomes.lock().unwrap().get_mut(&claim.tenant).and_then(VecDeque::pop_front);
        next.unwrap_or_else(|| ok(Outcome::Idle(self.clock.now_ms() + HOUR)))
    }
}

struct World {
    store: Arc<SqliteStore>,
    clock: ManualClock,
    script: Script,
    scheduler: Scheduler,
}

async fn add_replica(store: &dyn Store, tenant: &str) {
    let (tenant, id) = (tenant.to_owned(), "r1".to_owned());
    let connection = ConnectionRow {
        tenant: tenant.clone(),
        id: "google".into(),
        provider: "google".into(),
        settings: "{}".into(),
        revoked: false,
        not_before_ms: 0,
        attempts: 0,
    };
    store.put_connection(connection).await.unwrap();
    let calendar =
        CalendarRow { tenant: tenant.clone(), id: "work".into(), name: "Work".into(), time_zone: "UTC".into() };
    store.put_calendar(calendar).await.unwrap();
    let replica = NewReplica {
        tenant,
        id,
        connection: "google".into(),
        calendar: "work".into(),
        remote_calendar: "primary".into(),
        mode: ReplicaMode::TwoWay,
        policy: ConflictPolicy::Newest,
    };
    store.put_replica(replica).await.unwrap();
}

fn options() -> SchedulerOptions {
    SchedulerOptions { workers: 2, lease_ms: LEASE, worker_id: "test".into(), grace_ms: 60_000 }
}

async fn world(outcomes: Vec<(&str, Vec<Stepped>)>) -> World {
    let store = Arc::new(SqliteStore::in_memory().unwrap());
    for (tenant, _) in &outcomes {
        add_replica(&*store, tenant).await;
    }
    let clock = ManualClock::new(NOW);
    let outcomes = outcomes.into_iter().map(|(tenant, script)| (tenant.to_owned(), script.into())).collect();
    let script = Script { clock: clock.clone(), outcomes: Arc::new(Mutex::new(outcomes)), log: Arc::default() };
    let scheduler = Scheduler::new(store.clone(), script.clone(), Arc::new(clock.clone()), options());
    World { store, clock, script, scheduler }
}

#[tokio::test]
async fn steps_are_repeated_while_there_is_more() {
    let world = world(vec![("a", vec![ok(Outcome::Again), ok(Outcome::Again), ok(Outcome::Idle(NOW + HOUR))])]).await;
    let mut reports = world.scheduler.reports();
    assert_eq!(world.scheduler.run_due_once().await, Ok(3));
    assert_eq!(world.scheduler.run_due_once().await, Ok(0));
    assert_eq!(world.store.next_due().await, Ok(Some(NOW + HOUR)));
    let seen = world.scheduler.metrics().snapshot();
    assert_eq!((seen.steps, seen.pulled, seen.applied, seen.pushed), (3, 3, 6, 9));
    assert_eq!((seen.conflicts, seen.failures, seen.step_errors, seen.running), (12, 15, 0, 0));
    for expected in [Outcome::Again, Outcome::Again, Outcome::Idle(NOW + HOUR)] {
        let seen = reports.try_recv().unwrap();
        assert_eq!((seen.tenant.as_str(), seen.replica.as_str(), seen.at_ms), ("a", "r1", NOW));
        assert_eq!(seen.report, report(expected));
    }
    world.clock.advance_ms(HOUR);
    assert_eq!(world.scheduler.run_due_once().await, Ok(1));
}

#[tokio::test]
async fn a_long_sync_does_not_hold_up_other_tenants() {
    let again = || (0..40).map(|_| ok(Outcome::Again)).collect();
    let world = world(vec![("a", again()), ("b", again()), ("c", vec![])]).await;
    assert_eq!(world.scheduler.run_due_once().await, Ok(41 + 41 + 1));
    let log = world.script.log.lock().unwrap().clone();
    let first_of_c = log.iter().position(|tenant| tenant == "c").unwrap();
    assert!(first_of_c <= 32, "the third tenant waited for {first_of_c} steps");
    let last_of_a = log.iter().rposition(|tenant| tenant == "a").unwrap();
    let first_of_b = log.iter().position(|tenant| tenant == "b").unwrap();
    assert!(first_of_b < last_of_a, "tenants did not take turns");
}

#[tokio::test]
async fn the_component_decides_when_to_retry() {
    let retry = Outcome::Retry(Retry { at_ms: NOW + 7_000, code: "rate-limited".into() });
    let world = world(vec![("a", vec![ok(retry)])]).await;
    world.store.resume("a", "r1", NOW).await.unwrap();
    assert_eq!(world.scheduler.run_due_once().await, Ok(1));
    assert_eq!(world.store.next_due().await, Ok(Some(NOW + 7_000)));
    assert_eq!(world.store.replica_statuses("a").await.unwrap()[0].served, 0);
    world.clock.advance_ms(7_000);
    assert_eq!(world.scheduler.run_due_once().await, Ok(1));
    assert_eq!(world.store.replica_statuses("a").await.unwrap()[0].served, 1);
}

#[tokio::test]
async fn a_paused_replica_waits_for_somebody() {
    let world = world(vec![("a", vec![ok(Outcome::Paused("reconnect".into()))])]).await;
    assert_eq!(world.scheduler.run_due_once().await, Ok(1));
    assert_eq!(world.store.next_due().await, Ok(None));
    world.clock.advance_ms(1_000 * HOUR);
    assert_eq!(world.scheduler.run_due_once().await, Ok(0));
    world.store.resume("a", "r1", NOW).await.unwrap();
    assert_eq!(world.scheduler.run_due_once().await, Ok(1));
}

#[tokio::test]
async fn a_time_in_the_past_does_not_run_in_a_circle() {
    let world = world(vec![("a", (0..50).map(|_| ok(Outcome::Idle(0))).collect())]).await;
    assert_eq!(world.scheduler.run_due_once().await, Ok(1));
    assert!(world.store.next_due().await.unwrap().unwrap() > NOW);
}

#[tokio::test]
async fn defects_are_tried_again_and_become_a_failure() {
    let bug = || Ok(Err(StepError::Bug("index out of bounds".into())));
    let trap = || Err(Trap("unreachable".into()));
    let script = vec![bug(), trap(), bug(), trap(), bug(), bug(), ok(Outcome::Again)];
    let world = world(vec![("a", script)]).await;
    for (attempt, minutes) in [1, 2, 4, 8, 16, 16].into_iter().enumerate() {
        assert_eq!(world.scheduler.run_due_once().await, Ok(1));
        assert_eq!(world.store.next_due().await, Ok(Some(world.clock.now_ms() + minutes * MINUTE)), "{attempt}");
        let failures = world.store.list_failures("a", 9).await.unwrap();
        assert_eq!(failures.len(), usize::from(attempt >= 4), "after attempt {attempt}");
        world.clock.advance_ms(minutes * MINUTE);
    }
    let failure = world.store.list_failures("a", 9).await.unwrap().remove(0);
    assert_eq!((failure.kind, failure.replica.as_str(), failure.attempts), (FailureKind::Step, "r1", 6));
    assert!(!failure.detail.contains("index out of bounds"), "the cause is for the log");
    assert_eq!(world.store.replica_statuses("a").await.unwrap()[0].health, ReplicaHealth::Starting);
    assert_eq!(world.scheduler.metrics().snapshot().step_errors, 6);
    // A step that ends well takes the failure back, and the next error starts anew.
    assert_eq!(world.scheduler.run_due_once().await, Ok(2));
    assert_eq!(world.store.list_failures("a", 9).await, Ok(vec![]));
    world.clock.advance_ms(HOUR);
    world.script.outcomes.lock().unwrap().insert("a".into(), [bug()].into());
    assert_eq!(world.scheduler.run_due_once().await, Ok(1));
    assert_eq!(world.store.next_due().await, Ok(Some(world.clock.now_ms() + MINUTE)));
}

#[tokio::test]
async fn a_store_that_is_away_is_not_a_defect() {
    let world = world(vec![("a", vec![Ok(Err(StepError::Unavailable))])]).await;
    assert_eq!(world.scheduler.run_due_once().await, Ok(1));
    assert_eq!(world.store.next_due().await, Ok(Some(NOW + 1_000)));
    assert_eq!(world.scheduler.metrics().snapshot().step_errors, 0);
}

#[tokio::test]
async fn what_lost_its_lease_or_replica_is_left_alone() {
    let world =
        world(vec![("a", vec![Ok(Err(StepError::LeaseLost))]), ("b", vec![Ok(Err(StepError::NotFound))])]).await;
    assert_eq!(world.scheduler.run_due_once().await, Ok(2));
    assert_eq!(world.store.next_due().await, Ok(Some(NOW + LEASE)), "only when the other's lease ends");
    assert_eq!(world.scheduler.metrics().snapshot().leases_lost, 1);
}

/// A step that never ends by itself; tells when it begins and when it is dropped.
struct Endless(mpsc::UnboundedSender<&'static str>);

struct Dropped(mpsc::UnboundedSender<&'static str>);

impl Drop for Dropped {
    fn drop(&mut self) {
        let _ = self.0.send("dropped");
    }
}

#[async_trait]
impl Steps for Endless {
    async fn step(&self, _claim: &Claim) -> Stepped {
        let _dropped = Dropped(self.0.clone());
        self.0.send("began").unwrap();
        std::future::pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn a_step_is_dropped_when_its_lease_is_lost() {
    let world = world(vec![("a", vec![])]).await;
    let (tell, mut told) = mpsc::unbounded_channel();
    let scheduler = Scheduler::new(world.store.clone(), Endless(tell), Arc::new(world.clock.clone()), options());
    let metrics = scheduler.metrics();
    let running = tokio::spawn(async move { scheduler.run_due_once().await });
    assert_eq!(told.recv().await, Some("began"));
    assert_eq!(metrics.snapshot().running, 1);
    // The host was asleep for longer than the lease, and another one took over.
    world.clock.advance_ms(2 * LEASE);
    let mut taken = Vec::new();
    while taken.is_empty() && !running.is_finished() {
        taken = world.store.claim("other", world.clock.now_ms(), 1_000 * HOUR, 1).await.unwrap();
        world.clock.advance_ms(LEASE);
    }
    assert_eq!(taken.len(), 1);
    assert_eq!(told.recv().await, Some("dropped"));
    assert_eq!(running.await.unwrap(), Ok(0));
    assert_eq!((metrics.snapshot().leases_lost, metrics.snapshot().running), (1, 0));
    assert_eq!(world.store.renew(&taken[0], u64::MAX).await, Ok(true), "the new lease was not touched");
}

/// Takes ten leases' time, and commits under its lease all along.
struct Slow(Arc<SqliteStore>, ManualClock);

#[async_trait]
impl Steps for Slow {
    async fn step(&self, claim: &Claim) -> Stepped {
        for _ in 0..60 {
            tokio::time::sleep(Duration::from_millis(LEASE / 6)).await;
            self.1.advance_ms(LEASE / 6);
            let lease = Expectation::Lease((claim.replica.clone(), claim.lease_epoch));
            let batch = Batch { expectations: vec![lease], changes: vec![] };
            self.0.commit(&claim.tenant, batch, self.1.now_ms()).await.unwrap();
        }
        ok(Outcome::Idle(self.1.now_ms() + HOUR))
    }
}

#[tokio::test(start_paused = true)]
async fn a_long_step_keeps_its_lease() {
    let world = world(vec![("a", vec![])]).await;
    let slow = Slow(world.store.clone(), world.clock.clone());
    let scheduler = Scheduler::new(world.store.clone(), slow, Arc::new(world.clock.clone()), options());
    assert_eq!(scheduler.run_due_once().await, Ok(1));
    assert_eq!(world.store.next_due().await, Ok(Some(NOW + 10 * LEASE + HOUR)));
}

/// Each step waits for a permit; counts how many run at once.
#[derive(Clone)]
struct Gated {
    gate: Arc<Semaphore>,
    began: mpsc::UnboundedSender<()>,
    outcome: Outcome,
    now: Arc<AtomicU64>,
    most: Arc<AtomicU64>,
}

#[async_trait]
impl Steps for Gated {
    async fn step(&self, _claim: &Claim) -> Stepped {
        let running = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(running, Ordering::SeqCst);
        self.began.send(()).unwrap();
        self.gate.acquire().await.unwrap().forget();
        self.now.fetch_sub(1, Ordering::SeqCst);
        ok(self.outcome.clone())
    }
}

fn gated(outcome: Outcome) -> (Gated, mpsc::UnboundedReceiver<()>) {
    let (began, beginnings) = mpsc::unbounded_channel();
    let gate = Arc::new(Semaphore::new(0));
    (Gated { gate, began, outcome, now: Arc::default(), most: Arc::default() }, beginnings)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hints_during_a_step_cost_one_more_step_and_never_two_at_once() {
    let world = world(vec![("a", vec![])]).await;
    let (steps, mut began) = gated(Outcome::Idle(NOW + HOUR));
    let handle = Scheduler::start(world.store.clone(), steps.clone(), Arc::new(world.clock.clone()), options());
    let mut reports = handle.scheduler().reports();
    began.recv().await.unwrap();
    for _ in 0..20 {
        world.store.resume("a", "r1", NOW).await.unwrap();
    }
    steps.gate.add_permits(1);
    began.recv().await.unwrap();
    steps.gate.add_permits(100);
    for _ in 0..2 {
        reports.recv().await.unwrap();
    }
    // Asleep until something wakes it: a hint does.
    world.store.resume("a", "r1", NOW).await.unwrap();
    began.recv().await.unwrap();
    reports.recv().await.unwrap();
    handle.shutdown().await;
    assert_eq!(steps.most.load(Ordering::SeqCst), 1);
    assert!(began.try_recv().is_err(), "there was a step that nobody asked for");
    let status = world.store.replica_statuses("a").await.unwrap().remove(0);
    assert_eq!((status.wanted, status.served, status.next_run_ms), (21, 21, NOW + HOUR));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_run_side_by_side_up_to_the_number_of_workers() {
    let world = world(vec![("a", vec![]), ("b", vec![]), ("c", vec![])]).await;
    let (steps, mut began) = gated(Outcome::Idle(NOW + HOUR));
    let handle = Scheduler::start(world.store.clone(), steps.clone(), Arc::new(world.clock.clone()), options());
    let mut reports = handle.scheduler().reports();
    for _ in 0..2 {
        began.recv().await.unwrap();
    }
    assert_eq!(handle.scheduler().metrics().snapshot().running, 2);
    steps.gate.add_permits(3);
    for _ in 0..3 {
        reports.recv().await.unwrap();
    }
    handle.shutdown().await;
    assert_eq!(steps.most.load(Ordering::SeqCst), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shutdown_lets_the_step_end_and_gives_the_lease_back() {
    let world = world(vec![("a", vec![])]).await;
    let (steps, mut began) = gated(Outcome::Again);
    let handle = Scheduler::start(world.store.clone(), steps.clone(), Arc::new(world.clock.clone()), options());
    began.recv().await.unwrap();
    let shutdown = tokio::spawn(handle.shutdown());
    // The step may end only after the shutdown has begun.
    tokio::task::yield_now().await;
    steps.gate.add_permits(100);
    shutdown.await.unwrap();
    let next = world.store.claim("next", NOW, LEASE, 1).await.unwrap();
    assert_eq!(next.len(), 1, "the lease was kept");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_kill_the_replica_is_free_when_its_lease_ends() {
    let world = world(vec![("a", vec![])]).await;
    let (steps, mut began) = gated(Outcome::Again);
    let handle = Scheduler::start(world.store.clone(), steps, Arc::new(world.clock.clone()), options());
    began.recv().await.unwrap();
    handle.abort().await;
    assert_eq!(world.store.claim("next", NOW + LEASE - 1, LEASE, 1).await, Ok(vec![]));
    assert_eq!(world.store.claim("next", NOW + LEASE, LEASE, 1).await.unwrap().len(), 1);
}
