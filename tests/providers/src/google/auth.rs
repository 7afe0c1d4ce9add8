//! Access tokens, the token endpoint, revocation and the quota.
//! Invariant: a refresh token is never rotated, and a transient error never looks like a revocation.

use serde_json::{Value, json};

use super::error::ApiError;
use super::state::{Access, State};
use crate::http::{Answer, SimRequest, pairs};

/// The window of the quota, in milliseconds.
const QUOTA_WINDOW_MS: i64 = 60_000;
const SCOPE: &str = "https://www.googleapis.com/auth/";

/// What a request needs to be allowed to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    CalendarList,
    ReadEvents,
    WriteEvents,
    ReadCalendar,
    /// Any token.
    Nothing,
}

/// The account behind the request's token.
pub(crate) fn account(state: &State, request: &SimRequest, need: Need) -> Result<String, ApiError> {
    let header = request.header("authorization").ok_or_else(ApiError::unauthorized)?;
    let (scheme, token) = header.split_once(' ').ok_or_else(ApiError::unauthorized)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(ApiError::unauthorized());
    }
    let access = state.access.get(token.trim()).ok_or_else(ApiError::unauthorized)?;
    if access.expires_ms <= state.now_ms {
        return Err(ApiError::unauthorized());
    }
    let has = |names: &[&str]| {
        access.scopes.iter().any(|scope| scope.strip_prefix(SCOPE).is_some_and(|name| names.contains(&name)))
    };
    let allowed = match need {
        Need::Nothing => true,
        Need::CalendarList => {
            has(&["calendar", "calendar.readonly", "calendar.calendarlist", "calendar.calendarlist.readonly"])
        }
        Need::ReadCalendar => {
            has(&["calendar", "calendar.readonly", "calendar.calendars", "calendar.calendars.readonly"])
        }
        Need::ReadEvents => has(&[
            "calendar",
            "calendar.readonly",
            "calendar.events",
            "calendar.events.readonly",
            "calendar.events.owned",
            "calendar.events.owned.readonly",
            "calendar.app.created",
        ]),
        Need::WriteEvents => has(&["calendar", "calendar.events", "calendar.events.owned", "calendar.app.created"]),
    };
    if allowed { Ok(access.account.clone()) } else { Err(ApiError::scope()) }
}

/// Counts `units` against the user's sliding minute, or refuses.
pub(crate) fn spend(state: &mut State, user: &str, units: u32) -> Result<(), ApiError> {
    let Some(limit) = state.config.units_per_minute else { return Ok(()) };
    let now_ms = state.now_ms;
    let spent = state.spent.entry(user.to_owned()).or_default();
    while spent.front().is_some_and(|(at, _)| *at <= now_ms - QUOTA_WINDOW_MS) {
        spent.pop_front();
    }
    let total: u32 = spent.iter().map(|(_, units)| *units).sum();
    if total.saturating_add(units) > limit {
        return Err(if state.config.quota_is_429 { ApiError::too_many() } else { ApiError::rate_limit() });
    }
    spent.push_back((now_ms, units));
    Ok(())
}

fn answer(status: u16, body: &Value) -> Answer {
    let headers = vec![("content-type".to_owned(), "application/json; charset=utf-8".to_owned())];
    Answer { status, headers, body: body.to_string().into_bytes() }
}

fn refuse(status: u16, error: &str, description: &str) -> Answer {
    answer(status, &json!({ "error": error, "error_description": description }))
}

/// POST /token with `grant_type=refresh_token`; other grants are 501.
pub(crate) fn token(state: &mut State, request: &SimRequest) -> Answer {
    let form = pairs(&String::from_utf8_lossy(&request.body));
    let field = |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    match field("grant_type") {
        Some("refresh_token") => {}
        Some(_) => return ApiError::not_modelled("this grant_type").into_answer(),
        None => return refuse(400, "invalid_request", "Required parameter is missing: grant_type"),
    }
    let client = field("client_id").unwrap_or_default();
    let Some((_, secret)) = state.config.clients.iter().find(|(id, _)| id == client) else {
        return refuse(401, "invalid_client", "The OAuth client was not found.");
    };
    if field("client_secret") != Some(secret.as_str()) {
        return refuse(401, "invalid_client", "Unauthorized");
    }
    let Some(given) = field("refresh_token") else {
        return refuse(400, "invalid_request", "Missing required parameter: refresh_token");
    };
    let Some(refresh) = state.refresh.get(given).cloned() else {
        return refuse(400, "invalid_grant", "Bad Request");
    };
    if refresh.client != client {
        return refuse(400, "unauthorized_client", "Unauthorized");
    }
    if refresh.revoked {
        return refuse(400, "invalid_grant", "Token has been expired or revoked.");
    }
    let fresh = format!("ya29.{}", state.random.base32hex(40));
    let life_ms = state.config.access_token_life_ms;
    let access =
        Access { account: refresh.account, expires_ms: state.now_ms + life_ms, scopes: refresh.scopes.clone() };
    state.access.insert(fresh.clone(), access);
    answer(
        200,
        &json!({
            "access_token": fresh,
            "expires_in": life_ms / 1000,
            "scope": refresh.scopes.join(" "),
            "token_type": "Bearer",
        }),
    )
}

/// POST /revoke with an access or a refresh token.
pub(crate) fn revoke(state: &mut State, request: &SimRequest) -> Answer {
    let mut fields = request.query();
    fields.extend(pairs(&String::from_utf8_lossy(&request.body)));
    let given = fields.iter().find(|(key, _)| key == "token").map(|(_, value)| value.clone()).unwrap_or_default();
    let account = match (state.refresh.get(&given), state.access.get(&given)) {
        (Some(refresh), _) if !refresh.revoked => refresh.account.clone(),
        (_, Some(access)) => access.account.clone(),
        _ => return refuse(400, "invalid_token", "Token expired or revoked"),
    };
    revoke_account(state, &account);
    answer(200, &json!({}))
}

/// The user takes back the consent: all tokens of the account die.
pub(crate) fn revoke_account(state: &mut State, account: &str) {
    state.access.retain(|_, access| access.account != account);
    for refresh in state.refresh.values_mut().filter(|refresh| refresh.account == account) {
        refresh.revoked = true;
    }
}
