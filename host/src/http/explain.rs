//! `GET .../events/{uid}/explanation`: an event as a person would explain it, as JSON or as text.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::IntoResponse as _;
use serde::Serialize;

use super::calendars::existing;
use super::limits;
use super::params::{Id, Named, Params, Uid};
use super::problem::{Answer, Problem};
use super::state::Api;
use super::wire::OccurrenceWire;
use crate::bindings::exports::tandem::calendar::recurrence::{
    Agreement, ExceptionKind, Explanation, Origin, Question, SeriesException, Standing,
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    uid: String,
    revision: u64,
    when: String,
    rules: Vec<String>,
    next: Vec<OccurrenceWire>,
    truncated: bool,
    exceptions: Vec<ExceptionWire>,
    replicas: Vec<StandingWire>,
    problems: Vec<String>,
    text: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExceptionWire {
    recurrence_id: String,
    kind: &'static str,
    what: String,
    /// `application`, `replica` or `series`.
    origin: &'static str,
    /// The replica, for the last two.
    replica: Option<String>,
    waiting: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StandingWire {
    replica: String,
    remote_id: Option<String>,
    state: &'static str,
}

/// The handler.
pub(super) async fn get(
    State(api): State<Api>,
    Named((Id(tenant), Id(calendar), Uid(uid))): Named<(Id, Id, Uid)>,
    params: Params,
    headers: HeaderMap,
) -> Answer {
    let params = params.only(&["from", "time-zone", "limit"])?;
    let from_ms = params.text("from").is_some().then(|| params.time_ms("from")).transpose()?;
    let limit = params.number("limit", limits::EXPLAINED, 1, limits::EXPLAINED_MOST)?;
    let row = existing(&api, &tenant, &calendar).await?;
    let time_zone = params.text("time-zone").map_or(row.time_zone, str::to_string);
    let question = Question { calendar, uid, from_ms, time_zone, limit };
    let explanation = api.calls.explain(&tenant, question).await??;
    let accepts = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if accepts.split(',').any(|kind| kind.trim().starts_with("text/plain")) {
        return Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], explanation.text).into_response());
    }
    Ok(Json(Wire::to_wire(explanation)?).into_response())
}

impl Wire {
    fn to_wire(e: Explanation) -> Result<Self, Problem> {
        Ok(Self {
            uid: e.event.uid,
            revision: e.event.revision,
            when: e.when,
            rules: e.rules,
            next: e.next.into_iter().map(OccurrenceWire::to_wire).collect::<Result<_, _>>()?,
            truncated: e.truncated,
            exceptions: e.exceptions.into_iter().map(ExceptionWire::to_wire).collect(),
            replicas: e.replicas.into_iter().map(StandingWire::to_wire).collect(),
            problems: e.problems,
            text: e.text,
        })
    }
}

impl ExceptionWire {
    fn to_wire(e: SeriesException) -> Self {
        let (origin, replica) = match e.origin {
            Origin::Application => ("application", None),
            Origin::Replica(id) => ("replica", Some(id)),
            Origin::Series(id) => ("series", Some(id)),
        };
        let kind = match e.kind {
            ExceptionKind::Cancelled => "cancelled",
            ExceptionKind::Moved => "moved",
            ExceptionKind::Changed => "changed",
            ExceptionKind::Added => "added",
        };
        Self { recurrence_id: e.recurrence_id, kind, what: e.what, origin, replica, waiting: e.waiting }
    }
}

impl StandingWire {
    fn to_wire(s: Standing) -> Self {
        let state = match s.state {
            Agreement::InStep => "in-step",
            Agreement::Waiting => "waiting",
            Agreement::Never => "never",
            Agreement::Gone => "gone",
        };
        Self { replica: s.replica, remote_id: (!s.remote_id.is_empty()).then_some(s.remote_id), state }
    }
}
