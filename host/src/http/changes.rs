//! The change feed, read once or waited for. A waiting call holds no transaction, and ends when the server does.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse as _;
use serde::Serialize;
use tokio::time::Instant;

use super::limits;
use super::params::{Id, Named, Params, invalid};
use super::problem::{Answer, Code, Problem};
use super::state::Api;
use super::wire::ChangeWire;
use crate::store::{ChangeEntry, Stored};

#[derive(Serialize)]
struct Changes {
    items: Vec<ChangeWire>,
    /// What to pass as `since` next.
    next: u64,
    /// There is more right now.
    more: bool,
}

/// `GET /v1/tenants/{tenant}/changes`
pub(super) async fn list(State(api): State<Api>, Named(Id(tenant)): Named<Id>, params: Params) -> Answer {
    let params = params.only(&["since", "limit", "wait"])?;
    let since = match params.text("since").map(str::parse) {
        None => 0,
        // Databases count in signed numbers.
        Some(Ok(since)) if i64::try_from(since).is_ok() => since,
        Some(_) => return Err(invalid("since", "write the next of the last answer, or 0 for the start")),
    };
    let limit = params.limit()?;
    let wait = Duration::from_secs(params.number("wait", 0, 0, limits::WAIT_MOST_S)?.into());
    let items = if wait.is_zero() {
        api.store.changes_since(&tenant, since, limit).await?
    } else {
        let _place = api
            .waiting
            .try_acquire()
            .map_err(|_| Problem::new(Code::TooManyWaiting, "ask without wait, or try again in a moment"))?;
        wait_for(&api, &tenant, since, limit, Instant::now() + wait).await?
    };
    let next = items.last().map_or(since, |entry| entry.sequence);
    let more = u32::try_from(items.len()).is_ok_and(|count| count >= limit);
    let items = items.into_iter().map(ChangeWire::to_wire).collect();
    Ok(Json(Changes { items, next, more }).into_response())
}

async fn wait_for(api: &Api, tenant: &str, since: u64, limit: u32, until: Instant) -> Stored<Vec<ChangeEntry>> {
    let mut closed = std::pin::pin!(api.closed());
    loop {
        // Registered before the read: a change between the two is not missed.
        let mut fed = std::pin::pin!(api.fed.notified());
        fed.as_mut().enable();
        let items = api.store.changes_since(tenant, since, limit).await?;
        if !items.is_empty() || Instant::now() >= until {
            return Ok(items);
        }
        tokio::select! {
            () = fed => {}
            () = tokio::time::sleep_until(until.min(Instant::now() + limits::WAIT_LOOK)) => {}
            () = &mut closed => return Ok(items),
        }
    }
}
