//! What the sandbox lets a component do, seen from inside with a probe.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use support::{World, run, run_for};
use tandem_host::bindings::exports::tandem::calendar::webhooks::Request;
use tandem_host::runtime::Runtime;
use tandem_host::store::Provider;
use tandem_host::zones::ZoneFiles;

async fn receive(runtime: &Runtime, command: &str) -> Result<String, String> {
    let request = Request {
        provider: Provider::Google,
        method: "POST".into(),
        query: String::new(),
        headers: Vec::new(),
        body: command.into(),
    };
    match runtime.receive(request).await {
        Ok(response) => Ok(String::from_utf8(response.body).unwrap()),
        Err(trap) => Err(trap.to_string()),
    }
}

#[tokio::test]
async fn an_endless_loop_is_stopped_and_lets_others_run() {
    let runtime = World { call_timeout_ms: 300, ..World::default() }.runtime().unwrap();
    let turns = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&turns);
    // The same thread: it only gets a turn when the guest yields.
    tokio::spawn(async move {
        loop {
            counted.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
        }
    });
    let trap = run(&runtime, "spin").await.unwrap_err();
    assert_eq!(trap.to_string(), "the component stopped: it took longer than 300 ms");
    assert!(turns.load(Ordering::Relaxed) > 3, "the guest kept the thread for itself");
    assert_eq!(run(&runtime, "settings").await.unwrap(), "250", "the runtime goes on");
}

#[tokio::test]
async fn memory_is_bounded() {
    let runtime = World { memory_limit: 32 << 20, ..World::default() }.runtime().unwrap();
    let trap = run(&runtime, "grow").await.unwrap_err();
    assert_eq!(trap.0, "more memory than the limit of 33554432 bytes was asked for");
    assert_eq!(run(&runtime, "settings").await.unwrap(), "250");
}

#[tokio::test]
async fn a_trap_tells_where_but_nothing_of_the_users_data() {
    let runtime = World::default().runtime().unwrap();
    let trap = run(&runtime, "panic").await.unwrap_err();
    assert!(trap.0.starts_with("wasm trap: wasm `unreachable` instruction executed, in "), "{trap}");
    assert!(!trap.0.contains("title"), "{trap}");
}

#[tokio::test]
async fn nothing_of_the_machine_is_visible() {
    let runtime = World::default().runtime().unwrap();
    assert_eq!(run(&runtime, "ambient").await.unwrap(), "false 0 0 Err(PermissionDenied)");
}

#[tokio::test]
async fn the_same_seed_and_clock_give_the_same_run() {
    let world = || World { seed: Some(42), ..World::default() };
    let (one, two) = (world().runtime().unwrap(), world().runtime().unwrap());
    let first = run(&one, "clock").await.unwrap();
    assert_eq!(first, run(&two, "clock").await.unwrap());
    assert!(first.contains("1800000000"), "{first}");
    let second = run(&one, "clock").await.unwrap();
    assert_ne!(first, second, "each instance has its own numbers");
    assert_eq!(second, run(&two, "clock").await.unwrap());
}

#[tokio::test]
async fn without_a_seed_every_run_differs() {
    let (one, two) = (World::default().runtime().unwrap(), World::default().runtime().unwrap());
    assert_ne!(run(&one, "clock").await.unwrap(), run(&two, "clock").await.unwrap());
}

#[tokio::test]
async fn the_lease_is_the_claims_and_only_for_its_replica() {
    let runtime = World::default().runtime().unwrap();
    assert_eq!(run_for(&runtime, "t", "lease", 7).await.unwrap(), "7", "the store says 99");
    assert_eq!(run_for(&runtime, "t", "lease other", 7).await.unwrap(), "0");
}

#[tokio::test]
async fn webhook_instances_are_reused_until_they_trap() {
    let runtime = World::default().runtime().unwrap();
    assert_eq!(receive(&runtime, "").await.unwrap(), "1");
    assert_eq!(receive(&runtime, "").await.unwrap(), "2");
    assert!(receive(&runtime, "panic").await.is_err());
    assert_eq!(receive(&runtime, "").await.unwrap(), "1");
}

#[tokio::test]
async fn a_webhook_instance_is_thrown_away_after_its_share() {
    let runtime = World::default().runtime().unwrap();
    for _ in 0..999 {
        receive(&runtime, "").await.unwrap();
    }
    assert_eq!(receive(&runtime, "").await.unwrap(), "1000");
    assert_eq!(receive(&runtime, "").await.unwrap(), "1");
}

#[tokio::test]
async fn step_instances_are_never_reused() {
    let runtime = World::default().runtime().unwrap();
    assert_eq!(run(&runtime, "count").await.unwrap(), "1");
    assert_eq!(run(&runtime, "count").await.unwrap(), "1");
}

#[tokio::test]
async fn a_webhook_sees_no_tenant_and_a_step_leaves_no_marks() {
    let runtime = World::default().runtime().unwrap();
    assert_eq!(receive(&runtime, "accept t").await.unwrap(), "Ok([Outcome::Marked])");
    assert!(receive(&runtime, "lease r").await.unwrap().contains("Refused"));
    assert_eq!(receive(&runtime, "authorization c").await.unwrap(), "Err(AuthError::Missing)");
    assert!(run(&runtime, "accept other").await.unwrap().contains("Refused"));
}

#[tokio::test]
async fn zone_rules_come_from_the_machine_only_when_it_gives_them() {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join("Europe")).unwrap();
    std::fs::write(home.path().join("Europe/London"), b"TZif2 and more").unwrap();
    std::fs::write(home.path().join("tzdata.zi"), "# version 2027a\n").unwrap();
    let zones = Some(ZoneFiles::open(home.path()).unwrap());
    let runtime = World { zones, ..World::default() }.runtime().unwrap();
    assert_eq!(run(&runtime, "zone Europe/London").await.unwrap(), r#"Some("2027a") Some(14)"#);
    assert_eq!(run(&runtime, "zone ../Europe/London").await.unwrap(), r#"Some("2027a") None"#);
    let runtime = World::default().runtime().unwrap();
    assert_eq!(run(&runtime, "zone Europe/London").await.unwrap(), "None None");
}
