//! Access tokens: asked for as seldom as possible, kept by nobody else, and what a refusal means.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod support;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::routing::post;
use support::{MemoryStore, bounds, connection, serve};
use tandem_host::clock::ManualClock;
use tandem_host::egress::{Egress, EgressOptions};
use tandem_host::oauth::{AuthError, Credentials, Grant};
use tandem_host::store::Store;

/// What the token server answers next, and what it was asked.
#[derive(Clone)]
struct Endpoint {
    answer: Arc<Mutex<(u16, String)>>,
    asked: Arc<Mutex<Vec<HashMap<String, String>>>>,
}

impl Endpoint {
    fn answers(&self, status: u16, body: &str) {
        *self.answer.lock().unwrap() = (status, body.to_owned());
    }
    fn asked(&self) -> Vec<HashMap<String, String>> {
        self.asked.lock().unwrap().clone()
    }
}

async fn token(State(endpoint): State<Endpoint>, Form(form): Form<HashMap<String, String>>) -> (StatusCode, String) {
    let count = {
        let mut asked = endpoint.asked.lock().unwrap();
        asked.push(form);
        asked.len()
    };
    // Long enough that requests at the same time would meet.
    tokio::time::sleep(Duration::from_millis(20)).await;
    let (status, body) = endpoint.answer.lock().unwrap().clone();
    (StatusCode::from_u16(status).unwrap(), body.replace("{n}", &count.to_string()))
}

const GRANTED: &str = r#"{"access_token":"access-{n}","expires_in":3600,"token_type":"Bearer"}"#;

struct World {
    endpoint: Endpoint,
    store: Arc<MemoryStore>,
    clock: ManualClock,
    credentials: Credentials,
    url: String,
}

impl World {
    async fn new() -> Self {
        Self::with(|_, bounds| bounds).await
    }

    async fn with(change: impl FnOnce(&str, EgressOptions) -> EgressOptions) -> Self {
        let endpoint = Endpoint { answer: Arc::new(Mutex::new((200, GRANTED.to_owned()))), asked: Arc::default() };
        let address = serve(Router::new().route("/token", post(token)).with_state(endpoint.clone())).await;
        let url = format!("http://{address}/token");
        let store = Arc::new(MemoryStore::with([connection("t", "c", &grant(&url, "refresh-0"))]));
        let clock = ManualClock::new(1_000_000);
        let egress = Arc::new(Egress::new(change(&address, bounds(&[&address]))));
        let credentials = Credentials::new(Arc::clone(&store) as Arc<dyn Store>, egress, Arc::new(clock.clone()));
        Self { endpoint, store, clock, credentials, url }
    }

    async fn token(&self) -> Result<String, AuthError> {
        self.credentials.token("t", "c").await.map(|(token, _)| token.reveal().to_owned())
    }

    async fn refresh(&self) -> Result<String, AuthError> {
        self.credentials.refresh("t", "c").await.map(|(token, _)| token.reveal().to_owned())
    }

    async fn stored(&self) -> String {
        self.store.connection("t", "c").await.unwrap().unwrap().settings
    }
}

fn grant(url: &str, token: &str) -> Grant {
    Grant::RefreshToken {
        token: token.into(),
        client_id: "client".into(),
        client_secret: Some("s&cret=".into()),
        token_url: url.into(),
        scope: None,
        given: None,
    }
}

/// As Microsoft gives it to a public client.
fn microsoft(url: &str, token: &str) -> Grant {
    Grant::RefreshToken {
        token: token.into(),
        client_id: "app".into(),
        client_secret: None,
        token_url: url.into(),
        scope: Some("offline_access Calendars.ReadWrite".into()),
        given: None,
    }
}

const GRANTED_ANEW: &str = r#"{"token_type":"Bearer","scope":"Calendars.ReadWrite","expires_in":4000,
    "ext_expires_in":4000,"access_token":"access-{n}","refresh_token":"refresh-{n}","id_token":"x.y.z"}"#;

#[tokio::test]
async fn a_token_is_used_until_a_minute_before_its_end() {
    let world = World::new().await;
    assert_eq!(world.token().await.unwrap(), "access-1");
    world.clock.advance_ms(3_600_000 - 60_001);
    assert_eq!(world.token().await.unwrap(), "access-1");
    world.clock.advance_ms(1);
    assert_eq!(world.token().await.unwrap(), "access-2");
    let asked = world.endpoint.asked();
    assert_eq!(asked.len(), 2);
    for (name, value) in [
        ("grant_type", "refresh_token"),
        ("refresh_token", "refresh-0"),
        ("client_id", "client"),
        ("client_secret", "s&cret="),
    ] {
        assert_eq!(asked[0].get(name).map(String::as_str), Some(value));
    }
    assert!(!asked[0].contains_key("scope"), "Google's grant has its scope already");
}

#[tokio::test]
async fn many_callers_share_one_request() {
    let world = World::new().await;
    let tokens = futures_util::future::join_all((0..20).map(|_| world.token())).await;
    assert!(tokens.iter().all(|token| token.as_deref() == Ok("access-1")));
    let tokens = futures_util::future::join_all((0..20).map(|_| world.refresh())).await;
    assert!(tokens.iter().all(|token| token.as_deref() == Ok("access-1")), "just asked");
    assert_eq!(world.endpoint.asked().len(), 1);
}

#[tokio::test]
async fn a_refresh_asks_again_after_a_few_seconds() {
    let world = World::new().await;
    world.token().await.unwrap();
    world.clock.advance_ms(4_999);
    assert_eq!(world.refresh().await.unwrap(), "access-1");
    world.clock.advance_ms(1);
    assert_eq!(world.refresh().await.unwrap(), "access-2");
    assert_eq!(world.token().await.unwrap(), "access-2");
}

#[tokio::test]
async fn a_refused_grant_is_revoked_until_the_account_is_connected_again() {
    let world = World::new().await;
    world.endpoint.answers(400, r#"{"error":"invalid_grant"}"#);
    assert_eq!(world.token().await, Err(AuthError::Revoked));
    assert_eq!(world.token().await, Err(AuthError::Revoked));
    assert_eq!(world.endpoint.asked().len(), 1, "not asked again at once");
    world.endpoint.answers(200, GRANTED);
    world.store.put_connection(connection("t", "c", &grant(&world.url, "refresh-new"))).await.unwrap();
    assert_eq!(world.token().await.unwrap(), "access-2");
    assert_eq!(world.endpoint.asked()[1]["refresh_token"], "refresh-new");
}

#[tokio::test]
async fn a_failing_endpoint_is_unavailable_and_left_alone_for_a_while() {
    let world = World::new().await;
    world.endpoint.answers(503, "busy");
    assert_eq!(world.token().await, Err(AuthError::Unavailable));
    assert_eq!(world.refresh().await, Err(AuthError::Unavailable));
    assert_eq!(world.endpoint.asked().len(), 1);
    world.clock.advance_ms(5_000);
    world.endpoint.answers(200, GRANTED);
    assert_eq!(world.token().await.unwrap(), "access-2");
}

#[tokio::test]
async fn a_failed_refresh_does_not_lose_a_token_that_is_still_good() {
    let world = World::new().await;
    world.token().await.unwrap();
    world.clock.advance_ms(10_000);
    world.endpoint.answers(503, "busy");
    assert_eq!(world.refresh().await, Err(AuthError::Unavailable));
    assert_eq!(world.token().await.unwrap(), "access-1");
}

#[tokio::test]
async fn a_rotated_refresh_token_is_stored_and_used_next() {
    let world = World::new().await;
    world.endpoint.answers(200, r#"{"access_token":"access-{n}","expires_in":3600,"refresh_token":"refresh-{n}"}"#);
    world.token().await.unwrap();
    assert!(world.stored().await.contains("refresh-1"));
    assert_eq!(world.token().await.unwrap(), "access-1", "the change of settings is our own");
    world.clock.advance_ms(3_600_000);
    assert_eq!(world.token().await.unwrap(), "access-2");
    assert_eq!(world.endpoint.asked()[1]["refresh_token"], "refresh-1");
}

#[tokio::test]
async fn a_public_client_names_its_scope_and_keeps_the_newest_token() {
    let world = World::new().await;
    world.endpoint.answers(200, GRANTED_ANEW);
    let first = microsoft(&world.url, "refresh-0");
    world.store.put_connection(connection("t", "c", &first)).await.unwrap();
    assert_eq!(world.token().await.unwrap(), "access-1");
    world.clock.advance_ms(4_000_000);
    assert_eq!(world.token().await.unwrap(), "access-2");
    let asked = world.endpoint.asked();
    assert_eq!(asked[0]["scope"], "offline_access Calendars.ReadWrite");
    assert!(!asked[0].contains_key("client_secret"));
    assert_eq!((asked[0]["refresh_token"].as_str(), asked[1]["refresh_token"].as_str()), ("refresh-0", "refresh-1"));
    // A server that starts again is told the first token by its settings, and goes on with the newest.
    let kept: Grant = serde_json::from_str(&world.stored().await).unwrap();
    let kept_on = serde_json::to_string(&first.going_on_from(&kept)).unwrap();
    assert_eq!(kept_on, world.stored().await);
    assert!(kept_on.contains("refresh-2") && !kept_on.contains("refresh-0"), "{kept_on}");
}

#[tokio::test]
async fn a_refusal_is_final_only_when_a_person_has_to_act() {
    let world = World::new().await;
    world.store.put_connection(connection("t", "c", &microsoft(&world.url, "r"))).await.unwrap();
    let text = "AADSTS700082: invalid_grant, interaction_required. Trace ID: 1";
    let cases = [
        (400, "temporarily_unavailable", "[90033]", AuthError::Unavailable),
        (503, "invalid_grant", "[700082]", AuthError::Unavailable),
        (401, "invalid_client", "[7000222]", AuthError::Unavailable),
        (400, "interaction_required", "[50076]", AuthError::Revoked),
        (400, "invalid_grant", "[65001]", AuthError::Revoked),
    ];
    for (status, error, codes, expected) in cases {
        world.clock.advance_ms(5_000);
        let body = format!(r#"{{"error":"{error}","error_description":"{text}","error_codes":{codes}}}"#);
        world.endpoint.answers(status, &body);
        assert_eq!(world.token().await, Err(expected), "{status} {error}");
    }
    assert!(world.stored().await.contains("\"r\""), "a refusal changed the grant");
}

#[tokio::test]
async fn a_silent_endpoint_is_unavailable() {
    let world = World::with(|_, bounds| EgressOptions { timeout_ms: 1, ..bounds }).await;
    assert_eq!(world.token().await, Err(AuthError::Unavailable));
}

#[tokio::test]
async fn a_caller_that_gives_up_does_not_lose_a_rotated_token() {
    let world = World::new().await;
    world.endpoint.answers(200, r#"{"access_token":"a","expires_in":3600,"refresh_token":"refresh-{n}"}"#);
    let gave_up = tokio::time::timeout(Duration::from_millis(5), world.token()).await;
    assert!(gave_up.is_err());
    // The next caller waits for the same request.
    assert_eq!(world.token().await.unwrap(), "a");
    assert_eq!(world.endpoint.asked().len(), 1);
    assert!(world.stored().await.contains("refresh-1"));
}

#[tokio::test]
async fn an_account_connected_again_meanwhile_keeps_its_new_token() {
    let world = World::new().await;
    world.endpoint.answers(200, r#"{"access_token":"access-{n}","expires_in":3600,"refresh_token":"rotated-{n}"}"#);
    let connect_again = async {
        while world.endpoint.asked().is_empty() {
            tokio::task::yield_now().await;
        }
        world.store.put_connection(connection("t", "c", &grant(&world.url, "refresh-new"))).await.unwrap();
    };
    let (token, ()) = futures_util::future::join(world.token(), connect_again).await;
    assert_eq!(token.unwrap(), "access-1");
    assert!(world.stored().await.contains("refresh-new"), "the rotated token of the old grant took its place");
    world.clock.advance_ms(5_000);
    assert_eq!(world.token().await.unwrap(), "access-2");
    assert_eq!(world.endpoint.asked()[1]["refresh_token"], "refresh-new");
}

#[tokio::test]
async fn token_hosts_have_to_be_on_the_list() {
    let world = World::with(|_, bounds| EgressOptions { allow_plain: Vec::new(), ..bounds }).await;
    assert_eq!(world.token().await, Err(AuthError::Unavailable));
    assert!(world.endpoint.asked().is_empty());
}

#[tokio::test]
async fn a_plain_access_token_is_what_the_store_says_now() {
    let world = World::new().await;
    let put = async |token: &str| {
        let grant = Grant::AccessToken { token: token.into() };
        world.store.put_connection(connection("t", "c", &grant)).await.unwrap();
    };
    put("one").await;
    assert_eq!(world.token().await.unwrap(), "one");
    put("two").await;
    assert_eq!(world.token().await.unwrap(), "two");
    assert_eq!(world.refresh().await.unwrap(), "two");
    assert!(world.endpoint.asked().is_empty());
}

#[tokio::test]
async fn unknown_unreadable_and_revoked_connections_have_no_token() {
    let world = World::new().await;
    assert!(matches!(world.credentials.token("t", "nobody").await, Err(AuthError::Missing)));
    assert!(matches!(world.credentials.token("other", "c").await, Err(AuthError::Missing)));
    let row = connection("t", "c", &grant(&world.url, "x"));
    let unreadable = tandem_host::store::ConnectionRow { settings: "{}".into(), ..row.clone() };
    world.store.put_connection(unreadable).await.unwrap();
    assert_eq!(world.token().await, Err(AuthError::Missing));
    world.store.put_connection(tandem_host::store::ConnectionRow { revoked: true, ..row }).await.unwrap();
    assert_eq!(world.token().await, Err(AuthError::Revoked));
    assert!(world.endpoint.asked().is_empty());
}

#[tokio::test]
async fn nothing_prints_a_secret() {
    let world = World::new().await;
    let (token, _) = world.credentials.token("t", "c").await.unwrap();
    let printed = format!("{token:?} {:?} {:?}", grant(&world.url, "refresh-0"), world.credentials);
    for secret in ["access", "refresh-0", "s&cret"] {
        assert!(!printed.contains(secret), "{printed}");
    }
}
