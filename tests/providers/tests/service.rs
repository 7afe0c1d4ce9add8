//! Tokens, scopes, quota, faults, the calendar list, and the server on a socket.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail by panicking"
)]

mod world;

use std::sync::Arc;

use http_body_util::{BodyExt, Empty, Full};
use serde_json::{Value, json};
use tandem_providers::google::{Config, Role};
use tandem_providers::{Fault, FaultKind, Server, SimRequest, SimResponse};
use world::*;

#[test]
fn a_missing_wrong_or_expired_token_is_401_with_the_exact_body() {
    let w = world();
    let body = json!({ "error": {
        "errors": [{
            "domain": "global", "reason": "authError", "message": "Invalid Credentials",
            "locationType": "header", "location": "Authorization",
        }],
        "code": 401, "message": "Invalid Credentials",
    } });
    let none = w.send(SimRequest::new("GET", EVENTS));
    assert_eq!((none.status(), none.json()), (Some(401), body.clone()));
    assert_eq!(w.send(SimRequest::new("GET", EVENTS).bearer("other")).json(), body);
    w.google.grant_access(ME, "short", 1000);
    assert_eq!(w.send(SimRequest::new("GET", EVENTS).bearer("short")).status(), Some(200));
    w.clock.advance(1000);
    assert_eq!(w.send(SimRequest::new("GET", EVENTS).bearer("short")).status(), Some(401));
}

#[test]
fn scopes_are_needed() {
    let w = world();
    let list = |token: &str| w.send(SimRequest::new("GET", "/calendar/v3/users/me/calendarList").bearer(token));
    w.google.grant_access_with_scopes(ME, "events", 9_999_999, &["https://www.googleapis.com/auth/calendar.events"]);
    assert_eq!((list("events").status(), reason(&list("events"))), (Some(403), "insufficientPermissions".to_owned()));
    w.google.grant_access_with_scopes(ME, "ro", 9_999_999, &["https://www.googleapis.com/auth/calendar.readonly"]);
    assert_eq!(list("ro").status(), Some(200));
    let write = SimRequest::new("POST", EVENTS).bearer("ro").json(&meeting("x"));
    assert_eq!(w.send(write).status(), Some(403));
}

fn token(w: &World, fields: &[(&str, &str)]) -> (Option<u16>, Value) {
    let response = w.send(SimRequest::new("POST", "https://oauth2.googleapis.com/token").form(fields));
    (response.status(), response.json())
}

#[test]
fn the_token_endpoint_refreshes_and_refuses_as_documented() {
    let w = world();
    w.google.grant_refresh(ME, "sim-client", "refresh");
    let form = |client, secret, refresh| {
        [("grant_type", "refresh_token"), ("client_id", client), ("client_secret", secret), ("refresh_token", refresh)]
    };
    let (status, body) = token(&w, &form("sim-client", "sim-secret", "refresh"));
    assert_eq!((status, &body["token_type"], &body["expires_in"]), (Some(200), &json!("Bearer"), &json!(3599)));
    assert!(body.get("refresh_token").is_none(), "not rotated");
    let fresh = body["access_token"].as_str().unwrap();
    assert_eq!(w.send(SimRequest::new("GET", EVENTS).bearer(fresh)).status(), Some(200));

    let (status, body) = token(&w, &form("sim-client", "sim-secret", "unknown"));
    assert_eq!((status, body), (Some(400), json!({ "error": "invalid_grant", "error_description": "Bad Request" })));
    let (status, body) = token(&w, &form("other", "sim-secret", "refresh"));
    assert_eq!((status, &body["error"]), (Some(401), &json!("invalid_client")));
    let (status, body) = token(&w, &form("sim-client", "wrong", "refresh"));
    assert_eq!((status, &body["error_description"]), (Some(401), &json!("Unauthorized")));
    assert_eq!(token(&w, &[("grant_type", "authorization_code")]).0, Some(501));

    let revoke = |token: &str| w.send(SimRequest::new("POST", &format!("/revoke?token={token}")));
    assert_eq!((revoke(fresh).status(), revoke("nothing").status()), (Some(200), Some(400)));
    let (status, body) = token(&w, &form("sim-client", "sim-secret", "refresh"));
    let dead = json!({ "error": "invalid_grant", "error_description": "Token has been expired or revoked." });
    assert_eq!((status, body), (Some(400), dead));
    assert_eq!(w.send(SimRequest::new("GET", EVENTS).bearer(fresh)).status(), Some(401));
    assert!(w.google.log().iter().all(|line| !line.path.contains("token=")), "no token in the log");
}

#[test]
fn the_quota_is_a_sliding_minute_and_patch_costs_three() {
    let w = world_with(Config { units_per_minute: Some(6), ..Config::default() });
    let id = w.made(&meeting("x"))["id"].as_str().unwrap().to_owned();
    assert_eq!(w.patch(&id, &json!({ "summary": "y" })).status(), Some(200));
    check(&w.patch(&id, &json!({ "summary": "z" })), 403, "usageLimits", "rateLimitExceeded", "Rate Limit Exceeded");
    assert_eq!(w.get(EVENTS).status(), Some(200));
    w.google.configure(|config| config.quota_is_429 = true);
    assert_eq!(w.patch(&id, &json!({ "summary": "z" })).status(), Some(429));
    w.clock.advance(60_000);
    assert_eq!(w.patch(&id, &json!({ "summary": "z" })).status(), Some(200));
}

#[test]
fn planned_faults_answer_with_googles_bodies() {
    let w = world();
    let cases = [
        (FaultKind::TooManyRequests { retry_after_s: Some(7) }, 429, "rateLimitExceeded"),
        (FaultKind::RateLimited, 403, "rateLimitExceeded"),
        (FaultKind::UserRateLimited, 403, "userRateLimitExceeded"),
        (FaultKind::QuotaExceeded, 403, "quotaExceeded"),
        (FaultKind::ServerError(503), 503, "backendError"),
        (FaultKind::FullSyncRequired, 410, "fullSyncRequired"),
        (FaultKind::Unauthorized, 401, "authError"),
    ];
    for (kind, status, expected) in cases {
        let retry = matches!(kind, FaultKind::TooManyRequests { .. }).then_some("7");
        w.google.plan(Fault::next(kind));
        let response = w.get(EVENTS);
        assert_eq!((response.status(), reason(&response).as_str()), (Some(status), expected));
        assert_eq!(response.header("Retry-After"), retry);
    }
    assert_eq!(w.get(EVENTS).status(), Some(200), "each hits once");
}

#[test]
fn a_lost_request_is_not_applied_and_a_lost_answer_is() {
    let w = world();
    w.google.plan(Fault::next(FaultKind::LostRequest).on_method("POST"));
    assert_eq!(w.insert(&meeting("a")), SimResponse::NoAnswer);
    assert_eq!(w.google.live_count(ME), 0);
    w.google.plan(Fault::next(FaultKind::LostAnswer).on_method("POST"));
    assert_eq!(w.insert(&meeting("a")), SimResponse::NoAnswer);
    assert_eq!(w.google.live_count(ME), 1);
    w.google.plan(Fault::next(FaultKind::ServerErrorAfterApplying(500)));
    assert_eq!(w.insert(&meeting("b")).status(), Some(500));
    assert_eq!(w.google.live_count(ME), 2);
}

#[test]
fn faults_match_method_and_path_and_can_wait_and_repeat() {
    let w = world();
    let limited =
        Fault::next(FaultKind::RateLimited).on_method("GET").on_path("*/calendars/*/events").after(1).times(2);
    w.google.plan(limited);
    assert_eq!(w.insert(&meeting("x")).status(), Some(200));
    assert_eq!(w.get("/calendar/v3/users/me/calendarList").status(), Some(200));
    let statuses: Vec<_> = (0..4).map(|_| w.get(EVENTS).status().unwrap()).collect();
    assert_eq!(statuses, [200, 403, 403, 200]);
    w.google.plan(Fault::next(FaultKind::ServerError(500)).randomly(500));
    let hits = (0..100).filter(|_| w.get(EVENTS).status() == Some(500)).count();
    assert!((20..80).contains(&hits), "{hits}");
    w.google.clear_faults();
    assert!((0..20).all(|_| w.get(EVENTS).status() == Some(200)));
}

#[test]
fn the_calendar_list_shows_what_the_account_may_see() {
    let w = world();
    w.google.add_account("bob@example.com", "Europe/Paris");
    w.google.add_calendar(ME, "team@group.calendar.google.com", "Team", "Europe/Berlin");
    w.google.set_role("bob@example.com", ME, Some(Role::Reader));
    let all = w.get("/calendar/v3/users/me/calendarList").json();
    let entries = all["items"].as_array().unwrap();
    assert_eq!(entries.len(), 3);
    let find = |id: &str| entries.iter().find(|entry| entry["id"] == id).unwrap();
    assert_eq!((&find(ME)["primary"], &find(ME)["accessRole"]), (&json!(true), &json!("owner")));
    assert_eq!(find("bob@example.com")["accessRole"], "reader");
    let page = w.get("/calendar/v3/users/me/calendarList?maxResults=2").json();
    let next = page["nextPageToken"].as_str().unwrap();
    let rest = w.get(&format!("/calendar/v3/users/me/calendarList?maxResults=2&pageToken={next}")).json();
    assert_eq!((rest["items"].as_array().unwrap().len(), rest["nextSyncToken"].is_string()), (1, true));
    let writable = w.get("/calendar/v3/users/me/calendarList?minAccessRole=writer").json();
    assert_eq!(writable["items"].as_array().unwrap().len(), 2);
    assert_eq!(w.get("/calendar/v3/calendars/primary").json()["id"], ME);
    assert_eq!(w.get("/calendar/v3/users/me/calendarList/primary").json()["id"], ME);
}

#[test]
fn the_same_seed_gives_the_same_calendar() {
    let make = |seed: u64| {
        let w = world_with(Config { seed, ..Config::default() });
        w.google.generate(ME, 300, 5).unwrap();
        w.google.rows(ME)
    };
    let rows = make(1);
    assert_eq!(rows, make(1));
    assert_ne!(rows, make(2));
    let has = |test: &dyn Fn(&Value) -> bool| rows.iter().any(test);
    assert!(has(&|row| row.get("recurrence").is_some()));
    assert!(has(&|row| row.get("recurringEventId").is_some() && row["status"] == "cancelled"));
    assert!(has(&|row| row.get("recurringEventId").is_some() && row["status"] != "cancelled"));
    assert!(has(&|row| row["start"].get("date").is_some()));
    assert!(has(&|row| row["visibility"] == "private") && has(&|row| row.get("attendees").is_some()));
}

#[test]
fn duplicates_are_found_in_the_truth() {
    let w = world();
    let mut body = meeting("x");
    body["iCalUID"] = json!("same@example.com");
    body["extendedProperties"] = json!({ "private": { "tandem": "1" } });
    w.google.user_insert(ME, &body).unwrap();
    assert!(w.google.duplicates(ME).is_empty() && w.google.duplicates_by_property(ME, "tandem").is_empty());
    w.google.user_insert(ME, &body).unwrap();
    assert_eq!(w.google.duplicates(ME), ["same@example.com"]);
    assert_eq!(w.google.duplicates_by_property(ME, "tandem"), ["1"]);
}

type Client =
    hyper_util::client::legacy::Client<hyper_util::client::legacy::connect::HttpConnector, Full<bytes::Bytes>>;

fn client() -> Client {
    hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new()).build_http()
}

#[tokio::test]
async fn the_server_answers_over_http_and_a_lost_answer_closes_the_connection() {
    let w = world();
    let server = Server::start(Arc::new(w.google.clone()), 0).await.unwrap();
    let url = format!("{}{EVENTS}", server.base_url());
    let request = || {
        http::Request::post(&url)
            .header("authorization", format!("Bearer {TOKEN}"))
            .header("content-type", "application/json")
            .body(Full::new(bytes::Bytes::from(meeting("x").to_string())))
            .unwrap()
    };
    let response = client().request(request()).await.unwrap();
    assert_eq!(response.status(), 200);
    let body: Value = serde_json::from_slice(&response.into_body().collect().await.unwrap().to_bytes()).unwrap();
    assert_eq!(body["summary"], "x");
    w.google.plan(Fault::next(FaultKind::LostAnswer));
    assert!(client().request(request()).await.is_err());
    assert_eq!(w.google.live_count(ME), 2, "applied all the same");
}

#[tokio::test]
async fn the_server_really_posts_pushes_and_tries_again_after_503() {
    let w = world_with(Config { allow_http_webhooks: true, ..Config::default() });
    let server = Server::start(Arc::new(w.google.clone()), 0).await.unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, mut seen) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut statuses = [503_u16, 200].into_iter();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let status = statuses.next().unwrap_or(200);
            let sender = sender.clone();
            let service = hyper::service::service_fn(move |request: http::Request<hyper::body::Incoming>| {
                let state = request.headers()["x-goog-resource-state"].to_str().unwrap().to_owned();
                sender.send((request.method().clone(), state)).unwrap();
                let answer = http::Response::builder()
                    .status(status)
                    .header("connection", "close")
                    .body(Empty::<bytes::Bytes>::new())
                    .unwrap();
                async move { Ok::<_, std::convert::Infallible>(answer) }
            });
            let io = hyper_util::rt::TokioIo::new(stream);
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(io, service).await;
        }
    });
    let body = json!({ "id": "c", "type": "web_hook", "address": format!("http://{address}/hook") });
    assert_eq!(w.call("POST", &format!("{EVENTS}/watch"), Some(&body)).status(), Some(200));
    assert_eq!(seen.recv().await.unwrap(), (http::Method::POST, "sync".to_owned()));
    while w.google.next_notification_at().is_none() {
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    w.clock.advance(1000);
    assert_eq!(seen.recv().await.unwrap().1, "sync", "again after 503");
    w.made(&meeting("x"));
    assert_eq!(seen.recv().await.unwrap().1, "exists");
    drop(server);
}
