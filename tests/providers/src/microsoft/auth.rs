//! Access tokens, the token endpoint and the limits of a mailbox.
//! Invariant: a refresh gives a new refresh token and the old one stays good; a transient error never looks like a
//! revocation.

use serde_json::{Value, json};

use super::error::ApiError;
use super::ids;
use super::state::{Access, Refresh, State};
use crate::http::{Answer, SimRequest, pairs};

/// The window of the rate limit, in milliseconds.
const RATE_WINDOW_MS: i64 = 600_000;

/// The account behind a request's token, without a look at its scopes.
pub(crate) fn owner(state: &State, request: &SimRequest) -> Option<String> {
    let (scheme, token) = request.header("authorization")?.split_once(' ')?;
    let access = state.access.get(token.trim()).filter(|access| access.expires_ms > state.now_ms)?;
    scheme.eq_ignore_ascii_case("bearer").then(|| access.account.clone())
}

/// The account behind a request's token; `writes` wants more than reading.
pub(crate) fn account(state: &State, request: &SimRequest, writes: bool) -> Result<String, ApiError> {
    let account = owner(state, request).ok_or_else(ApiError::unauthorized)?;
    let has = |name| has(state, request, name);
    if has("Calendars.ReadWrite") || (!writes && has("Calendars.Read")) { Ok(account) } else { Err(ApiError::denied()) }
}

/// Whether a request's token has that scope.
pub(crate) fn has(state: &State, request: &SimRequest, name: &str) -> bool {
    let token =
        request.header("authorization").and_then(|header| header.split_once(' ')).map_or("", |(_, token)| token);
    let scopes = state.access.get(token.trim()).map(|access| access.scopes.as_slice()).unwrap_or_default();
    scopes.iter().any(|scope| scope.rsplit('/').next() == Some(name))
}

/// Counts a request against the mailbox's ten minutes, or refuses it.
pub(crate) fn spend(state: &mut State, account: &str) -> Result<(), ApiError> {
    let Some(limit) = state.config.requests_per_ten_minutes else { return Ok(()) };
    let now_ms = state.now_ms;
    let Some(account) = state.accounts.get_mut(account) else { return Ok(()) };
    while account.requests.front().is_some_and(|at| *at <= now_ms - RATE_WINDOW_MS) {
        account.requests.pop_front();
    }
    if account.requests.len() >= limit {
        let free_ms = account.requests.front().map_or(0, |at| at + RATE_WINDOW_MS - now_ms);
        let wait_s = (free_ms + 999) / 1000;
        return Err(ApiError::too_many().with_header("retry-after", &wait_s.to_string()));
    }
    account.requests.push_back(now_ms);
    Ok(())
}

fn answer(status: u16, body: &Value) -> Answer {
    let headers = vec![("content-type".to_owned(), "application/json; charset=utf-8".to_owned())];
    Answer { status, headers, body: body.to_string().into_bytes() }
}

fn refuse(state: &mut State, status: u16, error: &str, code: u32, why: &str) -> Answer {
    let id = ids::uuid(41, state.random.bits());
    let stamp = super::time::utc_naive(state.now_ms).format("%Y-%m-%d %H:%M:%SZ").to_string();
    let text = format!("AADSTS{code}: {why} Trace ID: {id} Correlation ID: {id} Timestamp: {stamp}");
    answer(
        status,
        &json!({
            "error": error, "error_description": text, "error_codes": [code], "timestamp": stamp, "trace_id": id,
            "correlation_id": id, "error_uri": format!("https://login.microsoftonline.com/error?code={code}"),
        }),
    )
}

/// POST /{tenant}/oauth2/v2.0/token with `grant_type=refresh_token`; other grants are 501.
pub(crate) fn token(state: &mut State, request: &SimRequest) -> Answer {
    let form = pairs(&String::from_utf8_lossy(&request.body));
    let field = |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    match field("grant_type").as_deref() {
        Some("refresh_token") => {}
        Some(_) => return ApiError::not_modelled("this grant_type").into_answer(state.now_ms, 0),
        None => return refuse(state, 400, "invalid_request", 900_144, "The request body must contain 'grant_type'."),
    }
    let client = field("client_id").unwrap_or_default();
    let Some((_, secret)) = state.config.clients.iter().find(|(id, _)| *id == client).cloned() else {
        return refuse(state, 400, "unauthorized_client", 700_016, "The application was not found in the directory.");
    };
    if !secret.is_empty() && field("client_secret").as_deref() != Some(secret.as_str()) {
        return refuse(state, 401, "invalid_client", 7_000_215, "Invalid client secret provided.");
    }
    let given = field("refresh_token").unwrap_or_default();
    let Some(refresh) = state.refresh.get(&given).cloned().filter(|refresh| refresh.client == client) else {
        return refuse(state, 400, "invalid_grant", 9_002_313, "Invalid request. Request is malformed or invalid.");
    };
    if refresh.revoked {
        return refuse(state, 400, "invalid_grant", 50_173, "The provided grant has expired due to it being revoked.");
    }
    let (access, next) = (format!("EwB{}", state.random.base32hex(60)), format!("M.C5{}", state.random.base32hex(60)));
    let life_ms = state.config.access_token_life_ms;
    let scopes = field("scope").unwrap_or_else(|| "Calendars.ReadWrite offline_access".to_owned());
    let granted = vec!["Calendars.ReadWrite".to_owned(), "User.Read".to_owned()];
    let expires_ms = state.now_ms.saturating_add(life_ms);
    state.access.insert(access.clone(), Access { account: refresh.account.clone(), expires_ms, scopes: granted });
    state.refresh.insert(next.clone(), Refresh { ..refresh });
    answer(
        200,
        &json!({
            "token_type": "Bearer", "scope": scopes, "expires_in": life_ms / 1000, "ext_expires_in": life_ms / 1000,
            "access_token": access, "refresh_token": next,
        }),
    )
}

/// The user's password changes: all tokens of the account die.
pub(crate) fn revoke_account(state: &mut State, account: &str) {
    state.access.retain(|_, access| access.account != account);
    for refresh in state.refresh.values_mut().filter(|refresh| refresh.account == account) {
        refresh.revoked = true;
    }
    // Delegated subscriptions die with it.
    state.subscriptions.retain(|_, subscription| subscription.account != account);
}
