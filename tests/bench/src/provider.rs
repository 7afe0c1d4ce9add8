//! A provider on loopback that answers with bodies made beforehand, so that it costs what sending them costs.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::Failed;
use crate::pages::Pages;

/// A channel that the component asked for.
#[derive(Clone)]
pub(crate) struct Watch {
    /// Its id.
    pub(crate) id: String,
    /// The token that the component signed.
    pub(crate) token: String,
}

#[derive(Default)]
struct Script {
    /// Bodies by page token; the first page has an empty one.
    pages: HashMap<String, Bytes>,
    /// What was not made beforehand is made when it is asked for.
    calendar: Option<(Arc<Pages>, usize)>,
    /// Bodies by sync token.
    deltas: HashMap<String, Bytes>,
    watches: Vec<Watch>,
}

/// See the module. Stops when it is dropped.
pub(crate) struct Provider {
    /// `127.0.0.1:port`.
    pub(crate) authority: String,
    script: Arc<Mutex<Script>>,
    server: JoinHandle<()>,
}

impl Provider {
    /// Listen.
    pub(crate) async fn start() -> Result<Self, Failed> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let authority = listener.local_addr()?.to_string();
        let script: Arc<Mutex<Script>> = Arc::default();
        let router = Router::new().fallback(answer).with_state(script.clone());
        let server = tokio::spawn(async move {
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { authority, script, server })
    }

    /// What a page token gives.
    pub(crate) fn put_page(&self, token: &str, body: Bytes) {
        lock(&self.script).pages.insert(token.to_owned(), body);
    }

    /// What all other page tokens give: a calendar of so many rows.
    pub(crate) fn put_calendar(&self, pages: Arc<Pages>, rows: usize) {
        lock(&self.script).calendar = Some((pages, rows));
    }

    /// What a sync token gives.
    pub(crate) fn put_delta(&self, token: &str, body: Bytes) {
        lock(&self.script).deltas.insert(token.to_owned(), body);
    }

    /// Channels so far.
    pub(crate) fn watches(&self) -> Vec<Watch> {
        lock(&self.script).watches.clone()
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn lock(script: &Mutex<Script>) -> std::sync::MutexGuard<'_, Script> {
    script.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn answer(State(script): State<Arc<Mutex<Script>>>, request: Request) -> Response {
    if request.method() == Method::POST {
        return watch(&script, request).await;
    }
    let query = request.uri().query().unwrap_or_default();
    let named = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)).map(str::to_owned);
    let one = request.uri().path().split_once("/events/").map(|(_, id)| id);
    let body = match (one, named("syncToken=")) {
        (Some(id), _) => row(&lock(&script), id),
        (None, Some(token)) => lock(&script).deltas.get(&token).cloned(),
        (None, None) => page(&lock(&script), &named("pageToken=").unwrap_or_default()),
    };
    match body {
        Some(body) => ([(header::CONTENT_TYPE, "application/json")], body).into_response(),
        None => StatusCode::NOT_IMPLEMENTED.into_response(),
    }
}

fn page(script: &Script, token: &str) -> Option<Bytes> {
    let made = || {
        let (pages, rows) = script.calendar.as_ref()?;
        Some(pages.page(token.parse().unwrap_or(0), *rows))
    };
    script.pages.get(token).cloned().or_else(made)
}

/// A single event: the engine reads exceptions again when their series changed.
fn row(script: &Script, id: &str) -> Option<Bytes> {
    script.calendar.as_ref()?.0.row_of(id)
}

async fn watch(script: &Mutex<Script>, request: Request) -> Response {
    let Ok(body) = axum::body::to_bytes(request.into_body(), 10_000).await else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let asked: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
    let text = |name: &str| asked[name].as_str().unwrap_or_default().to_owned();
    lock(script).watches.push(Watch { id: text("id"), token: text("token") });
    let granted = serde_json::json!({"id": text("id"), "resourceId": "r", "expiration": text("expiration")});
    axum::Json(granted).into_response()
}
