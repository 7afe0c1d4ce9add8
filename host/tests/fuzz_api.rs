//! Requests of any shape to the HTTP API, with the component that ships and a database behind it: never a 500, never a
//! trap, and no answer of a problem repeats what is in an event.
//!
//! `TANDEM_FUZZ_SECONDS` and `TANDEM_FUZZ_SEED` as in the engine's targets.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test may stop at the first surprise"
)]

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, RwLock};

use arbtest::arbitrary::{Result, Unstructured};
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use harness::{Shown, fuzz};
use http::Request;
use http_body_util::BodyExt as _;
use mutate::SECRET;
use serde_json::{Value, json};
use tandem_host::clock::{Clock, ManualClock};
use tandem_host::egress::Egress;
use tandem_host::http::{Api, router};
use tandem_host::oauth::Credentials;
use tandem_host::runtime::{COMPONENT, Runtime, RuntimeOptions};
use tandem_host::store::sqlite::SqliteStore;
use tandem_host::store::{CalendarRow, ConflictPolicy, ConnectionRow, NewReplica, ReplicaMode, Store};
use tower::ServiceExt as _;

#[path = "../../guest/engine/tests/fuzz/harness.rs"]
mod harness;
#[path = "../../guest/engine/tests/fuzz/mutate.rs"]
mod mutate;
mod support;

const NOW_MS: u64 = 1_772_442_000_000;

/// A database with a calendar, a replica and a series, and the whole router over it.
async fn world() -> Router {
    let store: Arc<dyn Store> = Arc::new(SqliteStore::in_memory().unwrap());
    let (tenant, id) = ("acme".to_owned(), "work".to_owned());
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
    let time_zone = "Europe/Berlin".into();
    store
        .put_calendar(CalendarRow { tenant: tenant.clone(), id: id.clone(), name: "Work".into(), time_zone })
        .await
        .unwrap();
    let replica = NewReplica {
        tenant,
        id: "google".into(),
        connection: "google".into(),
        calendar: id,
        remote_calendar: "primary".into(),
        mode: ReplicaMode::TwoWay,
        policy: ConflictPolicy::Newest,
    };
    store.put_replica(replica).await.unwrap();
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(NOW_MS));
    let egress = Arc::new(Egress::new(support::bounds(&[])));
    let credentials = Arc::new(Credentials::new(Arc::clone(&store), Arc::clone(&egress), Arc::clone(&clock)));
    let runtime = Runtime::new(RuntimeOptions {
        component: COMPONENT.to_vec(),
        cache_dir: Some(PathBuf::from(support::SCRATCH).join("cwasm")),
        store: Arc::clone(&store),
        egress,
        credentials,
        settings: Arc::new(RwLock::new(support::settings(None, None))),
        clock: Arc::clone(&clock),
        zones: None,
        seed: Some(1),
        call_timeout_ms: 30_000,
        memory_limit: 64 << 20,
    });
    router(Api::new(store, Arc::new(runtime.unwrap()), clock, None))
}

/// A series as people make them.
fn document() -> Value {
    json!({
        "@type": "Event", "uid": "series", "title": format!("{SECRET} weekly"), "start": "2026-03-03T09:00:00",
        "timeZone": "Europe/Berlin", "duration": "PT1H", "description": SECRET,
        "recurrenceRules": [{"@type": "RecurrenceRule", "frequency": "weekly", "count": 8}],
        "recurrenceOverrides": {"2026-03-10T09:00:00": {"title": SECRET}, "2026-03-17T09:00:00": {"excluded": true}},
        "participants": {"p": {"@type": "Participant", "sendTo": {"imip": "mailto:bob@example.com"}}},
    })
}

/// A part of a path or query: an id, or anything, percent-encoded or not.
fn word(source: &mut Unstructured<'_>, usual: &[&str]) -> Result<String> {
    let text = match source.int_in_range(0..=31)? {
        0 => mutate::text(source)?,
        1 => String::from_utf8_lossy(source.bytes(source.len().min(12))?).into_owned(),
        _ => (*source.choose(usual)?).to_owned(),
    };
    Ok(if source.ratio(9, 10)? { tandem_providers::http::encode(&text) } else { text })
}

/// A path, and the method that it knows.
fn path(source: &mut Unstructured<'_>) -> Result<(&'static str, String)> {
    let tenant = word(source, &["acme", "acme", "acme", "acme", "acme", "acme", "acme", "other"])?;
    let calendar = word(source, &["work", "work", "work", "work", "work", "work", "work", "none"])?;
    let uid = word(source, &["series", "series", "series", "series", "series", "series", "series", "none"])?;
    let id = word(source, &["google", "none"])?;
    let (method, below) = match source.int_in_range(0..=15)? {
        0..=2 => ("POST", format!("calendars/{calendar}/events")),
        3..=5 => ("PATCH", format!("calendars/{calendar}/events/{uid}")),
        6 => ("PUT", format!("calendars/{calendar}/events/{uid}")),
        7 => (*source.choose(&["DELETE", "GET"])?, format!("calendars/{calendar}/events/{uid}")),
        8 => ("GET", format!("calendars/{calendar}/events/{uid}/explanation")),
        9 => ("GET", format!("calendars/{calendar}/occurrences")),
        10 => {
            let list = source.choose(&["calendars", "changes", "conflicts", "failures", "replicas"])?;
            ("GET", (*list).to_owned())
        }
        11 => ("POST", format!("conflicts/{id}/resolve")),
        12 => ("POST", format!("failures/{id}/replay")),
        13 => ("POST", format!("replicas/{id}/{}", source.choose(&["answer-guard", "sync", "none"])?)),
        _ => {
            let rest = word(source, &["webhooks/google", "webhooks/microsoft", "healthz", "v1"])?.replace("%2F", "/");
            return Ok(("POST", format!("/{rest}")));
        }
    };
    // `wait` is left out: it does what it says.
    let names = [
        "scope",
        "recurrence-id",
        "from",
        "to",
        "limit",
        "after",
        "since",
        "time-zone",
        "state",
        "validationToken",
        "notify-attendees",
    ];
    let values = [
        "all",
        "this",
        "this-and-following",
        "2026-03-10T09:00:00",
        "2026-03-01T00:00:00Z",
        "2026-04-01T00:00:00Z",
        "5",
        "true",
        "UTC",
        "0",
    ];
    let mut query = Vec::new();
    for _ in 0..source.int_in_range(0..=5_u8)?.saturating_sub(3) {
        query.push(format!("{}={}", word(source, &names)?, word(source, &values)?));
    }
    if below.ends_with("occurrences") && source.ratio(3, 4)? {
        query = vec!["from=2026-03-01T00:00:00Z".into(), format!("to={}", word(source, &["2026-04-01T00:00:00Z"])?)];
    }
    if matches!(method, "PATCH" | "PUT" | "DELETE") && source.ratio(1, 2)? {
        let id = word(source, &["2026-03-10T09:00:00", "2026-03-24T09:00:00"])?;
        query = vec![format!("scope={}&recurrence-id={id}", source.choose(&["this", "this-and-following"])?)];
    }
    let query = query.iter().filter(|pair| !pair.contains("wait")).cloned().collect::<Vec<_>>().join("&");
    Ok((method, format!("/v1/tenants/{tenant}/{below}?{query}")))
}

fn body(source: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let base = match source.int_in_range(0..=4)? {
        0 => json!({"title": SECRET, "start": "2026-03-04T10:00:00", "recurrenceRules": null}),
        1 => json!({"choice": "use-local", "decidedBy": "ada"}),
        2 => json!({"acceptDeletions": true}),
        _ => document(),
    };
    match source.int_in_range(0..=2)? {
        0 => Ok(base.to_string().into_bytes()),
        _ => mutate::body(source, base.to_string().as_bytes()),
    }
}

fn request(source: &mut Unstructured<'_>) -> Result<Option<Request<Body>>> {
    let (known, path) = path(source)?;
    let methods = ["GET", "POST", "PATCH", "PUT", "DELETE", "HEAD", "OPTIONS"];
    let method = if source.ratio(9, 10)? { known } else { *source.choose(&methods)? };
    let mut request = Request::builder().method(method).uri(path);
    let usual = if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
    let kinds =
        ["application/json", "application/merge-patch+json", "application/jscalendar+json", "text/plain", "\u{0}"];
    let kind = if source.ratio(9, 10)? { usual } else { *source.choose(&kinds)? };
    request = request.header("content-type", kind);
    for _ in 0..source.int_in_range(0..=4_u8)?.saturating_sub(3) {
        let names = [
            "if-match",
            "if-none-match",
            "accept",
            "x-request-id",
            "x-goog-channel-id",
            "x-goog-channel-token",
            "authorization",
        ];
        let value = word(source, &["\"1\"", "*", "text/plain", "W/\"2\"", "\"99999999999999999999\""])?;
        request = request.header(*source.choose(&names)?, value);
    }
    let peer: SocketAddr = "127.0.0.1:4000".parse().unwrap();
    let request = request.header("host", "localhost").extension(ConnectInfo(peer));
    // What is no request at all never comes this far.
    Ok(request.body(Body::from(body(source)?)).ok())
}

#[test]
fn requests_of_any_shape() {
    let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let api = tokio.block_on(world());
    let make = || {
        let peer: SocketAddr = "127.0.0.1:4000".parse().unwrap();
        let events = Request::post("/v1/tenants/acme/calendars/work/events").header("host", "localhost");
        let request = events.header("content-type", "application/json").extension(ConnectInfo(peer));
        request.body(Body::from(document().to_string())).unwrap()
    };
    assert_eq!(tokio.block_on(api.clone().oneshot(make())).unwrap().status(), 201);
    let mut statuses = std::collections::BTreeMap::new();
    fuzz("API requests", 400, |source| {
        let Some(request) = request(source)? else { return Ok(()) };
        let (parts, sent) = request.into_parts();
        let sent = tokio.block_on(sent.collect()).unwrap().to_bytes();
        let _shown =
            Shown(format!("{} {} {:?} {}", parts.method, parts.uri, parts.headers, String::from_utf8_lossy(&sent)));
        let response = tokio.block_on(api.clone().oneshot(Request::from_parts(parts, Body::from(sent)))).unwrap();
        let (status, kind) = (response.status(), response.headers().get("content-type").cloned());
        let answer = tokio.block_on(response.into_body().collect()).unwrap().to_bytes();
        let text = String::from_utf8_lossy(&answer);
        assert!(!status.is_server_error(), "{status} {text}");
        // HEAD is answered without the body that the headers speak of.
        if kind.is_some_and(|kind| kind == "application/problem+json") && !answer.is_empty() {
            let problem: Value = serde_json::from_slice(&answer).unwrap();
            assert_eq!(problem["status"], status.as_u16());
            assert!(!text.contains(SECRET), "{text}");
        }
        *statuses.entry(status.as_u16()).or_insert(0_u32) += 1;
        // The series may be gone by now: it comes back, so that there is always something to ask for.
        let _ = tokio.block_on(api.clone().oneshot(make())).unwrap();
        Ok(())
    });
    println!("answers by status: {statuses:?}");
}
