//! One log line and one id for each request. The line holds the route's template, never the path: uids, titles,
//! addresses and tokens stay out of the log.

use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use data_encoding::HEXLOWER;

use super::limits;
use super::problem::Code;
use super::state::Api;

/// The header of a request's id, in both directions.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The layer around everything.
pub(super) async fn record(State(api): State<Api>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = request.headers().get(&REQUEST_ID).filter(|id| acceptable(id)).cloned().unwrap_or_else(fresh);
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let mut response = next.run(request).await;
    let status = response.status().as_u16();
    api.counters.request(status);
    tracing::info!(
        request = id.to_str().unwrap_or_default(),
        method = known_method(&method),
        route = route.as_ref().map_or("-", MatchedPath::as_str),
        status,
        code = response.extensions().get::<Code>().map_or("", |code| code.as_str()),
        ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        "request"
    );
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

/// A method may be any word, so a caller could write into the log with it.
fn known_method(method: &axum::http::Method) -> &'static str {
    ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
        .into_iter()
        .find(|known| *known == method.as_str())
        .unwrap_or("other")
}

/// An id of a proxy in front is kept, so that its log and this one can be read together.
fn acceptable(id: &HeaderValue) -> bool {
    id.len() <= limits::REQUEST_ID_BYTES && id.to_str().is_ok_and(crate::config::is_id)
}

fn fresh() -> HeaderValue {
    let mut bytes = [0; 8];
    // Without randomness the ids are all zero: the log is poorer, the request is served.
    let _ = getrandom::fill(&mut bytes);
    HeaderValue::from_str(&HEXLOWER.encode(&bytes)).unwrap_or_else(|_| HeaderValue::from_static("-"))
}
