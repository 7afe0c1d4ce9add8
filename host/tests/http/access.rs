//! Who may call: the token, and without one only programs on this machine.

use std::net::SocketAddr;

use axum::extract::ConnectInfo;

use crate::world::{TOKEN, World, request};

#[tokio::test]
async fn token_is_required_on_every_path_of_the_api() {
    let world = World::new();
    for (method, path) in [
        ("GET", "calendars"),
        ("GET", "calendars/work/events"),
        ("POST", "calendars/work/events"),
        ("GET", "calendars/work/events/a"),
        ("PATCH", "calendars/work/events/a"),
        ("PUT", "calendars/work/events/a"),
        ("DELETE", "calendars/work/events/a"),
        ("GET", "calendars/work/occurrences"),
        ("GET", "changes"),
        ("GET", "conflicts"),
        ("GET", "conflicts/c"),
        ("POST", "conflicts/c/resolve"),
        ("GET", "failures"),
        ("DELETE", "failures/f"),
        ("POST", "failures/f/replay"),
        ("GET", "replicas"),
        ("GET", "replicas/r"),
        ("DELETE", "replicas/r"),
        ("POST", "replicas/r/sync"),
        ("POST", "replicas/r/answer-guard"),
    ] {
        for wrong in ["", "Bearer", "Bearer ", "Bearer 0123456789abcdeX", "Bearer 0123456789abcde", "Basic x", TOKEN] {
            let answer = world.call(method, path, &[("authorization", wrong)], "").await;
            answer.problem(401, "unauthorized");
            assert_eq!(answer.header("www-authenticate"), "Bearer");
        }
    }
    assert!(world.script.edits.lock().unwrap().is_empty() && world.rows().writes.is_empty());
    world.call("GET", "calendars", &[("authorization", &format!("bearer  {TOKEN}"))], "").await.ok(200);
}

#[tokio::test]
async fn health_and_webhooks_need_no_token() {
    let world = World::new();
    world.call("GET", "/healthz", &[("authorization", "")], "").await.ok(200);
    *world.script.trap.lock().unwrap() = true;
    world.call("POST", "/webhooks/google", &[("authorization", "")], "").await.problem(503, "unavailable");
}

#[tokio::test]
async fn without_a_token_only_this_machine_is_answered() {
    let world = World::with_token(None);
    let call = async |peer: &str, headers: &[(&str, &str)]| {
        let mut request = request("GET", "calendars", headers, "");
        let peer: SocketAddr = peer.parse().unwrap();
        request.extensions_mut().insert(ConnectInfo(peer));
        world.send(request).await
    };
    for (peer, headers) in [
        ("127.0.0.1:1", &[][..]),
        ("[::1]:1", &[("host", "[::1]:8080")]),
        ("[::ffff:127.0.0.1]:1", &[("host", "localhost:8080")]),
        ("127.0.0.1:1", &[("host", "127.0.0.1:8080"), ("origin", "http://localhost:8080")]),
    ] {
        call(peer, headers).await.ok(200);
    }
    for (peer, headers) in [
        ("10.0.0.1:1", &[][..]),
        ("127.0.0.1:1", &[("host", "evil.example")]),
        ("127.0.0.1:1", &[("origin", "https://evil.example")]),
        ("127.0.0.1:1", &[("origin", "null")]),
        ("127.0.0.1:1", &[("origin", "http://localhost.evil.example")]),
        ("127.0.0.1:1", &[("x-forwarded-for", "127.0.0.1")]),
        ("127.0.0.1:1", &[("forwarded", "for=127.0.0.1")]),
    ] {
        call(peer, headers).await.problem(403, "local-only");
    }
}

#[tokio::test]
async fn caller_without_an_address_is_not_local() {
    let world = World::with_token(None);
    let mut request = request("GET", "calendars", &[], "");
    request.extensions_mut().remove::<ConnectInfo<SocketAddr>>();
    world.send(request).await.problem(403, "local-only");
}

#[tokio::test]
async fn request_ids_are_made_or_kept() {
    let world = World::new();
    let first = world.get("calendars").await.header("x-request-id").to_string();
    let second = world.get("calendars").await.header("x-request-id").to_string();
    assert!(first.len() == 16 && first != second);
    let kept = world.call("GET", "calendars", &[("x-request-id", "abc-1")], "").await;
    assert_eq!(kept.header("x-request-id"), "abc-1");
    for bad in ["a b", "{\"x\":1}", &"x".repeat(65)] {
        let replaced = world.call("GET", "calendars", &[("x-request-id", bad)], "").await;
        assert_ne!(replaced.header("x-request-id"), bad);
    }
}
