//! A simulated Google Calendar.
//!
//! Invariant: all of it is one deterministic state machine behind a lock: the same seed, clock and requests give the
//! same answers. The rules are those of the provider's documentation; open points are switches of [`Config`].

mod auth;
mod body;
mod calendar_list;
mod config;
mod error;
mod expand;
mod generate;
mod god;
mod list;
mod oracle;
mod params;
mod route;
mod rule;
mod series;
mod split;
mod state;
mod time;
mod token;
mod view;
mod watch;
mod write;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use config::Config;
pub use error::ApiError;
pub use state::{Counters, LogLine, Role};

use crate::clock::Clock;
use crate::faults::FaultKind;
use crate::http::{Answer, Notification, Provider, SimRequest, SimResponse};
use route::Route;
use state::State;

/// A simulated Google Calendar. Clones share the same state.
#[derive(Clone)]
pub struct Google {
    state: Arc<Mutex<State>>,
    clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for Google {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Google").finish_non_exhaustive()
    }
}

impl Google {
    /// An empty Google: no accounts, no calendars.
    #[must_use]
    pub fn new(config: Config, clock: Arc<dyn Clock>) -> Self {
        Self { state: Arc::new(Mutex::new(State::new(config))), clock }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.now_ms = self.clock.now_ms();
        state
    }

    /// Answers one request, with the faults that are planned.
    #[must_use]
    pub fn handle(&self, request: &SimRequest) -> SimResponse {
        let state = &mut *self.lock();
        let path = request.path().to_owned();
        let mut account = String::new();
        let (name, response) = match Route::find(&request.method, &path) {
            Err(error) => ("unknown", SimResponse::Answer(error.into_answer())),
            Ok(route) => (route.name, serve(state, &route, request, &mut account)),
        };
        let status = response.status();
        *state.counters.requests.entry(name.to_owned()).or_default() += 1;
        *state.counters.statuses.entry(status.unwrap_or(0)).or_default() += 1;
        let secret = matches!(name, "token" | "revoke");
        let query = request.url.split_once('?').filter(|_| !secret).map(|(_, query)| format!("?{query}"));
        state.log(LogLine {
            at_ms: state.now_ms,
            method: request.method.clone(),
            path: format!("{path}{}", query.unwrap_or_default()),
            name: name.to_owned(),
            account,
            status,
        });
        response
    }

    /// Takes the pushes due at `now_ms` (milliseconds since the Unix epoch), in the order of sending.
    #[must_use]
    pub fn take_notifications(&self, now_ms: i64) -> Vec<Notification> {
        watch::take(&mut self.lock(), now_ms)
    }

    /// When the next push is due, in milliseconds since the Unix epoch; none when none waits.
    #[must_use]
    pub fn next_notification_at(&self) -> Option<i64> {
        self.lock().outbox.keys().next().map(|(due, _)| *due)
    }

    /// Tells how a push was answered (none: not at all); 500, 502, 503, 504 and none bring it back later.
    pub fn notification_answered(&self, notification: Notification, status: Option<u16>) {
        watch::answered(&mut self.lock(), notification, status);
    }
}

impl Provider for Google {
    fn handle(&self, request: SimRequest) -> SimResponse {
        Google::handle(self, &request)
    }

    fn take_notifications(&self, now_ms: i64) -> Vec<Notification> {
        Google::take_notifications(self, now_ms)
    }

    fn notification_answered(&self, notification: Notification, status: Option<u16>) {
        Google::notification_answered(self, notification, status);
    }

    fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }
}

/// Applies the request unless a fault says otherwise.
fn serve(state: &mut State, route: &Route, request: &SimRequest, account: &mut String) -> SimResponse {
    let fault = state.faults.strike(request, route.name == "events.list");
    let refused = match &fault {
        Some(FaultKind::LostRequest) => return SimResponse::NoAnswer,
        Some(FaultKind::TooManyRequests { retry_after_s }) => {
            let mut error = ApiError::too_many();
            error.headers.extend(retry_after_s.map(|s| ("retry-after".to_owned(), s.to_string())));
            Some(error)
        }
        Some(FaultKind::RateLimited) => Some(ApiError::rate_limit()),
        Some(FaultKind::UserRateLimited) => Some(ApiError::user_rate()),
        Some(FaultKind::QuotaExceeded) => Some(ApiError::quota_exceeded()),
        Some(FaultKind::ServerError(status)) => Some(ApiError::backend(*status)),
        Some(FaultKind::FullSyncRequired) => Some(ApiError::full_sync()),
        Some(FaultKind::Unauthorized) => Some(ApiError::unauthorized()),
        Some(FaultKind::PreconditionFailed) => Some(ApiError::precondition()),
        Some(FaultKind::Raw { status, body }) => {
            let headers = vec![("content-type".to_owned(), "application/json; charset=UTF-8".to_owned())];
            return SimResponse::Answer(Answer { status: *status, headers, body: body.clone().into_bytes() });
        }
        _ => None,
    };
    if let Some(error) = refused {
        return SimResponse::Answer(error.into_answer());
    }
    let empty_page = fault == Some(FaultKind::EmptyPage);
    let answered = route::answer(state, route, request, empty_page, account);
    match fault {
        Some(FaultKind::LostAnswer) => SimResponse::NoAnswer,
        Some(FaultKind::Truncated) => SimResponse::Answer(answered.unwrap_or_else(ApiError::into_answer).truncated()),
        Some(FaultKind::ServerErrorAfterApplying(status)) => {
            SimResponse::Answer(ApiError::backend(status).into_answer())
        }
        _ => SimResponse::Answer(answered.unwrap_or_else(ApiError::into_answer)),
    }
}
