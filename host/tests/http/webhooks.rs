//! Webhooks: what reaches the component, and that it is answered as the component says.

use tandem_host::bindings::exports::tandem::calendar::webhooks::Response;
use tandem_host::http::limits::BODY_BYTES;
use tandem_host::store::Provider;

use crate::world::World;

fn response(status: u16, content_type: &str, body: &str, verdict: &str) -> Option<Response> {
    let (content_type, body) = (content_type.to_string(), body.as_bytes().to_vec());
    Some(Response { status, content_type, body, verdict: verdict.into() })
}

#[tokio::test]
async fn answers_are_the_components_own() {
    let world = World::new();
    for (status, kind, body, verdict) in [
        (200, "application/json", "{}", "changed"),
        (400, "application/json", "{\"detail\":\"Missing channel ID\"}", "malformed"),
        (403, "application/json", "{\"detail\":\"Invalid token\"}", "forged"),
        (410, "application/json", "{}", "expired"),
        (202, "", "", "changed"),
        (503, "application/json", "{}", "unavailable"),
    ] {
        *world.script.webhook.lock().unwrap() = response(status, kind, body, verdict);
        let answer = world.call("POST", "/webhooks/google", &[], "").await;
        assert_eq!((answer.status.as_u16(), answer.header("content-type")), (status, kind));
        assert_eq!(answer.bytes, body.as_bytes());
    }
    let counts = world.api.counters.counts().webhooks;
    let expected = [("changed", 2), ("malformed", 1), ("forged", 1), ("expired", 1), ("unavailable", 1), ("other", 0)];
    for (verdict, count) in expected {
        assert_eq!(counts[verdict], count, "{verdict}");
    }
}

#[tokio::test]
async fn verdicts_of_another_version_are_counted_together() {
    let world = World::new();
    *world.script.webhook.lock().unwrap() = response(200, "text/plain", "", "something-new");
    world.call("POST", "/webhooks/google", &[], "").await;
    assert_eq!(world.api.counters.counts().webhooks["other"], 1);
}

#[tokio::test]
async fn request_reaches_the_component_without_secrets() {
    let world = World::new();
    *world.script.webhook.lock().unwrap() = response(200, "text/plain", "abc", "handshake");
    let headers = [
        ("x-goog-channel-id", "ch"),
        ("x-goog-channel-token", "signed"),
        ("authorization", "Bearer of-somebody"),
        ("cookie", "session=1"),
    ];
    world.call("POST", "/webhooks/google", &headers, "body").await;
    let answer = world.call("GET", "/webhooks/microsoft?validationToken=a%20b", &[], "").await;
    assert_eq!((answer.bytes.as_slice(), answer.header("content-type")), (&b"abc"[..], "text/plain"));
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    let seen = world.script.webhooks.lock().unwrap().clone();
    assert_eq!((seen[0].provider, seen[0].method.as_str()), (Provider::Google, "POST"));
    assert_eq!(seen[0].body, b"body");
    let names: Vec<&str> = seen[0].headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["x-goog-channel-id", "x-goog-channel-token"]);
    assert_eq!((seen[1].provider, seen[1].method.as_str()), (Provider::Microsoft, "GET"));
    assert_eq!(seen[1].query, "validationToken=a%20b");
}

#[tokio::test]
async fn microsofts_handshake_and_batches_pass_unchanged() {
    let world = World::new();
    *world.script.webhook.lock().unwrap() = response(200, "text/plain", "a b+c", "handshake");
    let path = "/webhooks/microsoft?channel=ch&claims=x%3Ay&validationToken=a%20b%2Bc";
    let answer = world.call("POST", path, &[("content-type", "text/plain; charset=utf-8")], "").await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "text/plain"));
    assert_eq!(answer.bytes, b"a b+c");
    *world.script.webhook.lock().unwrap() = response(202, "", "", "changed");
    // As large as the boundary allows.
    let batch = format!("{{\"value\":[{}]}}", " ".repeat(BODY_BYTES - 12));
    let json = [("content-type", "application/json")];
    let answer = world.call("POST", "/webhooks/microsoft?channel=ch&claims=x", &json, &batch).await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type"), answer.bytes.len()), (202, "", 0));
    let seen = world.script.webhooks.lock().unwrap().clone();
    assert_eq!(seen.len(), 2);
    assert!(seen.iter().all(|call| (call.provider, call.method.as_str()) == (Provider::Microsoft, "POST")));
    assert_eq!(seen[0].query, "channel=ch&claims=x%3Ay&validationToken=a%20b%2Bc", "the component decodes it");
    assert_eq!((seen[1].body.len(), seen[1].body.as_slice()), (BODY_BYTES, batch.as_bytes()));
    let counts = world.api.counters.counts().webhooks;
    assert_eq!((counts["handshake"], counts["changed"]), (1, 1));
}

#[tokio::test]
async fn batch_beyond_the_boundary_is_refused_before_the_component() {
    let world = World::new();
    *world.script.webhook.lock().unwrap() = response(202, "", "", "changed");
    let batch = " ".repeat(BODY_BYTES + 1);
    world.call("POST", "/webhooks/microsoft", &[], &batch).await.problem(413, "too-large");
    assert!(world.script.webhooks.lock().unwrap().is_empty());
}

#[tokio::test]
async fn trap_asks_the_provider_to_repeat() {
    let world = World::new();
    *world.script.trap.lock().unwrap() = true;
    let answer = world.call("POST", "/webhooks/google", &[], "").await;
    answer.problem(503, "unavailable");
    assert_eq!(world.api.counters.counts().webhooks["trap"], 1);
}

#[tokio::test]
async fn unknown_provider_is_not_found() {
    let world = World::new();
    world.call("POST", "/webhooks/yahoo", &[], "").await.problem(404, "not-found");
    world.call("PUT", "/webhooks/google", &[], "").await.problem(405, "method-not-allowed");
    assert!(world.script.webhooks.lock().unwrap().is_empty());
}
