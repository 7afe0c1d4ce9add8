//! A simulated Microsoft Graph, as far as calendars need it.
//!
//! Invariant: all of it is one deterministic state machine behind a lock: the same seed, clock and requests give the
//! same answers. The rules are those of the provider's documentation and of recorded observations; where these
//! contradict each other, a switch of [`Config`] decides.

mod auth;
mod batch;
mod body;
mod calendar_list;
mod config;
mod delta;
mod error;
mod expand;
mod extension;
mod generate;
mod god;
mod html;
mod ids;
mod list;
mod meeting;
mod notify;
mod params;
mod route;
mod rule;
mod series;
mod split;
mod state;
mod time;
mod token;
mod truth;
mod view;
mod watch;
mod write;
mod zones;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use config::{
    Bound, Config, EventsDelta, ExceptionReset, LostToken, OccurrenceNotice, OccurrenceRows, RemovedReason,
    RepeatedTransaction, SeriesRemoval, ShortMonth,
};
pub use error::ApiError;
pub use state::{Counters, LogLine};
pub use truth::named;

use crate::clock::Clock;
use crate::faults::FaultKind;
use crate::http::{Answer, Notification, Provider, Question, Served, SimRequest, SimResponse, encode};
use route::{Refusal, Route};
use series::Target;
use state::State;

/// A simulated Microsoft Graph. Clones share the same state.
#[derive(Clone)]
pub struct Microsoft {
    state: Arc<Mutex<State>>,
    clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for Microsoft {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Microsoft").finish_non_exhaustive()
    }
}

impl Microsoft {
    /// An empty Microsoft: no accounts, no calendars.
    #[must_use]
    pub fn new(config: Config, clock: Arc<dyn Clock>) -> Self {
        Self { state: Arc::new(Mutex::new(State::new(config))), clock }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.now_ms = self.clock.now_ms();
        pass_time(&mut state);
        state
    }

    /// Answers one request, with the faults that are planned. A new webhook's handshake is taken as passed or as
    /// failed (`Config::trust_webhooks`); [`Microsoft::serve`] asks the webhook instead.
    #[must_use]
    pub fn handle(&self, request: &SimRequest) -> SimResponse {
        let mut outcome = self.serve(request);
        loop {
            match outcome {
                Served::Done(response) => return response,
                Served::Ask(question) => {
                    let trusts = self.lock().config.trust_webhooks;
                    let proof = trusts.then(|| Answer {
                        status: 200,
                        headers: vec![("content-type".to_owned(), "text/plain".to_owned())],
                        body: handshake_token(&question).into_bytes(),
                    });
                    outcome = self.resume(*question, proof.as_ref());
                }
            }
        }
    }

    /// Answers one request, or asks first: a new webhook has to prove itself before its subscription is answered.
    /// The question's `call` is to be carried out and its answer given to [`Microsoft::resume`].
    #[must_use]
    pub fn serve(&self, request: &SimRequest) -> Served {
        let state = &mut *self.lock();
        let fault = strike(state, request);
        advance(state, request.clone(), fault, Vec::new())
    }

    /// Goes on with a request after its question was answered (none: not at all).
    #[must_use]
    pub fn resume(&self, question: Question, answer: Option<&Answer>) -> Served {
        let plain = |answer: &&Answer| answer.header("content-type").is_some_and(|kind| kind.starts_with("text/plain"));
        let token = handshake_token(&question);
        let proof = answer.filter(plain).is_some_and(|answer| answer.status == 200 && answer.body == token.as_bytes());
        let mut proofs = question.proofs;
        proofs.push(proof);
        advance(&mut self.lock(), question.request, question.fault, proofs)
    }

    /// Takes the notifications due at `now_ms` (milliseconds since the Unix epoch), in the order of sending.
    #[must_use]
    pub fn take_notifications(&self, now_ms: i64) -> Vec<Notification> {
        notify::take(&mut self.lock(), now_ms)
    }

    /// When the next notification is due, in milliseconds since the Unix epoch; none when none waits.
    #[must_use]
    pub fn next_notification_at(&self) -> Option<i64> {
        self.lock().outbox.keys().next().map(|(due, _)| *due)
    }

    /// Tells how a notification was answered (none: not at all); anything but 2xx brings it back later.
    pub fn notification_answered(&self, notification: Notification, status: Option<u16>) {
        notify::answered(&mut self.lock(), notification, status);
    }

    /// Tells that a request is under way. Too many of one mailbox are refused with 429 at once; what is let in ends
    /// with [`Microsoft::left`]. Callers that make one request after the other need neither.
    #[must_use]
    pub fn arrived(&self, request: &SimRequest) -> Option<SimResponse> {
        let state = &mut *self.lock();
        let name = auth::owner(state, request)?;
        let limit = state.config.concurrent_requests;
        let account = state.accounts.get_mut(&name)?;
        if limit.is_some_and(|limit| account.under_way >= limit) {
            let refused = Ok(Err(ApiError::concurrency()));
            return Some(finish(state, request, "throttled", &name, refused));
        }
        account.under_way += 1;
        // The token may end before the request does.
        let bearer = request.header("authorization").unwrap_or_default().to_owned();
        state.under_way.insert(bearer, name);
        state.counters.most_under_way = state.counters.most_under_way.max(account.under_way);
        None
    }

    /// Tells that a request that was let in has been answered.
    pub fn left(&self, request: &SimRequest) {
        let state = &mut *self.lock();
        let name = request.header("authorization").and_then(|bearer| state.under_way.get(bearer));
        if let Some(account) = name.and_then(|name| state.accounts.get_mut(name)) {
            account.under_way = account.under_way.saturating_sub(1);
        }
    }
}

impl Provider for Microsoft {
    fn handle(&self, request: SimRequest) -> SimResponse {
        Microsoft::handle(self, &request)
    }

    fn serve(&self, request: SimRequest) -> Served {
        Microsoft::serve(self, &request)
    }

    fn resume(&self, question: Question, answer: Option<Answer>) -> Served {
        Microsoft::resume(self, question, answer.as_ref())
    }

    fn arrived(&self, request: &SimRequest) -> Option<SimResponse> {
        Microsoft::arrived(self, request)
    }

    fn left(&self, request: &SimRequest) {
        Microsoft::left(self, request);
    }

    fn latency_ms(&self) -> u64 {
        self.lock().config.latency_ms
    }

    fn push_timeout_ms(&self) -> u64 {
        self.lock().config.push_timeout_ms
    }

    fn take_notifications(&self, now_ms: i64) -> Vec<Notification> {
        Microsoft::take_notifications(self, now_ms)
    }

    fn notification_answered(&self, notification: Notification, status: Option<u16>) {
        Microsoft::notification_answered(self, notification, status);
    }

    fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }
}

/// What happens by itself: change keys drift, subscriptions end.
fn pass_time(state: &mut State) {
    let later = state.drifts.split_off(&(state.now_ms.saturating_add(1), String::new()));
    for (due_ms, core) in std::mem::replace(&mut state.drifts, later) {
        let Some(calendar) = state.homes.get(&core).cloned() else { continue };
        let found = state.calendars.get(&calendar).and_then(|calendar| calendar.items.get(&core)).cloned();
        let Some(mut item) = found.filter(|item| !item.deleted) else { continue };
        item.change = state.next_change();
        if state.config.drift_is_listed {
            state.put(&calendar, item);
            // It was then, though nobody has looked since.
            let drifted = state.calendars.get_mut(&calendar).and_then(|calendar| calendar.items.get_mut(&core));
            if let Some(item) = drifted {
                item.changed_ms = due_ms;
            }
            watch::changed(state, &Target { calendar, core, original_ms: None }, "updated");
        } else if let Some(calendar) = state.calendars.get_mut(&calendar) {
            calendar.items.insert(core, item);
        }
    }
    watch::pass_time(state);
}

fn strike(state: &mut State, request: &SimRequest) -> Option<FaultKind> {
    let path = request.path();
    let listing = Route::find(&request.method, path).is_ok_and(|route| route.is_listing());
    state.faults.strike(request, listing)
}

/// The token that a webhook has to send back.
fn handshake_token(question: &Question) -> String {
    let pairs = question.call.query();
    pairs.into_iter().rev().find(|(name, _)| name == "validationToken").map(|(_, token)| token).unwrap_or_default()
}

/// Serves a request up to its answer or to its next question.
fn advance(state: &mut State, request: SimRequest, fault: Option<FaultKind>, proofs: Vec<bool>) -> Served {
    match attempt(state, &request, fault.clone(), &proofs) {
        Ok(response) => Served::Done(response),
        Err(url) => {
            let id = ids::uuid(61, state.random.bits());
            let token =
                format!("Validation: Testing client application reachability for subscription Request-Id: {id}");
            let mut encoded = encode(&token);
            if state.config.handshake_plus {
                encoded = encoded.replace("%20", "+");
            }
            let mark = if url.contains('?') { '&' } else { '?' };
            let call = SimRequest::new("POST", &format!("{url}{mark}validationToken={encoded}"))
                .with_header("content-type", "text/plain; charset=utf-8");
            Served::Ask(Box::new(Question { call, request, fault, proofs }))
        }
    }
}

/// A request inside a batch, with the fault of its own that hit it; an error when it would have to ask first.
fn perform(state: &mut State, request: &SimRequest) -> Result<(SimResponse, Option<FaultKind>), String> {
    let fault = strike(state, request);
    Ok((attempt(state, request, fault.clone(), &[])?, fault))
}

/// Applies the request unless a fault says otherwise; an error is a URL that has to prove itself first.
fn attempt(
    state: &mut State,
    request: &SimRequest,
    fault: Option<FaultKind>,
    proofs: &[bool],
) -> Result<SimResponse, String> {
    let path = request.path().to_owned();
    let mut account = String::new();
    let (name, outcome) = match Route::find(&request.method, &path) {
        Err(error) => ("unknown", Ok(Err(error))),
        Ok(route) => (route.name, apply(state, &route, request, &fault, proofs, &mut account)?),
    };
    Ok(finish(state, request, name, &account, outcome))
}

/// An answer or a refusal; none when the connection ends without one.
type Outcome = Result<Result<Answer, ApiError>, ()>;

fn apply(
    state: &mut State,
    route: &Route,
    request: &SimRequest,
    fault: &Option<FaultKind>,
    proofs: &[bool],
    account: &mut String,
) -> Result<Outcome, String> {
    let refused = match fault {
        Some(FaultKind::LostRequest) => return Ok(Err(())),
        Some(FaultKind::TooManyRequests { retry_after_s }) => {
            let mut error = ApiError::concurrency();
            error.headers.extend(retry_after_s.map(|s| ("retry-after".to_owned(), s.to_string())));
            Some(error)
        }
        Some(FaultKind::RateLimited | FaultKind::UserRateLimited | FaultKind::QuotaExceeded) => {
            Some(ApiError::too_many())
        }
        Some(FaultKind::ServerError(status)) => Some(ApiError::unknown(*status)),
        Some(FaultKind::FullSyncRequired) => Some(delta::lost_error(state.config.lost_token, 108, || {
            format!("https://graph.microsoft.com{}", request.path())
        })),
        Some(FaultKind::Unauthorized) => Some(ApiError::unauthorized()),
        Some(FaultKind::PreconditionFailed) => Some(ApiError::precondition()),
        Some(FaultKind::Raw { status, body }) => {
            let headers = vec![("content-type".to_owned(), error::JSON.to_owned())];
            return Ok(Ok(Ok(Answer { status: *status, headers, body: body.clone().into_bytes() })));
        }
        _ => None,
    };
    if let Some(error) = refused {
        return Ok(Ok(Err(error)));
    }
    let empty_page = *fault == Some(FaultKind::EmptyPage);
    let answered = match route::answer(state, route, request, empty_page, proofs, account) {
        Ok(answer) => Ok(answer),
        Err(Refusal::Error(error)) => Err(error),
        Err(Refusal::Ask(url)) => return Err(url),
    };
    Ok(match fault {
        Some(FaultKind::LostAnswer) => Err(()),
        Some(FaultKind::ServerErrorAfterApplying(status)) => Ok(Err(ApiError::unknown(*status))),
        Some(FaultKind::Truncated) => Ok(answered.map(Answer::truncated)),
        _ => Ok(answered),
    })
}

/// Counts and logs a request, and makes its response.
fn finish(state: &mut State, request: &SimRequest, name: &str, account: &str, outcome: Outcome) -> SimResponse {
    state.served += 1;
    let (now_ms, served) = (state.now_ms, state.served);
    let response = match outcome {
        Err(()) => SimResponse::NoAnswer,
        Ok(answered) => SimResponse::Answer(answered.unwrap_or_else(|error| error.into_answer(now_ms, served))),
    };
    let status = response.status();
    *state.counters.requests.entry(name.to_owned()).or_default() += 1;
    *state.counters.statuses.entry(status.unwrap_or(0)).or_default() += 1;
    let query = request.url.split_once('?').filter(|_| name != "token").map(|(_, query)| format!("?{query}"));
    state.log(LogLine {
        at_ms: now_ms,
        method: request.method.clone(),
        path: format!("{}{}", request.path(), query.unwrap_or_default()),
        name: name.to_owned(),
        account: account.to_owned(),
        status,
    });
    response
}
