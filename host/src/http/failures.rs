//! Failures: look at them, try again, forget.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse as _;

use super::params::{Id, Named, Params};
use super::problem::{Answer, Code, Problem};
use super::state::Api;
use super::wire::{FailureWire, List};

/// `GET /v1/tenants/{tenant}/failures`
pub(super) async fn list(State(api): State<Api>, Named(Id(tenant)): Named<Id>, params: Params) -> Answer {
    let limit = params.only(&["limit"])?.limit()?;
    let items = api.store.list_failures(&tenant, limit).await?.into_iter().map(FailureWire::to_wire).collect();
    Ok(Json(List { items }).into_response())
}

fn known(known: bool, status: StatusCode) -> Answer {
    if known {
        return Ok(status.into_response());
    }
    Err(Problem::new(Code::FailureNotFound, "it was replayed or dismissed meanwhile, or never there"))
}

/// `POST /v1/tenants/{tenant}/failures/{id}/replay`
pub(super) async fn replay(
    State(api): State<Api>,
    Named((Id(tenant), Id(id))): Named<(Id, Id)>,
    params: Params,
) -> Answer {
    params.only(&[])?;
    known(api.store.replay_failure(&tenant, &id, api.clock.now_ms()).await?, StatusCode::ACCEPTED)
}

/// `DELETE /v1/tenants/{tenant}/failures/{id}`
pub(super) async fn dismiss(
    State(api): State<Api>,
    Named((Id(tenant), Id(id))): Named<(Id, Id)>,
    params: Params,
) -> Answer {
    params.only(&[])?;
    known(api.store.dismiss_failure(&tenant, &id).await?, StatusCode::NO_CONTENT)
}
