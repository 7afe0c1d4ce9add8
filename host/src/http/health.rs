//! Whether the server works: for load balancers and people. No tenant's data.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;

use super::counters::Counts;
use super::state::Api;
use crate::scheduler::Snapshot;

#[derive(Serialize)]
struct Health {
    status: &'static str,
    version: &'static str,
    store: &'static str,
    counters: Counts,
    #[serde(skip_serializing_if = "Option::is_none")]
    sync: Option<Snapshot>,
}

/// `GET /healthz`: 200, or 503 when the store does not answer.
pub(super) async fn get(State(api): State<Api>) -> Response {
    let works = api.store.ping().await.is_ok();
    let health = Health {
        status: if works { "ok" } else { "degraded" },
        version: env!("CARGO_PKG_VERSION"),
        store: if works { "ok" } else { "unavailable" },
        counters: api.counters.counts(),
        sync: api.metrics.as_ref().map(|metrics| metrics.snapshot()),
    };
    (if works { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, Json(health)).into_response()
}
