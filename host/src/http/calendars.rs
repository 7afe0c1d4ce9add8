//! Calendars, and what occurs in them.

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse as _;
use serde::Serialize;

use super::limits;
use super::params::{Id, Named, Params, invalid};
use super::problem::{Answer, Code, Problem};
use super::state::Api;
use super::wire::{CalendarWire, List, OccurrenceWire};
use crate::bindings::exports::tandem::calendar::recurrence::Window;
use crate::store::CalendarRow;

/// `GET /v1/tenants/{tenant}/calendars`
pub(super) async fn list(State(api): State<Api>, Named(Id(tenant)): Named<Id>, params: Params) -> Answer {
    params.only(&[])?;
    let items = api.store.calendars(&tenant).await?.into_iter().map(CalendarWire::to_wire).collect();
    Ok(Json(List { items }).into_response())
}

/// The calendar, or a problem: reads of a calendar that does not exist are mistakes, not empty lists.
pub(super) async fn existing(api: &Api, tenant: &str, calendar: &str) -> Result<CalendarRow, Problem> {
    let rows = api.store.calendars(tenant).await?;
    rows.into_iter()
        .find(|row| row.id == calendar)
        .ok_or_else(|| Problem::new(Code::CalendarNotFound, "list the calendars of the tenant"))
}

#[derive(Serialize)]
struct Occurrences {
    items: Vec<OccurrenceWire>,
    truncated: bool,
}

/// `GET /v1/tenants/{tenant}/calendars/{calendar}/occurrences`
pub(super) async fn occurrences(
    State(api): State<Api>,
    Named((Id(tenant), Id(calendar))): Named<(Id, Id)>,
    params: Params,
) -> Answer {
    let params = params.only(&["from", "to", "time-zone", "limit"])?;
    let (from_ms, to_ms) = (params.time_ms("from")?, params.time_ms("to")?);
    let limit = params.number("limit", limits::OCCURRENCES, 1, limits::OCCURRENCES_MOST)?;
    if to_ms <= from_ms {
        return Err(invalid("to", "write a time after from"));
    }
    let row = existing(&api, &tenant, &calendar).await?;
    let time_zone = params.text("time-zone").map_or(row.time_zone, str::to_string);
    let window = Window { calendar, from_ms, to_ms, time_zone, limit };
    let page = api.calls.occurrences(&tenant, window).await??;
    let items = page.items.into_iter().map(OccurrenceWire::to_wire).collect::<Result<_, _>>()?;
    Ok(Json(Occurrences { items, truncated: page.truncated }).into_response())
}
