//! Replicas: their state, and what somebody may do about it.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use serde::Deserialize;

use super::body;
use super::params::{Id, Named, Params};
use super::problem::{Answer, Code, Problem};
use super::state::Api;
use super::wire::{List, ReplicaWire};
use crate::bindings::exports::tandem::calendar::sync::StepError;
use crate::store::ReplicaStatus;

type OneReplica = Named<(Id, Id)>;

fn unknown() -> Problem {
    Problem::new(Code::ReplicaNotFound, "list the replicas of the tenant")
}

async fn existing(api: &Api, tenant: &str, replica: &str) -> Result<ReplicaStatus, Problem> {
    let statuses = api.store.replica_statuses(tenant).await?;
    statuses.into_iter().find(|status| status.id == replica).ok_or_else(unknown)
}

/// `GET /v1/tenants/{tenant}/replicas`
pub(super) async fn list(State(api): State<Api>, Named(Id(tenant)): Named<Id>, params: Params) -> Answer {
    params.only(&[])?;
    let items = api.store.replica_statuses(&tenant).await?.into_iter().map(ReplicaWire::to_wire).collect();
    Ok(Json(List { items }).into_response())
}

/// `GET /v1/tenants/{tenant}/replicas/{id}`
pub(super) async fn get(
    State(api): State<Api>,
    Named((Id(tenant), Id(replica))): OneReplica,
    params: Params,
) -> Answer {
    params.only(&[])?;
    Ok(Json(ReplicaWire::to_wire(existing(&api, &tenant, &replica).await?)).into_response())
}

/// `POST /v1/tenants/{tenant}/replicas/{id}/sync`: now, also when it is paused.
pub(super) async fn sync(
    State(api): State<Api>,
    Named((Id(tenant), Id(replica))): OneReplica,
    params: Params,
) -> Answer {
    params.only(&[])?;
    if api.store.resume(&tenant, &replica, api.clock.now_ms()).await? {
        return Ok(StatusCode::ACCEPTED.into_response());
    }
    Err(unknown())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct GuardAnswer {
    accept_deletions: bool,
}

/// `POST /v1/tenants/{tenant}/replicas/{id}/answer-guard`
pub(super) async fn answer_guard(
    State(api): State<Api>,
    Named((Id(tenant), Id(replica))): OneReplica,
    params: Params,
    request: Request,
) -> Answer {
    params.only(&[])?;
    let answer: GuardAnswer = body::value(request).await?;
    api.calls.answer_guard(&tenant, &replica, answer.accept_deletions).await??;
    // The component has noted the answer; the scheduler still has the replica down as paused.
    if api.store.resume(&tenant, &replica, api.clock.now_ms()).await? {
        return Ok(StatusCode::ACCEPTED.into_response());
    }
    Err(unknown())
}

/// `DELETE /v1/tenants/{tenant}/replicas/{id}`: end its channels, then forget it. The events stay on both sides.
pub(super) async fn remove(
    State(api): State<Api>,
    Named((Id(tenant), Id(replica))): OneReplica,
    params: Params,
) -> Answer {
    params.only(&[])?;
    existing(&api, &tenant, &replica).await?;
    match api.calls.stop_channels(&tenant, &replica).await? {
        // Removed by somebody else between the two: that is what was asked for.
        Ok(()) | Err(StepError::NotFound) => {}
        Err(error) => return Err(error.into()),
    }
    api.store.remove_replica(&tenant, &replica).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
