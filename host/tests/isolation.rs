//! What one replica's step can do to others: nothing. A page that is too large for the sandbox, a trap, a call without
//! end: the store is as it was, the replica comes back later by itself, and everybody else is served.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at the first surprise"
)]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::json;
use tandem_host::bindings::exports::tandem::calendar::sync::Outcome;
use tandem_host::bindings::tandem::calendar::storage::ReplicaHealth;
use tandem_host::cli::app::{Running, StartOptions, start};
use tandem_host::clock::ManualClock;
use tandem_host::config::{Config, Environment};
use tandem_host::store::ReplicaStatus;
use tandem_providers::google::{self, Google};
use tandem_providers::{Fault, FaultKind, Server, SystemClock};
use tempfile::TempDir;

mod support;

/// The least memory that settings allow.
const MEMORY: &str = "[sandbox]\nmemory_mb = 16\ncall_timeout_ms = 60000\n";
/// An answer that fits through the egress and not into the sandbox.
const TOO_LARGE_FOR_MEMORY: usize = 24 << 20;
/// An answer that does not fit through the egress.
const TOO_LARGE_FOR_EGRESS: usize = 33 << 20;
const MINUTE_MS: u64 = 60_000;

fn config(directory: &Path, text: &str) -> Config {
    let mut config = Config::parse(text, Path::new("tandem.toml"), &Environment::new()).unwrap();
    config.server.listen = "127.0.0.1:0".parse().unwrap();
    config.store.path = directory.join("tandem.db");
    config.sandbox.cache_dir = Some(PathBuf::from(support::SCRATCH).join("cwasm"));
    config
}

/// A calendar of its own for each of these replicas, at connections of their own.
fn replicas(names: &[&str]) -> String {
    let one = |name: &&str| {
        format!(
            "[[connections]]\ntenant = \"acme\"\nid = \"{name}\"\naccess_token = \"token-of-{name}\"\n\
             [[calendars]]\ntenant = \"acme\"\nid = \"{name}\"\ntime_zone = \"Europe/Berlin\"\n\
             [[calendars.replicas]]\nid = \"{name}\"\nconnection = \"{name}\"\nremote_calendar = \"{name}@example.com\"\n"
        )
    };
    names.iter().map(one).collect()
}

/// The server with the component that ships, a simulated Google, and time that only the test moves.
struct World {
    running: Running,
    google: Google,
    clock: ManualClock,
    _server: Server,
    _directory: TempDir,
}

impl World {
    async fn start(names: &[&str]) -> Self {
        let google = Google::new(google::Config::default(), Arc::new(SystemClock));
        for name in names {
            let account = format!("{name}@example.com");
            google.add_account(&account, "Europe/Berlin");
            google.grant_access(&account, &format!("token-of-{name}"), i64::MAX / 4);
            let at =
                |hour: u32| json!({"dateTime": format!("2030-01-02T{hour:02}:00:00Z"), "timeZone": "Europe/Berlin"});
            let event = json!({"summary": name, "start": at(8), "end": at(9)});
            google.user_insert(&account, &event).unwrap();
        }
        let server = Server::start(Arc::new(google.clone()), 0).await.unwrap();
        let url = server.base_url();
        let text = format!("{MEMORY}[google]\nbase_url = \"{url}/calendar/v3\"\n{}", replicas(names));
        let directory = tempfile::tempdir().unwrap();
        let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
        let clock = ManualClock::new(u64::try_from(now_ms).unwrap());
        let options = StartOptions { clock: Arc::new(clock.clone()), schedule: false, ..StartOptions::default() };
        let running = start(config(directory.path(), &text), options).await.unwrap();
        Self { running, google, clock, _server: server, _directory: directory }
    }

    /// Listings of one account are answered with so many bytes, until further notice.
    fn enlarge(&self, name: &str, bytes: usize) {
        let description = "x".repeat(bytes);
        let body =
            format!("{{\"items\":[{{\"id\":\"large\",\"description\":\"{description}\"}}],\"nextSyncToken\":\"t\"}}");
        let fault = Fault::next(FaultKind::Raw { status: 200, body }).times(u32::MAX);
        self.google.plan(fault.on_method("GET").on_path(&format!("*{name}*/events")));
    }

    async fn run(&self) {
        self.running.scheduler.run_due_once().await.unwrap();
    }

    async fn status(&self, name: &str) -> ReplicaStatus {
        let all = self.running.store.replica_statuses("acme").await.unwrap();
        all.into_iter().find(|status| status.id == name).unwrap()
    }

    async fn codes(&self) -> Vec<String> {
        self.running.store.list_failures("acme", 10).await.unwrap().into_iter().map(|failure| failure.code).collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_does_not_fit_into_memory_costs_only_its_own_replica() {
    let world = World::start(&["large", "small"]).await;
    world.enlarge("large", TOO_LARGE_FOR_MEMORY);
    for minutes in [1, 2, 4, 8, 16] {
        let now_ms = tandem_host::clock::Clock::now_ms(&world.clock);
        world.run().await;
        let large = world.status("large").await;
        assert_eq!((large.events, large.synced_ms, large.queued), (0, 0, 0), "nothing of the step was stored");
        assert_eq!(large.next_run_ms - now_ms, minutes * MINUTE_MS, "it is tried again, ever later");
        let small = world.status("small").await;
        assert_eq!((small.events, small.health), (1, ReplicaHealth::Healthy), "the other one is in step");
        assert!(small.synced_ms >= now_ms - MINUTE_MS, "the other one goes on being looked at");
        world.clock.advance_ms(minutes * MINUTE_MS);
    }
    assert_eq!(world.codes().await, ["step-trap"], "people are told");
    world.google.clear_faults();
    world.run().await;
    assert_eq!(world.status("large").await.events, 1, "it recovers by itself");
    assert!(world.codes().await.is_empty(), "and what was told is taken back");
    world.running.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_is_larger_than_the_host_accepts_is_said_clearly() {
    let world = World::start(&["large", "small"]).await;
    world.enlarge("large", TOO_LARGE_FOR_EGRESS);
    for minutes in [1, 2, 4, 8, 16] {
        world.run().await;
        assert_eq!(world.status("small").await.events, 1);
        world.clock.advance_ms(minutes * MINUTE_MS);
    }
    assert_eq!(world.codes().await, ["answer-too-large"]);
    let large = world.status("large").await;
    assert_eq!(large.reason, "the provider's answer is larger than the host accepts; lower the page size");
    assert_eq!(world.running.scheduler.metrics().snapshot().step_errors, 0, "the component refused it in good order");
    world.google.clear_faults();
    world.run().await;
    assert_eq!((world.status("large").await.events, world.codes().await.len()), (1, 0));
    world.running.shutdown().await;
}

/// The probe does what the id of its replica says: it panics, loops for ever, eats memory, or answers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn steps_that_trap_leave_nothing_and_others_run_meanwhile() {
    let names = ["panic", "spin", "grow", "settings"];
    let directory = tempfile::tempdir().unwrap();
    let text = format!("[sandbox]\nmemory_mb = 16\ncall_timeout_ms = 1000\n[sync]\nworkers = 4\n{}", replicas(&names));
    let clock = ManualClock::new(1_800_000_000_000);
    let options = StartOptions {
        component: Some(support::PROBE.clone()),
        clock: Arc::new(clock.clone()),
        schedule: false,
        ..StartOptions::default()
    };
    let running = start(config(directory.path(), &text), options).await.unwrap();
    let mut reports = running.scheduler.reports();
    running.scheduler.run_due_once().await.unwrap();
    let step = reports.recv().await.unwrap();
    assert_eq!((step.replica.as_str(), step.report.outcome), ("settings", Outcome::Paused("250".into())));
    assert!(reports.try_recv().is_err(), "the others have nothing to report");
    let figures = running.scheduler.metrics().snapshot();
    assert_eq!((figures.step_errors, figures.running), (3, 0));
    for status in running.store.replica_statuses("acme").await.unwrap() {
        let expected = if status.id == "settings" { u64::MAX } else { 1_800_000_000_000 + MINUTE_MS };
        assert_eq!(status.next_run_ms, expected, "{}", status.id);
        assert_eq!((status.events, status.queued, status.synced_ms), (0, 0, 0), "{}", status.id);
    }
    assert!(running.store.changes_since("acme", 0, 10).await.unwrap().is_empty());
    running.shutdown().await;
}
