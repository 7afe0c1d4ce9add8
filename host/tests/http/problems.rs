//! Codes: each one is documented, and each error of the component and the store has its own.

use serde_json::json;
use tandem_host::bindings::exports::tandem::calendar::conflicts::ResolveError;
use tandem_host::bindings::exports::tandem::calendar::editing::EditError;
use tandem_host::bindings::exports::tandem::calendar::recurrence::WindowError;
use tandem_host::bindings::exports::tandem::calendar::sync::StepError;
use tandem_host::bindings::tandem::calendar::types::StorageError;
use tandem_host::http::{Code, Problem};

use crate::world::World;

const PAGE: &str = include_str!("../../../docs/api.md");

#[test]
fn every_code_is_documented_with_its_status() {
    for code in Code::ALL {
        let row = format!("| `{}` | {} | {} |", code.as_str(), code.status(), code.title());
        assert!(PAGE.contains(&row), "docs/api.md has no row {row}");
    }
    let rows = PAGE.lines().filter(|line| line.starts_with("| `") && line.matches('|').count() == 4);
    assert_eq!(rows.count(), Code::ALL.len(), "docs/api.md lists codes that do not exist");
}

#[test]
fn errors_of_component_and_store_have_their_codes() {
    let refused = || StorageError::Refused("too large".into());
    let table: Vec<(Problem, Code)> = vec![
        (EditError::NotFound.into(), Code::EventNotFound),
        (EditError::Exists.into(), Code::EventExists),
        (EditError::Stale(1).into(), Code::Stale),
        (EditError::Invalid(vec![]).into(), Code::InvalidEvent),
        (EditError::ReadOnly.into(), Code::ReadOnly),
        (EditError::Unavailable.into(), Code::Unavailable),
        (WindowError::Invalid("x".into()).into(), Code::InvalidWindow),
        (WindowError::Storage(refused()).into(), Code::Refused),
        (ResolveError::NotFound.into(), Code::ConflictNotFound),
        (ResolveError::Stale.into(), Code::ConflictStale),
        (ResolveError::Storage(StorageError::Stale).into(), Code::Unavailable),
        (StepError::NotFound.into(), Code::ReplicaNotFound),
        (StepError::LeaseLost.into(), Code::ReplicaBusy),
        (StepError::Unavailable.into(), Code::Unavailable),
        (StepError::Bug("internal text".into()).into(), Code::Internal),
        (StorageError::LeaseLost.into(), Code::Unavailable),
        (StorageError::Unavailable.into(), Code::Unavailable),
    ];
    for (problem, code) in table {
        assert_eq!(problem.code(), code);
    }
}

#[tokio::test]
async fn trap_shows_nothing_of_the_inside() {
    let world = World::new();
    *world.script.trap.lock().unwrap() = true;
    let body = world.json("PUT", "calendars/work/events/a", json!({})).await.problem(500, "internal");
    assert!(!body.to_string().contains("wasm"), "{body}");
}

#[tokio::test]
async fn unknown_paths_and_methods_are_problems() {
    let world = World::new();
    for path in ["/", "/v1", "/v1/tenants", "calendars/work", "nothing", "calendars/", "calendars/work/events/a/b"] {
        world.get(path).await.problem(404, "not-found");
    }
    for (method, path, allow) in [
        ("POST", "calendars", "GET,HEAD"),
        ("PUT", "calendars/work/events", "GET,HEAD,POST"),
        ("POST", "calendars/work/events/a", "GET,HEAD,PATCH,PUT,DELETE"),
        ("GET", "replicas/r/sync", "POST"),
        ("DELETE", "/healthz", "GET,HEAD"),
        ("OPTIONS", "calendars", "GET,HEAD"),
    ] {
        let answer = world.call(method, path, &[], "").await;
        answer.problem(405, "method-not-allowed");
        assert_eq!(answer.header("allow"), allow, "{path}");
    }
}

#[tokio::test]
async fn ids_in_paths_are_checked() {
    let world = World::new();
    for path in [
        "/v1/tenants/a%20b/calendars",
        "/v1/tenants/a%2Fb/calendars",
        "/v1/tenants/%C3%BC/calendars",
        "/v1/tenants/acme/calendars/a:b/events",
        "/v1/tenants/acme/replicas/a@b",
        "/v1/tenants/acme/conflicts/%27",
        &format!("/v1/tenants/{}/calendars", "x".repeat(201)),
    ] {
        world.get(path).await.problem(400, "invalid-path");
    }
}

#[tokio::test]
async fn unknown_parameters_are_refused_everywhere() {
    let world = World::new();
    for path in ["calendars", "calendars/work/events", "calendars/work/events/a", "changes", "conflicts", "failures"] {
        world.get(&format!("{path}?surprise=1")).await.problem(400, "invalid-parameter");
    }
    world.call("POST", "replicas/r/sync?surprise=1", &[], "").await.problem(400, "invalid-parameter");
    assert!(world.rows().writes.is_empty());
    world.get("calendars/work/events?limit=%FF").await.problem(400, "invalid-parameter");
}

#[tokio::test]
async fn problem_does_not_repeat_the_body() {
    let world = World::new();
    for body in [json!("a title"), json!({"a title": 1}), json!({"choice": "a title", "decidedBy": "ada"})] {
        let problem = world.json("POST", "conflicts/c1/resolve", body).await.problem(400, "invalid-json");
        assert!(!problem["detail"].as_str().unwrap().contains("title"), "{problem}");
    }
}
