//! A provider on loopback that answers with bodies made beforehand, so that it costs what sending them costs. Single
//! events, and pages of calendars too large to hold, are put together from their templates when they are asked for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::Failed;
use crate::dialect::{Asked, Asking, Place, Watch};
use crate::pages::Pages;

/// Largest body of a request, in bytes.
const MAX_BODY: usize = 1 << 20;

#[derive(Default)]
struct Script {
    authority: String,
    /// What was not made beforehand is made when it is asked for: a calendar of so many rows.
    calendar: Option<(Arc<Pages>, usize)>,
    /// Pages that are ready.
    pages: HashMap<Place, Bytes>,
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
        let script = Arc::new(Mutex::new(Script { authority: authority.clone(), ..Script::default() }));
        let router = Router::new().fallback(answer).with_state(script.clone());
        let server = tokio::spawn(async move {
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { authority, script, server })
    }

    /// Have a calendar of `rows` rows, whose pages are made when they are asked for.
    pub(crate) fn put_calendar(&self, pages: Arc<Pages>, rows: usize) {
        lock(&self.script).calendar = Some((pages, rows));
    }

    /// The same, with all of its pages made now.
    pub(crate) fn prepare(&self, pages: &Arc<Pages>, rows: usize) {
        let made =
            (0..pages.count(rows)).map(|page| (Place { cursor: None, page }, pages.page(&self.authority, page, rows)));
        let made: Vec<(Place, Bytes)> = made.collect();
        lock(&self.script).pages.extend(made);
        self.put_calendar(pages.clone(), rows);
    }

    /// Make what follows cursor `number`: so many changes.
    pub(crate) fn put_delta(&self, number: usize, changes: usize) -> Result<(), Failed> {
        let (pages, rows) = lock(&self.script).calendar.clone().ok_or("there is no calendar")?;
        let delta = pages.delta(&self.authority, number, changes, rows);
        let placed = delta.into_iter().enumerate().map(|(page, body)| (Place { cursor: Some(number), page }, body));
        lock(&self.script).pages.extend(placed);
        Ok(())
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
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, MAX_BODY).await else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let asking = Asking { method: &parts.method, uri: &parts.uri, body: &body };
    match lock(&script).answer(&asking) {
        Some(body) => ([(header::CONTENT_TYPE, "application/json")], body).into_response(),
        None => StatusCode::NOT_IMPLEMENTED.into_response(),
    }
}

impl Script {
    fn answer(&mut self, asking: &Asking<'_>) -> Option<Bytes> {
        let (pages, rows) = self.calendar.as_ref()?;
        match pages.dialect.read(pages, asking)? {
            Asked::Answer(body) => Some(body),
            Asked::Listing(place) => {
                let made = || place.cursor.is_none().then(|| pages.page(&self.authority, place.page, *rows));
                self.pages.get(&place).cloned().or_else(made)
            }
            Asked::Watch(watch, granted) => {
                self.watches.push(watch);
                Some(granted)
            }
        }
    }
}
