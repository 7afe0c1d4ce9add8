//! Events: read from the store, edited through the component.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::IntoResponse as _;

use super::calendars::existing;
use super::params::{Id, Named, Params, Uid, invalid};
use super::problem::{Answer, Code, Problem};
use super::state::Api;
use super::wire::{EventWire, Page, edit_answer, etag, event_answer};
use super::{body, limits};
use crate::bindings::exports::tandem::calendar::editing::{Action, Edit, Scope};

type OneEvent = Named<(Id, Id, Uid)>;

/// `GET .../events`
pub(super) async fn list(
    State(api): State<Api>,
    Named((Id(tenant), Id(calendar))): Named<(Id, Id)>,
    params: Params,
) -> Answer {
    let params = params.only(&["after", "limit"])?;
    let limit = params.limit()?;
    let after = params.text("after").map(str::to_string);
    if after.as_ref().is_some_and(|after| after.chars().count() > limits::UID_CHARS) {
        return Err(invalid("after", "write the uid that next of the last page gave"));
    }
    existing(&api, &tenant, &calendar).await?;
    let events = api.store.list_events(&tenant, &calendar, after, limit).await?;
    let full = u32::try_from(events.len()).is_ok_and(|count| count >= limit);
    let next = events.last().filter(|_| full).map(|event| event.uid.clone());
    let items = events.into_iter().map(EventWire::to_wire).collect::<Result<_, _>>()?;
    Ok(Json(Page { items, next }).into_response())
}

/// `GET .../events/{uid}`
pub(super) async fn get(
    State(api): State<Api>,
    Named((Id(tenant), Id(calendar), Uid(uid))): OneEvent,
    params: Params,
    headers: HeaderMap,
) -> Answer {
    params.only(&[])?;
    let Some(event) = api.store.event(&tenant, &calendar, &uid).await? else {
        return Err(Problem::new(Code::EventNotFound, "it was never in this calendar"));
    };
    if event.deleted {
        return Err(Problem::new(Code::EventDeleted, "the change feed tells when").at_revision(event.revision));
    }
    let tag = etag(event.revision);
    let known = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    if known.flat_map(|value| value.split(',')).any(|known| known.trim().trim_start_matches("W/") == tag) {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response());
    }
    event_answer(StatusCode::OK, event)
}

/// `POST .../events`
pub(super) async fn create(
    State(api): State<Api>,
    Named((Id(tenant), Id(calendar))): Named<(Id, Id)>,
    params: Params,
    request: Request,
) -> Answer {
    let notify_attendees = params.only(&["notify-attendees"])?.flag("notify-attendees")?;
    let document = body::object(request, body::EVENT).await?;
    existing(&api, &tenant, &calendar).await?;
    let edit = Edit {
        calendar: calendar.clone(),
        uid: None,
        recurrence_id: None,
        scope: Scope::All,
        expected_revision: None,
        action: Action::Create(document),
        notify_attendees,
    };
    let applied = api.calls.apply(&tenant, edit).await??;
    api.changed();
    let uid = percent_encoded(&applied.event.uid);
    let place = format!("/v1/tenants/{tenant}/calendars/{calendar}/events/{uid}");
    let mut response = edit_answer(StatusCode::CREATED, applied)?;
    if let Ok(place) = HeaderValue::from_str(&place) {
        response.headers_mut().insert(header::LOCATION, place);
    }
    Ok(response)
}

/// `PATCH .../events/{uid}`
pub(super) async fn patch(State(api): State<Api>, named: OneEvent, params: Params, request: Request) -> Answer {
    let expected = expected_revision(request.headers())?;
    let action = Action::Patch(body::object(request, body::PATCH).await?);
    edit(&api, named, params, expected, action).await
}

/// `PUT .../events/{uid}`
pub(super) async fn replace(State(api): State<Api>, named: OneEvent, params: Params, request: Request) -> Answer {
    let expected = expected_revision(request.headers())?;
    let action = Action::Replace(body::object(request, body::EVENT).await?);
    edit(&api, named, params, expected, action).await
}

/// `DELETE .../events/{uid}`
pub(super) async fn delete(State(api): State<Api>, named: OneEvent, params: Params, headers: HeaderMap) -> Answer {
    edit(&api, named, params, expected_revision(&headers)?, Action::Delete).await
}

async fn edit(api: &Api, named: OneEvent, params: Params, expected: Option<u64>, action: Action) -> Answer {
    let Named((Id(tenant), Id(calendar), Uid(uid))) = named;
    let params = params.only(&["scope", "recurrence-id", "notify-attendees"])?;
    let (scope, recurrence_id) = scope(&params)?;
    let edit = Edit {
        calendar,
        uid: Some(uid),
        recurrence_id,
        scope,
        expected_revision: expected,
        action,
        notify_attendees: params.flag("notify-attendees")?,
    };
    let applied = api.calls.apply(&tenant, edit).await??;
    api.changed();
    edit_answer(StatusCode::OK, applied)
}

fn scope(params: &Params) -> Result<(Scope, Option<String>), Problem> {
    let scope = match params.text("scope") {
        None | Some("all") => Scope::All,
        Some("this") => Scope::This,
        Some("this-and-following") => Scope::ThisAndFollowing,
        Some(_) => return Err(invalid("scope", "write all, this or this-and-following")),
    };
    match (scope, params.text("recurrence-id")) {
        (Scope::All, None) => Ok((scope, None)),
        // Whoever names an occurrence means it: to edit the whole series then would surprise.
        (Scope::All, Some(_)) => Err(invalid("recurrence-id", "goes with scope=this or scope=this-and-following")),
        (_, Some(id)) if is_local_date_time(id) => Ok((scope, Some(id.to_string()))),
        _ => Err(invalid("recurrence-id", "write the original start of the occurrence, like 2026-03-02T09:00:00")),
    }
}

fn is_local_date_time(text: &str) -> bool {
    chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S").is_ok()
}

/// `If-Match` as the revision that the editor saw; none when there is no such header, or it says `*`.
fn expected_revision(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    let mut values = headers.get_all(header::IF_MATCH).iter();
    let wrong =
        || Problem::new(Code::InvalidHeader, "If-Match: send one ETag of this API, like \"7\", or leave it out");
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(wrong());
    }
    match value.to_str().map(str::trim) {
        Ok("*") => Ok(None),
        Ok(text) => text
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'))
            .and_then(|digits| digits.parse().ok())
            .map(Some)
            .ok_or_else(wrong),
        Err(_) => Err(wrong()),
    }
}

/// A uid as one segment of a path.
fn percent_encoded(uid: &str) -> String {
    let mut out = String::with_capacity(uid.len());
    for byte in uid.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
