//! calendarList and calendars, read only.
//! Invariant: an account sees the calendars in which it has a role, and no others.

use serde_json::{Value, json};

use super::error::ApiError;
use super::params::Params;
use super::state::{Calendar, Role, State};
use super::token::{Position, Sync};
use crate::random::mix;

fn entry(calendar: &Calendar, who: &str, role: Role) -> Value {
    let mut entry = json!({
        "kind": "calendar#calendarListEntry",
        "etag": format!("\"{}\"", mix(11, &calendar.id)),
        "id": calendar.id,
        "summary": calendar.summary,
        "timeZone": calendar.time_zone,
        "colorId": "14",
        "backgroundColor": "#9fe1e7",
        "foregroundColor": "#000000",
        "selected": true,
        "accessRole": role.name(),
        "defaultReminders": calendar.default_reminders,
        "dataOwner": calendar.owner,
        "conferenceProperties": { "allowedConferenceSolutionTypes": ["hangoutsMeet"] },
    });
    if let (true, Some(map)) = (calendar.id == who, entry.as_object_mut()) {
        map.insert("primary".to_owned(), json!(true));
    }
    entry
}

/// GET users/me/calendarList.
pub(crate) fn list(state: &State, who: &str, query: Vec<(String, String)>) -> Result<Value, ApiError> {
    let modelled = ["maxResults", "pageToken", "showDeleted", "showHidden", "minAccessRole"];
    let params = Params::check(query, &modelled, &["syncToken", "showOwnOrganizationOnly"])?;
    let size = params.page_size(100, 250)?;
    let least = match params.get("minAccessRole") {
        None | Some("freeBusyReader") => Role::FreeBusyReader,
        Some("reader") => Role::Reader,
        Some("writer") => Role::Writer,
        Some("owner") => Role::Owner,
        Some(_) => return Err(ApiError::invalid_parameter("minAccessRole", "Invalid value for minAccessRole.")),
    };
    let fresh = Position { after: None, upto: 0, next: 0, generation: 0, shape: mix(5, who) };
    let from = match params.get("pageToken") {
        None => 0,
        Some(token) => match Position::open(token)? {
            position if position.shape == fresh.shape => usize::try_from(position.next).unwrap_or(usize::MAX),
            _ => return Err(ApiError::invalid_parameter("pageToken", "Invalid page token value.")),
        },
    };
    let seen: Vec<Value> = state
        .calendars
        .values()
        .filter_map(|calendar| Some((calendar, *calendar.roles.get(who)?)))
        .filter(|(_, role)| *role >= least)
        .map(|(calendar, role)| entry(calendar, who, role))
        .collect();
    let items: Vec<&Value> = seen.iter().skip(from).take(size).collect();
    let end = from.saturating_add(items.len());
    let mut body = json!({ "kind": "calendar#calendarList", "etag": "\"p32sim\"", "items": items });
    if let Some(map) = body.as_object_mut() {
        if end < seen.len() {
            map.insert("nextPageToken".to_owned(), json!(Position { next: end as u64, ..fresh }.seal()));
        } else {
            let sync = Sync { seq: 0, generation: 0, shape: fresh.shape, issued_ms: state.now_ms };
            map.insert("nextSyncToken".to_owned(), json!(sync.seal()));
        }
    }
    Ok(body)
}

/// GET users/me/calendarList/{id}.
pub(crate) fn get(state: &State, who: &str, id: &str, query: Vec<(String, String)>) -> Result<Value, ApiError> {
    Params::check(query, &[], &[])?;
    let calendar = state.calendars.get(id).ok_or_else(ApiError::not_found)?;
    let role = calendar.roles.get(who).ok_or_else(ApiError::not_found)?;
    Ok(entry(calendar, who, *role))
}

/// GET calendars/{id}.
pub(crate) fn calendar(state: &State, id: &str, query: Vec<(String, String)>) -> Result<Value, ApiError> {
    Params::check(query, &[], &[])?;
    let calendar = state.calendars.get(id).ok_or_else(ApiError::not_found)?;
    Ok(json!({
        "kind": "calendar#calendar",
        "etag": format!("\"{}\"", mix(12, &calendar.id)),
        "id": calendar.id,
        "summary": calendar.summary,
        "timeZone": calendar.time_zone,
        "dataOwner": calendar.owner,
        "conferenceProperties": { "allowedConferenceSolutionTypes": ["hangoutsMeet"] },
    }))
}
