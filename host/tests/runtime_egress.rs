//! What leaves the sandbox over HTTP: where to, with which token, how long, how much.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod support;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use support::{MemoryStore, World, bounds, connection, run, run_for, serve};
use tandem_host::egress::EgressOptions;
use tandem_host::oauth::Grant;
use tandem_host::store::{ConnectionRow, Store as _};

const TOKEN: &str = "ya29.the-real-token";

/// What a server has seen.
#[derive(Clone, Default)]
struct Seen {
    authorizations: Arc<Mutex<Vec<String>>>,
    inside: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

impl Seen {
    fn authorizations(&self) -> Vec<String> {
        self.authorizations.lock().unwrap().clone()
    }
}

async fn note(State(seen): State<Seen>, headers: HeaderMap) -> &'static str {
    let value = headers.get(header::AUTHORIZATION).map_or("", |value| value.to_str().unwrap());
    seen.authorizations.lock().unwrap().push(value.to_owned());
    "noted"
}

async fn slow(State(seen): State<Seen>) {
    let now = seen.inside.fetch_add(1, Ordering::SeqCst) + 1;
    seen.most.fetch_max(now, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(30)).await;
    seen.inside.fetch_sub(1, Ordering::SeqCst);
}

async fn chunked(Path(size): Path<usize>) -> Response {
    let pieces = (0..size.div_ceil(1000)).map(move |n| Ok::<_, std::io::Error>(vec![b'x'; 1000.min(size - n * 1000)]));
    Body::from_stream(futures_util::stream::iter(pieces)).into_response()
}

fn app(seen: &Seen) -> Router {
    Router::new()
        .route("/note", get(note).post(note))
        .route("/slow", get(slow))
        .route("/never", get(std::future::pending::<()>))
        .route("/sized/{size}", get(|Path(size): Path<usize>| async move { vec![b'x'; size] }))
        .route("/chunked/{size}", get(chunked))
        .route("/echo", post(|body: Bytes| async move { body }).layer(axum::extract::DefaultBodyLimit::disable()))
        .route("/away", get(|| async { (StatusCode::FOUND, [(header::LOCATION, "http://127.0.0.1:1/")]) }))
        .with_state(seen.clone())
}

/// A provider on loopback, and a world that knows it as Google with one connection `c` of tenant `t`.
async fn provider() -> (String, Seen, World) {
    let seen = Seen::default();
    let address = serve(app(&seen)).await;
    let grant = Grant::AccessToken { token: TOKEN.into() };
    let world = World {
        store: Arc::new(MemoryStore::with([connection("t", "c", &grant), connection("t", "d", &grant)])),
        egress: bounds(&[&address]),
        google: Some(format!("http://{address}/calendar/v3")),
        ..World::default()
    };
    (address, seen, world)
}

#[tokio::test]
async fn the_token_is_put_in_outside_and_never_seen_inside() {
    let (address, seen, world) = provider().await;
    let runtime = world.runtime().unwrap();
    let inside = run(&runtime, &format!("get c http://{address}/note")).await.unwrap();
    assert!(inside.starts_with("200 5 [Bearer tandem:"), "{inside}");
    assert!(!inside.contains("ya29"));
    assert_eq!(seen.authorizations(), [format!("Bearer {TOKEN}")]);
    assert!(!run(&runtime, "authorization c").await.unwrap().contains("ya29"));
    assert!(!run(&runtime, "refresh c").await.unwrap().contains("ya29"));
}

#[tokio::test]
async fn placeholders_cannot_be_guessed_or_used_by_another_call() {
    let (address, seen, world) = provider().await;
    let runtime = world.runtime().unwrap();
    let one = run(&runtime, "authorization c").await.unwrap();
    assert_ne!(one, run(&runtime, "authorization c").await.unwrap());
    let stolen = one.split('"').nth(1).unwrap().strip_prefix("Bearer ").unwrap();
    assert_eq!(stolen.len(), "tandem:".len() + 32);
    for value in [stolen, "tandem:c", TOKEN] {
        let answer = run(&runtime, &format!("get-with {value} http://{address}/note")).await.unwrap();
        assert_eq!(answer, "Denied");
    }
    assert!(seen.authorizations().is_empty(), "something was sent");
}

#[tokio::test]
async fn a_connection_of_another_tenant_is_missing() {
    let (address, seen, world) = provider().await;
    let runtime = world.runtime().unwrap();
    let answer = run_for(&runtime, "other", &format!("get c http://{address}/note"), 1).await.unwrap();
    assert_eq!(answer, "AuthError::Missing");
    assert!(seen.authorizations().is_empty());
}

#[tokio::test]
async fn a_token_goes_to_its_own_provider_only() {
    let (address, _, world) = provider().await;
    let seen = Seen::default();
    let neighbour = serve(app(&seen)).await;
    let runtime = World { egress: bounds(&[&address, &neighbour]), ..world }.runtime().unwrap();
    assert_eq!(run(&runtime, &format!("get c http://{neighbour}/note")).await.unwrap(), "Denied");
    assert!(seen.authorizations().is_empty());
    // The neighbour may be reached as such.
    assert_eq!(run(&runtime, &format!("get-anonymous http://{neighbour}/note")).await.unwrap(), "200 5 []");
    assert_eq!(seen.authorizations(), [""]);
}

#[tokio::test]
async fn a_link_of_microsoft_is_followed_to_microsoft_only() {
    let (google, google_seen, world) = provider().await;
    let seen = Seen::default();
    let graph = serve(app(&seen)).await;
    let grant = Grant::AccessToken { token: "of-microsoft".into() };
    let outlook = ConnectionRow { provider: "microsoft".into(), ..connection("t", "m", &grant) };
    world.store.put_connection(outlook).await.unwrap();
    let microsoft = Some(format!("http://{graph}/v1.0"));
    let runtime = World { egress: bounds(&[&google, &graph]), microsoft, ..world }.runtime().unwrap();
    // Graph's links to the next page and to the changes are absolute.
    let followed = run(&runtime, &format!("get m http://{graph}/note?$deltatoken=opaque")).await.unwrap();
    assert!(followed.starts_with("200 5 [Bearer tandem:"), "{followed}");
    assert_eq!(seen.authorizations(), ["Bearer of-microsoft"]);
    for link in [format!("http://{google}/note"), "https://graph.microsoft.com/v1.0/me".into()] {
        assert_eq!(run(&runtime, &format!("get m {link}")).await.unwrap(), "Denied", "{link}");
    }
    assert_eq!(run(&runtime, &format!("get c http://{graph}/note")).await.unwrap(), "Denied");
    assert_eq!((google_seen.authorizations().len(), seen.authorizations().len()), (0, 1));
}

#[tokio::test]
async fn addresses_outside_the_list_are_denied() {
    let (_, _, world) = provider().await;
    let seen = Seen::default();
    let outside = serve(app(&seen)).await;
    let runtime = world.runtime().unwrap();
    for url in [
        format!("http://{outside}/note"),
        format!("https://{outside}/note"),
        "http://www.googleapis.com/".to_owned(),
        "https://www.googleapis.com.evil.example/".to_owned(),
        format!("https://www.googleapis.com@{outside}/note"),
        "ftp://www.googleapis.com/".to_owned(),
        "no url".replace(' ', "-"),
    ] {
        assert_eq!(run(&runtime, &format!("get-anonymous {url}")).await.unwrap(), "Denied", "{url}");
    }
    assert!(seen.authorizations().is_empty());
}

#[tokio::test]
async fn redirects_are_handed_over_not_followed() {
    let (address, _, world) = provider().await;
    let runtime = world.runtime().unwrap();
    assert_eq!(run(&runtime, &format!("get-anonymous http://{address}/away")).await.unwrap(), "302 0 []");
}

#[tokio::test]
async fn a_silent_provider_is_no_answer_and_not_a_trap() {
    let (address, _, world) = provider().await;
    let egress = EgressOptions { timeout_ms: 100, ..world.egress };
    let runtime = World { egress, ..world }.runtime().unwrap();
    assert_eq!(run(&runtime, &format!("get-anonymous http://{address}/never")).await.unwrap(), "NoAnswer");
}

#[tokio::test]
async fn a_call_that_waits_too_long_is_stopped() {
    let (address, _, world) = provider().await;
    let runtime = World { call_timeout_ms: 200, ..world }.runtime().unwrap();
    let trap = run(&runtime, &format!("get-anonymous http://{address}/never")).await.unwrap_err();
    assert_eq!(trap.0, "it took longer than 200 ms");
}

#[tokio::test]
async fn an_unreachable_provider_is_no_answer() {
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = free.local_addr().unwrap().to_string();
    drop(free);
    let runtime = World { egress: bounds(&[&address]), ..World::default() }.runtime().unwrap();
    assert_eq!(run(&runtime, &format!("get-anonymous http://{address}/")).await.unwrap(), "NoAnswer");
}

#[tokio::test]
async fn response_bodies_are_bounded_whether_announced_or_not() {
    let (address, _, world) = provider().await;
    let egress = EgressOptions { max_body: 1_000_000, ..world.egress };
    let runtime = World { egress, ..world }.runtime().unwrap();
    for kind in ["sized", "chunked"] {
        for (size, expected) in [(0, "200 0 []"), (1_000_000, "200 1000000 []"), (1_000_001, "TooLarge")] {
            let answer = run(&runtime, &format!("get-anonymous http://{address}/{kind}/{size}")).await.unwrap();
            assert_eq!(answer, expected, "{kind} {size}");
        }
    }
}

#[tokio::test]
async fn request_bodies_arrive_whole_and_are_bounded() {
    let (address, _, world) = provider().await;
    let egress = EgressOptions { max_body: 16 << 20, ..world.egress };
    let runtime = World { egress, ..world }.runtime().unwrap();
    for size in [1, 4_096, 4_097, 3 << 20] {
        let answer = run(&runtime, &format!("post http://{address}/echo {size}")).await.unwrap();
        assert_eq!(answer, format!("200 {size} []"));
    }
    assert_eq!(run(&runtime, &format!("post http://{address}/note 0")).await.unwrap(), "200 5 []");
    assert_eq!(run(&runtime, &format!("post http://{address}/echo {}", 9 << 20)).await.unwrap(), "NoAnswer");
}

#[tokio::test]
async fn requests_of_one_connection_wait_for_each_other() {
    let (address, seen, world) = provider().await;
    let egress = EgressOptions { per_connection: 2, ..world.egress };
    let runtime = World { egress, ..world }.runtime().unwrap();
    let command = format!("get c http://{address}/slow");
    let answers = futures_util::future::join_all((0..8).map(|_| run(&runtime, &command))).await;
    assert!(answers.iter().all(|answer| answer.as_ref().unwrap().starts_with("200 ")));
    assert_eq!(seen.most.load(Ordering::SeqCst), 2);
    // Another connection has a lane of its own.
    let both = [format!("get c http://{address}/slow"), format!("get d http://{address}/slow")];
    futures_util::future::join_all((0..8).map(|n| run(&runtime, &both[n % 2]))).await;
    assert_eq!(seen.most.load(Ordering::SeqCst), 4);
}
