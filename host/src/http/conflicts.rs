//! Conflicts: look at them, and decide.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use serde::Deserialize;

use super::body;
use super::params::{Id, Named, Params, invalid};
use super::problem::{Answer, Code, Problem};
use super::state::Api;
use super::wire::{ConflictWire, List};
use crate::bindings::exports::tandem::calendar::conflicts::Choice;

/// `GET /v1/tenants/{tenant}/conflicts`
pub(super) async fn list(State(api): State<Api>, Named(Id(tenant)): Named<Id>, params: Params) -> Answer {
    let params = params.only(&["state", "limit"])?;
    let open_only = match params.text("state") {
        None | Some("open") => true,
        Some("all") => false,
        Some(_) => return Err(invalid("state", "write open or all")),
    };
    let conflicts = api.store.list_conflicts(&tenant, open_only, params.limit()?).await?;
    let items = conflicts.into_iter().map(ConflictWire::to_wire).collect::<Result<_, _>>()?;
    Ok(Json(List { items }).into_response())
}

/// `GET /v1/tenants/{tenant}/conflicts/{id}`
pub(super) async fn get(
    State(api): State<Api>,
    Named((Id(tenant), Id(id))): Named<(Id, Id)>,
    params: Params,
) -> Answer {
    params.only(&[])?;
    let Some(conflict) = api.store.load_conflict(&tenant, &id).await? else {
        return Err(Problem::new(Code::ConflictNotFound, "list the conflicts again"));
    };
    Ok(Json(ConflictWire::to_wire(conflict)?).into_response())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Decision {
    choice: ChoiceWire,
    decided_by: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum ChoiceWire {
    KeepOutcome,
    UseLocal,
    UseRemote,
}

/// `POST /v1/tenants/{tenant}/conflicts/{id}/resolve`
pub(super) async fn resolve(
    State(api): State<Api>,
    Named((Id(tenant), Id(id))): Named<(Id, Id)>,
    params: Params,
    request: Request,
) -> Answer {
    params.only(&[])?;
    let decision: Decision = body::value(request).await?;
    let decided_by = decision.decided_by.trim();
    if !(1..=200).contains(&decided_by.chars().count()) || decided_by.chars().any(char::is_control) {
        return Err(Problem::new(Code::InvalidJson, "decidedBy: write 1 to 200 characters on one line"));
    }
    let choice = match decision.choice {
        ChoiceWire::KeepOutcome => Choice::KeepOutcome,
        ChoiceWire::UseLocal => Choice::UseLocal,
        ChoiceWire::UseRemote => Choice::UseRemote,
    };
    api.calls.resolve(&tenant, &id, choice, decided_by).await??;
    api.changed();
    Ok(StatusCode::NO_CONTENT.into_response())
}
