//! The user, calendars, and ids in another form.
//! Invariant: only calendars of the token's own mailbox are shown.

use serde_json::{Value, json};

use super::auth;
use super::error::ApiError;
use super::ids;
use super::params::Params;
use super::route::Call;
use super::state::{Calendar, State};

const MAX_IDS: usize = 1000;

fn shown(state: &State, calendar: &Calendar) -> Value {
    json!({
        "id": calendar.id,
        "name": calendar.name,
        "color": "auto",
        "hexColor": "",
        "isDefaultCalendar": calendar.is_default,
        "changeKey": ids::change_key(crate::random::mix(state.config.seed, &calendar.id)),
        "canShare": calendar.can_edit,
        "canViewPrivateItems": true,
        "canEdit": calendar.can_edit,
        "allowedOnlineMeetingProviders": ["teamsForBusiness"],
        "defaultOnlineMeetingProvider": "teamsForBusiness",
        "isTallyingResponses": calendar.is_default,
        "isRemovable": !calendar.is_default,
        "owner": { "name": calendar.owner, "address": calendar.owner },
    })
}

/// GET /calendars.
pub(crate) fn list(state: &State, call: &Call<'_>) -> Result<Value, ApiError> {
    let params = Params::check(call.request, &["$top", "$skip", "$select"])?;
    let size = params.number("$top", 1, 1000)?.unwrap_or(10).min(state.config.page_limit.unwrap_or(1000)).max(1);
    let from = params.number("$skip", 0, usize::MAX)?.unwrap_or(0);
    let mut own: Vec<&Calendar> = state.calendars.values().filter(|one| one.owner == call.account).collect();
    own.sort_by_key(|calendar| (!calendar.is_default, calendar.name.clone()));
    let rows: Vec<Value> = own.iter().skip(from).take(size).map(|calendar| shown(state, calendar)).collect();
    let mut whole = json!({ "@odata.context": format!("{}$metadata#calendars", call.base), "value": rows });
    if from + rows.len() < own.len() {
        let mut pairs = params.without(&["$skip"]);
        pairs.push(("$skip".to_owned(), (from + rows.len()).to_string()));
        if let Some(map) = whole.as_object_mut() {
            map.insert("@odata.nextLink".to_owned(), json!(call.link(&pairs)));
        }
    }
    Ok(whole)
}

/// GET /calendar and /calendars/{id}.
pub(crate) fn get(state: &State, calendar: &Calendar, call: &Call<'_>) -> Result<Value, ApiError> {
    Params::check(call.request, &["$select"])?;
    Ok(shown(state, calendar))
}

/// GET /me.
pub(crate) fn user(state: &State, call: &Call<'_>) -> Result<Value, ApiError> {
    Params::check(call.request, &["$select"])?;
    let account = state.accounts.get(&call.account).ok_or_else(ApiError::unauthorized)?;
    Ok(json!({
        "id": account.id,
        "displayName": call.account,
        "mail": call.account,
        "userPrincipalName": call.account,
    }))
}

/// GET /me/mailboxSettings, as far as calendars need it, or one member of it. Needs a scope of its own.
pub(crate) fn settings(state: &State, call: &Call<'_>, member: &str) -> Result<Value, ApiError> {
    Params::check(call.request, &["$select"])?;
    if !["MailboxSettings.Read", "MailboxSettings.ReadWrite"].iter().any(|one| auth::has(state, call.request, one)) {
        return Err(ApiError::denied());
    }
    let account = state.accounts.get(&call.account).ok_or_else(ApiError::unauthorized)?;
    Ok(if member.is_empty() { json!({ "timeZone": account.zone }) } else { json!({ "value": account.zone }) })
}

/// POST /me/translateExchangeIds between the default form and the immutable one.
pub(crate) fn translate(state: &State, call: &Call<'_>, body: &Value) -> Result<Value, ApiError> {
    let form = |key: &str| match body.get(key).and_then(Value::as_str) {
        Some("restId") => Ok(false),
        Some("restImmutableEntryId") => Ok(true),
        _ => Err(ApiError::not_modelled(&format!("this {key}"))),
    };
    form("sourceIdType")?;
    let immutable = form("targetIdType")?;
    let list = body.get("inputIds").and_then(Value::as_array).filter(|list| list.len() <= MAX_IDS);
    let list = list.ok_or_else(|| ApiError::bad_request("inputIds must be a list of at most 1000 ids."))?;
    let translated = list.iter().filter_map(Value::as_str).map(|id| {
        let target = super::series::find(state, &call.account, id).ok();
        let item = target.as_ref().and_then(|at| state.calendars.get(&at.calendar)?.items.get(&at.core));
        match (item, &target) {
            (Some(item), Some(at)) => json!({ "sourceId": id, "targetId": item.id(at.original_ms, immutable) }),
            _ => json!({ "sourceId": id, "errorDetails": { "code": "ErrorItemNotFound", "message": "Not found." } }),
        }
    });
    Ok(json!({ "value": translated.collect::<Vec<_>>() }))
}
