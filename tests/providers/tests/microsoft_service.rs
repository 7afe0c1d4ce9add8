//! The rest of the simulated Microsoft: tokens, calendars, faults, limits, batches, and the server on a socket.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail by panicking"
)]

mod graph;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use graph::*;
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use tandem_providers::microsoft::{Config, Microsoft};
use tandem_providers::{Fault, FaultKind, ManualClock, Server, SimRequest, SimResponse};

#[test]
fn a_token_is_wanted_and_its_scope_too() {
    let w = world();
    let without = w.send(SimRequest::new("GET", EVENTS));
    refused(&without, 401, "InvalidAuthenticationToken");
    assert!(without.header("www-authenticate").is_some());
    w.graph.grant_access_with_scopes(ME, "reads", 1_000, &["Calendars.Read"]);
    assert_eq!(w.send(SimRequest::new("GET", EVENTS).bearer("reads")).status(), Some(200));
    let write = SimRequest::new("POST", EVENTS).bearer("reads").json(&meeting("x"));
    refused(&w.send(write), 403, "ErrorAccessDenied");
    w.clock.advance(1_000);
    refused(&w.send(SimRequest::new("GET", EVENTS).bearer("reads")), 401, "InvalidAuthenticationToken");
}

#[test]
fn a_refresh_gives_a_new_refresh_token_and_the_old_one_stays() {
    let w = world();
    w.graph.grant_refresh(ME, "sim-client", "refresh");
    let ask = |token: &str, secret: &str| {
        let fields = [
            ("grant_type", "refresh_token"),
            ("client_id", "sim-client"),
            ("client_secret", secret),
            ("refresh_token", token),
        ];
        w.send(SimRequest::new("POST", "/common/oauth2/v2.0/token").form(&fields))
    };
    let first = ask("refresh", "sim-secret").json();
    let next = first["refresh_token"].as_str().unwrap();
    assert_ne!(next, "refresh");
    assert_eq!(ask("refresh", "sim-secret").status(), Some(200));
    let second = ask(next, "sim-secret").json();
    let access = second["access_token"].as_str().unwrap();
    assert_eq!(w.send(SimRequest::new("GET", EVENTS).bearer(access)).status(), Some(200));
    let wrong = ask("refresh", "wrong");
    assert_eq!((wrong.status(), &wrong.json()["error"]), (Some(401), &json!("invalid_client")));
    w.graph.revoke_account(ME);
    let dead = ask(next, "sim-secret");
    assert_eq!((dead.status(), &dead.json()["error"]), (Some(400), &json!("invalid_grant")));
    assert_eq!(dead.json()["error_codes"], json!([50_173]));
    refused(&w.send(SimRequest::new("GET", EVENTS).bearer(access)), 401, "InvalidAuthenticationToken");
}

#[test]
fn calendars_are_those_of_the_mailbox() {
    let w = world();
    let second = w.graph.add_calendar(ME, "Second");
    w.graph.add_account("eve@example.com", "UTC");
    let rows = w.listing("/v1.0/me/calendars").rows;
    assert_eq!(rows.iter().map(id).collect::<Vec<_>>(), [w.calendar.as_str(), second.as_str()]);
    assert_eq!((&rows[0]["isDefaultCalendar"], &rows[0]["owner"]["address"]), (&json!(true), &json!(ME)));
    assert_eq!(w.get("/v1.0/me/calendar").json()["id"], w.calendar);
    let event = w.call("POST", &format!("/v1.0/me/calendars/{second}/events"), Some(&meeting("x"))).json();
    assert!(w.listing(EVENTS).rows.is_empty());
    assert_eq!(w.event(id(&event))["subject"], "x", "an event is found without its calendar");
    let wrong = format!("/v1.0/me/calendars/{}/events/{}", w.calendar, id(&event));
    refused(&w.get(&wrong), 404, "ErrorItemNotFound");
    let user = w.get("/v1.0/me").json();
    assert_eq!(user["mail"], ME);
    assert_eq!(w.get(&format!("/v1.0/users/{}/events", id(&user))).status(), Some(200));
    assert_eq!(w.get(&format!("/v1.0/users/{ME}/events")).status(), Some(200));
    refused(&w.get("/v1.0/users/eve@example.com/events"), 403, "ErrorAccessDenied");
    assert_eq!(w.get("/v1.0/me/messages").status(), Some(501));
    assert_eq!(w.get("/beta/me/events").status(), Some(501));
    assert_eq!(w.get(&format!("{EVENTS}?color=red")).status(), Some(400));
}

#[test]
fn faults_are_applied_or_not_as_they_say() {
    let w = world();
    let plan = |kind: FaultKind| w.graph.plan(Fault::next(kind).on_method("POST").on_path("*/events"));
    let count = || w.graph.live_count(ME);
    plan(FaultKind::LostRequest);
    assert_eq!(w.insert(&meeting("1")), SimResponse::NoAnswer);
    assert_eq!(count(), 0);
    plan(FaultKind::LostAnswer);
    assert_eq!(w.insert(&meeting("2")), SimResponse::NoAnswer);
    assert_eq!(count(), 1);
    plan(FaultKind::ServerError(503));
    refused(&w.insert(&meeting("3")), 503, "ServiceUnavailable");
    assert_eq!(count(), 1);
    plan(FaultKind::ServerErrorAfterApplying(504));
    refused(&w.insert(&meeting("4")), 504, "UnknownError");
    assert_eq!(count(), 2);
    plan(FaultKind::Truncated);
    let cut = w.insert(&meeting("5"));
    assert_eq!((cut.status(), cut.json()), (Some(201), Value::Null));
    assert_eq!(count(), 3);
    plan(FaultKind::TooManyRequests { retry_after_s: Some(7) });
    let limited = w.insert(&meeting("6"));
    refused(&limited, 429, "ApplicationThrottled");
    assert_eq!(limited.header("retry-after"), Some("7"));
    plan(FaultKind::PreconditionFailed);
    refused(&w.insert(&meeting("7")), 412, "ErrorIrresolvableConflict");
    plan(FaultKind::Unauthorized);
    refused(&w.insert(&meeting("8")), 401, "InvalidAuthenticationToken");
    assert_eq!(count(), 3);
    w.graph.plan(Fault::next(FaultKind::EmptyPage));
    let page = w.get(EVENTS).json();
    assert!(page["value"].as_array().unwrap().is_empty() && page["@odata.nextLink"].is_string());
    assert_eq!(w.listing(EVENTS).rows.len(), 3);
}

#[test]
fn four_requests_of_a_mailbox_may_be_under_way() {
    let w = world();
    let request = SimRequest::new("GET", EVENTS).bearer(TOKEN);
    for _ in 0..4 {
        assert_eq!(w.graph.arrived(&request), None);
    }
    refused(&w.graph.arrived(&request).unwrap(), 429, "ApplicationThrottled");
    w.graph.left(&request);
    assert_eq!(w.graph.arrived(&request), None);
    assert_eq!(w.graph.counters().most_under_way, 4);
    w.graph.revoke_account(ME);
    w.graph.left(&request);
    w.graph.grant_access(ME, TOKEN, 1_000_000);
    assert_eq!(w.graph.arrived(&request), None, "a request leaves although its token has ended");
    w.graph.configure(|config| config.concurrent_requests = None);
    assert_eq!(w.graph.arrived(&request), None);
}

#[test]
fn ten_minutes_have_only_so_many_requests() {
    let w = world_with(Config { requests_per_ten_minutes: Some(3), ..calm() });
    for _ in 0..3 {
        assert_eq!(w.get(EVENTS).status(), Some(200));
    }
    let limited = w.get(EVENTS);
    refused(&limited, 429, "TooManyRequests");
    let wait_s: i64 = limited.header("retry-after").unwrap().parse().unwrap();
    w.clock.advance(wait_s * 1000);
    assert_eq!(w.get(EVENTS).status(), Some(200));
}

#[test]
fn a_batch_answers_each_request_and_skips_what_depends_on_a_failed_one() {
    let w = world();
    let headers = json!({ "Content-Type": "application/json" });
    let requests = json!({ "requests": [
        { "id": "1", "method": "POST", "url": "/me/events", "body": meeting("in a batch"), "headers": headers },
        { "id": "2", "method": "GET", "url": "/me/events/nonsense" },
        { "id": "3", "method": "GET", "url": "/me/events", "dependsOn": ["2"] },
        { "id": "4", "method": "GET", "url": "/me/events?$top=1", "dependsOn": ["1"] },
    ] });
    w.graph.plan(Fault::next(FaultKind::TooManyRequests { retry_after_s: Some(3) }).on_method("PATCH"));
    let response = w.call("POST", "/v1.0/$batch", Some(&requests));
    assert_eq!(response.status(), Some(200));
    let body = response.json();
    let of = |id: &str| body["responses"].as_array().unwrap().iter().find(|one| one["id"] == id).unwrap().clone();
    let statuses: Vec<_> = ["1", "2", "3", "4"].iter().map(|id| of(id)["status"].as_u64().unwrap()).collect();
    assert_eq!(statuses, [201, 400, 424, 200]);
    assert_eq!(of("1")["body"]["subject"], "in a batch");
    let event = of("1")["body"]["id"].as_str().unwrap().to_owned();
    let patch = json!({ "requests": [{
        "id": "1", "method": "PATCH", "url": format!("/me/events/{event}"), "body": {}, "headers": headers,
    }] });
    let limited = w.call("POST", "/v1.0/$batch", Some(&patch)).json();
    assert_eq!(limited["responses"][0]["status"], 429);
    assert_eq!(limited["responses"][0]["headers"]["Retry-After"], "3");
    let many: Vec<Value> = (0..21).map(|n| json!({ "id": n.to_string(), "method": "GET", "url": "/me" })).collect();
    assert_eq!(w.call("POST", "/v1.0/$batch", Some(&json!({ "requests": many }))).status(), Some(400));
    let twice = json!({ "requests": [{ "id": "1", "method": "GET", "url": "/me" }, { "id": "1", "method": "GET", "url": "/me" }] });
    assert_eq!(w.call("POST", "/v1.0/$batch", Some(&twice)).status(), Some(400));
}

#[test]
fn links_lead_where_the_request_went() {
    let w = world();
    let link = |url: &str| {
        let response = w.get(&format!("{url}/v1.0/me/events/delta"));
        response.json()["@odata.deltaLink"].as_str().unwrap().to_owned()
    };
    assert!(link("https://sim.invalid").starts_with("https://sim.invalid/v1.0/me/events/delta?$deltatoken="));
    assert!(link("").starts_with("https://graph.microsoft.com/v1.0/me/events/delta?"));
    w.graph.configure(|config| config.link_base = Some("https://other.invalid/".to_owned()));
    assert!(link("").starts_with("https://other.invalid/v1.0/"));
}

/// Posts JSON over HTTP: the status and the answer.
async fn post(base: &str, path: &str, body: &Value) -> (u16, Value) {
    let client = hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new()).build_http();
    let request = http::Request::post(format!("{base}{path}"))
        .header("authorization", format!("Bearer {TOKEN}"))
        .header("content-type", "application/json")
        .body(Full::new(bytes::Bytes::from(body.to_string())))
        .unwrap();
    let response = client.request(request).await.unwrap();
    let status = response.status().as_u16();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
}

/// A webhook on a socket, which proves itself and keeps what it is told.
struct Hook {
    base: String,
    handshakes: Arc<AtomicUsize>,
    /// It answers handshakes with something else.
    wrong: Arc<AtomicBool>,
    told: tokio::sync::mpsc::UnboundedReceiver<Value>,
}

impl Hook {
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let (sender, told) = tokio::sync::mpsc::unbounded_channel();
        let (handshakes, wrong) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let (counted, is_wrong) = (Arc::clone(&handshakes), Arc::clone(&wrong));
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (sender, counted, is_wrong) = (sender.clone(), Arc::clone(&counted), Arc::clone(&is_wrong));
                let service = hyper::service::service_fn(move |request: http::Request<hyper::body::Incoming>| {
                    let (sender, counted, is_wrong) = (sender.clone(), Arc::clone(&counted), Arc::clone(&is_wrong));
                    async move {
                        let url = SimRequest::new("POST", &request.uri().to_string());
                        let token = url.query().into_iter().find(|(name, _)| name == "validationToken");
                        let body = request.into_body().collect().await.unwrap().to_bytes();
                        let said = match token {
                            Some((_, token)) => {
                                counted.fetch_add(1, Ordering::SeqCst);
                                if is_wrong.load(Ordering::SeqCst) { "no".to_owned() } else { token }
                            }
                            None => {
                                sender.send(serde_json::from_slice(&body).unwrap()).unwrap();
                                String::new()
                            }
                        };
                        let answer = http::Response::builder().header("content-type", "text/plain");
                        Ok::<_, std::convert::Infallible>(answer.body(Full::new(bytes::Bytes::from(said))).unwrap())
                    }
                });
                tokio::spawn(async move {
                    let io = hyper_util::rt::TokioIo::new(stream);
                    let _ = hyper::server::conn::http1::Builder::new().serve_connection(io, service).await;
                });
            }
        });
        Self { base, handshakes, wrong, told }
    }

    async fn next(&mut self) -> Value {
        self.told.recv().await.unwrap()
    }
}

#[tokio::test]
async fn the_server_asks_the_webhook_and_posts_to_it() {
    let clock = ManualClock::at(NOW_MS);
    let graph = Microsoft::new(Config { allow_http_webhooks: true, ..calm() }, Arc::new(clock));
    graph.add_account(ME, BERLIN);
    graph.grant_access(ME, TOKEN, i64::MAX / 2);
    let mut hook = Hook::start().await;
    let server = Server::start(Arc::new(graph.clone()), 0).await.unwrap();
    let subscription = json!({
        "changeType": "created", "notificationUrl": format!("{}/hook", hook.base), "resource": "/me/events",
        "expirationDateTime": "2026-03-05T08:00:00Z", "clientState": "secret",
    });
    let (status, _) = post(&server.base_url(), "/v1.0/subscriptions", &subscription).await;
    assert_eq!(status, 201);
    assert_eq!(hook.handshakes.load(Ordering::SeqCst), 1);
    let (status, event) = post(&server.base_url(), EVENTS, &meeting("x")).await;
    assert_eq!(status, 201);
    let told = hook.next().await;
    assert_eq!(told["value"][0]["resourceData"]["id"], event["id"]);
    hook.wrong.store(true, Ordering::SeqCst);
    graph.drop_subscriptions(false);
    let (status, error) = post(&server.base_url(), "/v1.0/subscriptions", &subscription).await;
    assert_eq!((status, &error["error"]["code"]), (400, &json!("ValidationError")));
}

#[tokio::test]
async fn the_server_refuses_the_fifth_request_of_a_mailbox() {
    let w = world();
    let server = Server::start(Arc::new(w.graph.clone()), 0).await.unwrap();
    let request = SimRequest::new("GET", EVENTS).bearer(TOKEN);
    for _ in 0..4 {
        assert_eq!(w.graph.arrived(&request), None);
    }
    let (status, error) = post(&server.base_url(), EVENTS, &meeting("x")).await;
    assert_eq!((status, &error["error"]["code"]), (429, &json!("ApplicationThrottled")));
    w.graph.left(&request);
    assert_eq!(post(&server.base_url(), EVENTS, &meeting("x")).await.0, 201);
    assert_eq!(post(&server.base_url(), EVENTS, &meeting("y")).await.0, 201, "each one leaves again");
}
