//! The router with its fakes, requests into it, and rows to read.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::body::Body;
use axum::extract::ConnectInfo;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tandem_host::bindings::exports::tandem::calendar::conflicts::{Choice, ResolveError};
use tandem_host::bindings::exports::tandem::calendar::editing::{Action, Applied, DroppedOverride, Edit, EditError};
use tandem_host::bindings::exports::tandem::calendar::recurrence::{
    ExplainError, Explanation, OccurrencePage, Question, Window, WindowError,
};
use tandem_host::bindings::exports::tandem::calendar::sync::StepError;
use tandem_host::bindings::exports::tandem::calendar::webhooks as wit;
use tandem_host::bindings::tandem::calendar::types::Event;
use tandem_host::clock::ManualClock;
use tandem_host::config::Secret;
use tandem_host::http::{Api, Calls, router};
use tandem_host::runtime::Trap;
use tandem_host::store::CalendarRow;
use tower::ServiceExt as _;

use crate::store::{MemoryStore, Rows};

/// The bearer token of these tests.
pub(crate) const TOKEN: &str = "0123456789abcdef";
/// The time of these tests.
pub(crate) const NOW_MS: u64 = 1_772_442_000_000;

/// A component that notes what it is asked and answers what it is told.
#[derive(Default)]
pub(crate) struct Script {
    pub(crate) edits: Mutex<Vec<(String, Edit)>>,
    pub(crate) windows: Mutex<Vec<Window>>,
    pub(crate) webhooks: Mutex<Vec<wit::Request>>,
    pub(crate) calls: Mutex<Vec<String>>,
    pub(crate) edit_error: Mutex<Option<EditError>>,
    pub(crate) dropped: Mutex<Vec<DroppedOverride>>,
    pub(crate) questions: Mutex<Vec<Question>>,
    pub(crate) explanation: Mutex<Option<Explanation>>,
    pub(crate) window: Mutex<Option<Result<OccurrencePage, WindowError>>>,
    pub(crate) webhook: Mutex<Option<wit::Response>>,
    pub(crate) resolve_error: Mutex<Option<ResolveError>>,
    pub(crate) step_error: Mutex<Option<StepError>>,
    pub(crate) trap: Mutex<bool>,
}

impl Script {
    fn trap(&self) -> Result<(), Trap> {
        if *self.trap.lock().unwrap() { Err(Trap("wasm trap: unreachable".into())) } else { Ok(()) }
    }
    fn step(&self) -> Result<(), StepError> {
        self.step_error.lock().unwrap().clone().map_or(Ok(()), Err)
    }
}

#[async_trait]
impl Calls for Script {
    async fn receive(&self, request: wit::Request) -> Result<wit::Response, Trap> {
        self.trap()?;
        self.webhooks.lock().unwrap().push(request);
        Ok(self.webhook.lock().unwrap().clone().unwrap())
    }
    async fn apply(&self, tenant: &str, edit: Edit) -> Result<Result<Applied, EditError>, Trap> {
        self.trap()?;
        self.edits.lock().unwrap().push((tenant.to_string(), edit.clone()));
        if let Some(error) = self.edit_error.lock().unwrap().clone() {
            return Ok(Err(error));
        }
        let document = match &edit.action {
            Action::Create(text) | Action::Patch(text) | Action::Replace(text) => text.clone(),
            Action::Delete => "{}".into(),
        };
        let uid = edit.uid.unwrap_or_else(|| "made/up@example".into());
        let revision = edit.expected_revision.unwrap_or(0) + 1;
        let event = Event { revision, deleted: edit.action == Action::Delete, document, ..event(&uid) };
        Ok(Ok(Applied { event, dropped: self.dropped.lock().unwrap().clone() }))
    }
    async fn occurrences(&self, _: &str, window: Window) -> Result<Result<OccurrencePage, WindowError>, Trap> {
        self.trap()?;
        self.windows.lock().unwrap().push(window);
        Ok(self.window.lock().unwrap().clone().unwrap())
    }
    async fn explain(&self, _: &str, question: Question) -> Result<Result<Explanation, ExplainError>, Trap> {
        self.trap()?;
        self.questions.lock().unwrap().push(question);
        Ok(self.explanation.lock().unwrap().clone().ok_or(ExplainError::NotFound))
    }
    async fn resolve(
        &self,
        tenant: &str,
        conflict: &str,
        choice: Choice,
        decided_by: &str,
    ) -> Result<Result<(), ResolveError>, Trap> {
        self.trap()?;
        self.calls.lock().unwrap().push(format!("resolve {tenant} {conflict} {choice:?} {decided_by}"));
        Ok(self.resolve_error.lock().unwrap().clone().map_or(Ok(()), Err))
    }
    async fn answer_guard(&self, tenant: &str, replica: &str, accept: bool) -> Result<Result<(), StepError>, Trap> {
        self.trap()?;
        self.calls.lock().unwrap().push(format!("answer-guard {tenant} {replica} {accept}"));
        Ok(self.step())
    }
    async fn stop_channels(&self, tenant: &str, replica: &str) -> Result<Result<(), StepError>, Trap> {
        self.trap()?;
        self.calls.lock().unwrap().push(format!("stop-channels {tenant} {replica}"));
        Ok(self.step())
    }
}

/// A server in memory.
pub(crate) struct World {
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) script: Arc<Script>,
    pub(crate) api: Api,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).expect("a JSON body")
    }

    /// The body of a success with this status.
    #[track_caller]
    pub(crate) fn ok(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.bytes));
        assert_eq!(self.header("cache-control"), "no-store");
        if self.bytes.is_empty() { Value::Null } else { self.json() }
    }

    /// The body of a problem, checked against its own headers.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16, code: &str) -> Value {
        let body = self.json();
        assert_eq!((self.status.as_u16(), body["code"].as_str().unwrap()), (status, code), "{body}");
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(body["status"], json!(status));
        assert_eq!(body["type"], json!(format!("urn:tandem:problem:{code}")));
        assert!(!body["title"].as_str().unwrap().is_empty() && !body["detail"].as_str().unwrap().is_empty());
        body
    }
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with_token(Some(TOKEN))
    }

    pub(crate) fn with_token(token: Option<&str>) -> Self {
        let store = Arc::new(MemoryStore::default());
        let calendar = CalendarRow {
            tenant: "acme".into(),
            id: "work".into(),
            name: "Work".into(),
            time_zone: "Europe/Berlin".into(),
        };
        store.rows.lock().unwrap().calendars.push(calendar);
        let script = Arc::new(Script::default());
        let clock = Arc::new(ManualClock::new(NOW_MS));
        let token = token.map(|token| Secret::new(token.into()));
        let api = Api::new(store.clone(), script.clone(), clock, token.as_ref());
        Self { store, script, api }
    }

    pub(crate) fn rows(&self) -> std::sync::MutexGuard<'_, Rows> {
        self.store.rows.lock().unwrap()
    }

    pub(crate) fn put(&self, event: Event) {
        self.rows().events.insert(event.uid.clone(), event);
    }

    /// A request as it is.
    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = router(self.api.clone()).oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes().to_vec();
        Answer { status: parts.status, headers: parts.headers, bytes }
    }

    /// A request with the token, below `/v1/tenants/acme` unless the path is absolute.
    pub(crate) async fn call(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        self.send(request(method, path, headers, body)).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call("GET", path, &[], "").await
    }

    /// A request with a JSON body.
    pub(crate) async fn json(&self, method: &str, path: &str, body: Value) -> Answer {
        self.call(method, path, &[("content-type", "application/json")], &body.to_string()).await
    }
}

pub(crate) fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Request<Body> {
    let path = if path.starts_with('/') { path.to_string() } else { format!("/v1/tenants/acme/{path}") };
    let peer: SocketAddr = "203.0.113.9:4000".parse().unwrap();
    let mut request = Request::builder().method(method).uri(path).extension(ConnectInfo(peer));
    if !headers.iter().any(|(name, _)| *name == "authorization") {
        request = request.header("authorization", format!("Bearer {TOKEN}"));
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::from(body.to_string())).unwrap()
}

/// A live event.
pub(crate) fn event(uid: &str) -> Event {
    Event {
        uid: uid.into(),
        revision: 7,
        deleted: false,
        start_ms: 1000,
        end_ms: 2000,
        recurring: false,
        updated_ms: 500,
        document: json!({"@type": "Event", "uid": uid, "title": "Lunch"}).to_string(),
    }
}
