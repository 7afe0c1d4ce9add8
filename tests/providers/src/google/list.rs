//! events.list and events.instances.
//! Invariant: what changes while a caller pages is in a page or comes with the next sync token, never lost.

use std::borrow::Cow;

use serde_json::{Value, json};

use super::error::ApiError;
use super::params::Params;
use super::series::{Instance, Series, find, instances, meets, row_meets, start_of};
use super::state::{Calendar, Object, Row, State, text};
use super::time::{When, query_time, zone};
use super::token::{Position, Sync};
use super::view::View;
use crate::random::mix;

/// Parameters that are modelled.
pub(crate) const PARAMS: [&str; 17] = [
    "eventTypes",
    "iCalUID",
    "maxResults",
    "orderBy",
    "pageToken",
    "privateExtendedProperty",
    "sharedExtendedProperty",
    "showDeleted",
    "showHiddenInvitations",
    "singleEvents",
    "syncToken",
    "timeMax",
    "timeMin",
    "timeZone",
    "updatedMin",
    "alwaysIncludeEmail",
    "maxAttendees",
];
/// Parameters that must not come with a sync token.
const NOT_WITH_TOKEN: [&str; 8] = [
    "iCalUID",
    "orderBy",
    "privateExtendedProperty",
    "q",
    "sharedExtendedProperty",
    "timeMin",
    "timeMax",
    "updatedMin",
];
const DEFAULT_PAGE: usize = 250;
const MAX_PAGE: usize = 2500;
const DAY_S: i64 = 86_400;
/// How far endless series are listed by events.instances without timeMax, in seconds: five years.
pub(crate) const INSTANCES_AHEAD_S: i64 = 5 * 366 * 86_400;

/// What a listing asks for.
struct Query<'a> {
    show_deleted: bool,
    single: bool,
    window: Option<(i64, i64)>,
    updated_min_us: Option<i64>,
    types: Vec<&'a str>,
    ical: Option<&'a str>,
    private: Vec<&'a str>,
    shared: Vec<&'a str>,
    order: Option<&'a str>,
    size: usize,
    shape: u64,
    incremental: bool,
}

/// A page on its way out: rows as text, and how it goes on.
struct Page {
    items: Vec<String>,
    next: Option<Position>,
    sync: Option<Sync>,
}

/// GET events.
pub(crate) fn list(
    state: &State,
    calendar_id: &str,
    params: &Params,
    view: &View,
    empty: bool,
) -> Result<String, ApiError> {
    let calendar = state.calendars.get(calendar_id).ok_or_else(ApiError::not_found)?;
    let query = read_query(state, calendar, params)?;
    let position = start(state, calendar, params, &query)?;
    let page = if empty {
        Page { items: Vec::new(), next: Some(position), sync: None }
    } else if query.single || query.order.is_some() {
        collected(calendar, &query, position, view, state.now_ms)?
    } else if position.after.is_some() {
        incremental(calendar, &query, position, view, state.now_ms)
    } else {
        full(calendar, &query, position, view, state.now_ms)
    };
    Ok(envelope(calendar, view, page))
}

fn read_query<'a>(state: &State, calendar: &Calendar, params: &'a Params) -> Result<Query<'a>, ApiError> {
    let has_token = params.get("syncToken").is_some();
    if let Some(name) = NOT_WITH_TOKEN.iter().find(|name| has_token && params.get(name).is_some()) {
        return Err(ApiError::invalid_parameter(name, &format!("{name} cannot be used together with syncToken.")));
    }
    let show_deleted = params.flag("showDeleted")?;
    if has_token && show_deleted == Some(false) {
        return Err(ApiError::invalid_parameter("showDeleted", "showDeleted cannot be false with syncToken."));
    }
    let single = params.flag("singleEvents")?.unwrap_or(false);
    let order = params.get("orderBy");
    match order {
        None | Some("updated") => {}
        Some("startTime") if single => {}
        Some("startTime") => {
            return Err(ApiError::bad_request("The requested ordering is not available for the particular query."));
        }
        Some(_) => return Err(ApiError::invalid_parameter("orderBy", "Invalid value for orderBy.")),
    }
    if params.flag("showHiddenInvitations")?.unwrap_or(false) || params.get("maxAttendees").is_some() {
        return Err(ApiError::not_modelled("showHiddenInvitations or maxAttendees"));
    }
    if params.get("timeZone").is_some_and(|name| zone(name).is_none()) {
        return Err(ApiError::invalid_parameter("timeZone", "Invalid time zone."));
    }
    let window = read_window(params)?;
    if single && (has_token || window.is_none_or(|(_, end)| end == i64::MAX)) {
        return Err(ApiError::not_modelled("singleEvents with syncToken or without timeMax"));
    }
    let updated_min_us = match params.get("updatedMin") {
        None => None,
        Some(text) => Some(query_time("updatedMin", text)?.saturating_mul(1_000_000)),
    };
    let oldest_us = (state.now_ms - state.config.updated_min_age_ms).saturating_mul(1000);
    if updated_min_us.is_some_and(|at| at < oldest_us) {
        return Err(ApiError::updated_min());
    }
    let mut types = params.all("eventTypes");
    types.sort_unstable();
    let text = format!("{}|{single}|{}|{:?}", calendar.id, types.join(","), params.get("timeZone"));
    Ok(Query {
        show_deleted: show_deleted.unwrap_or(false),
        single,
        window,
        updated_min_us,
        types,
        ical: params.get("iCalUID"),
        private: params.all("privateExtendedProperty"),
        shared: params.all("sharedExtendedProperty"),
        order,
        size: params.page_size(DEFAULT_PAGE, MAX_PAGE)?.min(state.config.page_limit.unwrap_or(MAX_PAGE)).max(1),
        shape: mix(3, &text),
        incremental: has_token,
    })
}

/// timeMin and timeMax in UTC seconds; none when neither is given.
fn read_window(params: &Params) -> Result<Option<(i64, i64)>, ApiError> {
    let read = |name: &str| params.get(name).map(|text| query_time(name, text)).transpose();
    let (low, high) = (read("timeMin")?, read("timeMax")?);
    if low.is_none() && high.is_none() {
        return Ok(None);
    }
    let window = (low.unwrap_or(i64::MIN), high.unwrap_or(i64::MAX));
    if window.0 >= window.1 {
        return Err(ApiError::time_range_empty(Some("timeMax")));
    }
    Ok(Some(window))
}

/// Where this page begins, from its tokens.
fn start(state: &State, calendar: &Calendar, params: &Params, query: &Query<'_>) -> Result<Position, ApiError> {
    let sync = params.get("syncToken").map(Sync::open).transpose()?;
    if let Some(sync) = &sync {
        let dead = sync.generation != calendar.generation
            || state.now_ms - sync.issued_ms > state.config.sync_token_life_ms
            || sync.seq > calendar.seq;
        if dead {
            return Err(ApiError::full_sync());
        }
        if sync.shape != query.shape && state.config.token_checks_parameters {
            return Err(ApiError::invalid_parameter(
                "syncToken",
                "The sync token cannot be used with parameters other than those of the initial request.",
            ));
        }
    }
    let fresh = Position {
        after: sync.map(|sync| sync.seq),
        upto: calendar.seq,
        next: 0,
        generation: calendar.generation,
        shape: query.shape,
    };
    let Some(token) = params.get("pageToken") else { return Ok(fresh) };
    let position = Position::open(token)?;
    let same_listing = position.after == fresh.after && position.shape == fresh.shape;
    if !same_listing {
        return Err(ApiError::invalid_parameter("pageToken", "Invalid page token value."));
    }
    Ok(position)
}

impl Query<'_> {
    /// Whether a row of a listing is shown.
    fn shows(&self, calendar: &Calendar, row: &Row) -> bool {
        let body = &row.body;
        if !self.incremental && row.is_cancelled() && !self.show_deleted {
            let recent = self.updated_min_us.is_some();
            let of_live_series =
                !self.single && row.master().is_some_and(|id| calendar.rows.get(id).is_some_and(|m| !m.is_cancelled()));
            if !of_live_series && !recent {
                return false;
            }
        }
        self.updated_min_us.is_none_or(|min| row.stamp_us >= min)
            && (self.types.is_empty() || self.types.contains(&text(body, "eventType")))
            && self.ical.is_none_or(|ical| text(body, "iCalUID") == ical)
            && self.private.iter().all(|pair| has_property(body, "private", pair))
            && self.shared.iter().all(|pair| has_property(body, "shared", pair))
            && (self.single || self.window.is_none_or(|window| row_meets(calendar, body, window)))
    }
}

fn has_property(body: &Object, kind: &str, pair: &str) -> bool {
    let Some((key, value)) = pair.split_once('=') else { return false };
    let entry = body.get("extendedProperties").and_then(|all| all.get(kind)).and_then(|all| all.get(key));
    entry.and_then(Value::as_str) == Some(value)
}

fn end_of_listing(position: Position, now_ms: i64) -> Sync {
    // The generation of the calendar when the listing began: an ACL change meanwhile makes the token dead.
    Sync { seq: position.upto, generation: position.generation, shape: position.shape, issued_ms: now_ms }
}

fn full(calendar: &Calendar, query: &Query<'_>, position: Position, view: &View, now_ms: i64) -> Page {
    let mut items = Vec::new();
    for (_, row) in calendar.placed_from(position.next) {
        if items.len() == query.size {
            let next = Some(Position { next: row.place, ..position });
            return Page { items, next, sync: None };
        }
        if query.shows(calendar, row) {
            items.push(view.row(row).into_owned());
        }
    }
    Page { items, next: None, sync: Some(end_of_listing(position, now_ms)) }
}

fn incremental(calendar: &Calendar, query: &Query<'_>, position: Position, view: &View, now_ms: i64) -> Page {
    let after = position.after.unwrap_or(0);
    let mut rows: Vec<(u64, &Row)> = match calendar.shuffle() {
        // The place is the change number, so a page begins there without looking at earlier ones.
        None => calendar
            .changed(after.max(position.next.saturating_sub(1)), position.upto)
            .map(|(_, r)| (r.seq, r))
            .take(query.size + 1)
            .collect(),
        Some(seed) => {
            let keyed = calendar.changed(after, position.upto).map(|(id, row)| (mix(seed ^ after, id), row));
            keyed.filter(|(key, _)| *key >= position.next).collect()
        }
    };
    rows.sort_by_key(|(key, _)| *key);
    let shown = rows.iter().take(query.size);
    let items =
        shown.filter(|(_, row)| query.shows(calendar, row)).map(|(_, row)| view.row(row).into_owned()).collect();
    match rows.get(query.size) {
        Some((key, _)) => Page { items, next: Some(Position { next: *key, ..position }), sync: None },
        None => Page { items, next: None, sync: Some(end_of_listing(position, now_ms)) },
    }
}

/// Listings that are ordered or expanded: everything is collected, the page cut out by index.
fn collected(
    calendar: &Calendar,
    query: &Query<'_>,
    position: Position,
    view: &View,
    now_ms: i64,
) -> Result<Page, ApiError> {
    let mut found: Vec<(i64, Cow<'_, Object>)> = Vec::new();
    for (_, row) in calendar.placed_from(0).filter(|(_, row)| query.shows(calendar, row)) {
        let at = if query.order == Some("updated") { row.stamp_us } else { start_of(&row.body, &calendar.time_zone) };
        match query.window {
            Some(window) if query.single => {
                if let Some(series) = Series::read(&row.body, &calendar.time_zone)? {
                    let by_change = query.order == Some("updated");
                    let all = instances(calendar, &series, window, query.show_deleted).into_iter();
                    found.extend(all.map(|(start, one)| {
                        (if by_change { row.stamp_us } else { start }, Cow::Owned(series.body(&one)))
                    }));
                } else if row.master().is_none() && meets(&row.body, &calendar.time_zone, window) {
                    found.push((at, Cow::Borrowed(&row.body)));
                }
            }
            _ => found.push((at, Cow::Borrowed(&row.body))),
        }
    }
    found.sort_by_key(|(at, _)| *at);
    let from = usize::try_from(position.next).unwrap_or(usize::MAX);
    let items: Vec<String> = found.iter().skip(from).take(query.size).map(|(_, body)| view.body(body)).collect();
    let end = from.saturating_add(items.len());
    Ok(if end < found.len() {
        Page { items, next: Some(Position { next: end as u64, ..position }), sync: None }
    } else {
        Page { items, next: None, sync: Some(end_of_listing(position, now_ms)) }
    })
}

fn envelope(calendar: &Calendar, view: &View, page: Page) -> String {
    let tag = mix(calendar.seq, &calendar.id);
    let mut head = json!({
        "kind": "calendar#events",
        "etag": format!("\"p{tag:016x}\""),
        "summary": calendar.summary,
        "description": "",
        "updated": super::time::stamp_text(calendar.updated_us),
        "timeZone": view.zone.as_deref().unwrap_or(&calendar.time_zone),
        "accessRole": view.role.name(),
        "defaultReminders": calendar.default_reminders,
    });
    if let (Some(next), Some(map)) = (&page.next, head.as_object_mut()) {
        map.insert("nextPageToken".to_owned(), json!(next.seal()));
    }
    if let (Some(sync), Some(map)) = (&page.sync, head.as_object_mut()) {
        map.insert("nextSyncToken".to_owned(), json!(sync.seal()));
    }
    // The rows are text already; they are put in as they are.
    let mut text = head.to_string();
    text.pop();
    text.push_str(",\"items\":[");
    text.push_str(&page.items.join(","));
    text.push_str("]}");
    text
}

/// GET events/{id}/instances. An instance's own id answers with just that one.
pub(crate) fn list_instances(
    state: &State,
    calendar_id: &str,
    id: &str,
    params: &Params,
    view: &View,
) -> Result<String, ApiError> {
    let calendar = state.calendars.get(calendar_id).ok_or_else(ApiError::not_found)?;
    let size = params.page_size(DEFAULT_PAGE, MAX_PAGE)?;
    let show_deleted = params.flag("showDeleted")?.unwrap_or(false);
    let body = find(calendar, id)?;
    let window = read_window(params)?.unwrap_or((i64::MIN, i64::MAX));
    let position =
        Position { after: None, upto: calendar.seq, next: 0, generation: calendar.generation, shape: mix(4, id) };
    let position = match params.get("pageToken") {
        None => position,
        Some(token) => Position::open(token).and_then(|given| {
            let bad = || ApiError::invalid_parameter("pageToken", "Invalid page token value.");
            if given.shape == position.shape { Ok(given) } else { Err(bad()) }
        })?,
    };
    let original = params.get("originalStart").map(read_original).transpose()?;
    let mut found: Vec<Object> = if body.contains_key("recurringEventId") {
        if text(&body, "status") == "cancelled" && !show_deleted { Vec::new() } else { vec![body] }
    } else {
        // An endless series is listed some years ahead.
        let mut horizon = start_of(&body, &calendar.time_zone).max(state.now_ms / 1000) + INSTANCES_AHEAD_S;
        // Who names an original start is answered, however far away it is.
        if let Some(original) = &original {
            horizon = horizon.max(original.utc(&calendar.time_zone) + DAY_S);
        }
        let cancelled = text(&body, "status") == "cancelled";
        if cancelled && !show_deleted {
            Vec::new()
        } else {
            let series = Series::read(&body, &calendar.time_zone)?;
            let all = |series: &Series<'_>| -> Vec<Object> {
                let all = instances(calendar, series, (window.0, window.1.min(horizon)), show_deleted);
                // Rows that may start anywhere are looked at below.
                let may_be = |one: &Instance<'_>| match (one, &original) {
                    (Instance::Plain(start), Some(original)) => start.is_same(original),
                    _ => true,
                };
                all.iter().filter(|(_, one)| may_be(one)).map(|(_, one)| series.body(one)).collect()
            };
            series.as_ref().map(all).unwrap_or_default()
        }
    };
    if let Some(original) = &original {
        let own = |body: &Object| When::read(body.get("originalStartTime"), "original", false);
        found.retain(|body| own(body).is_ok_and(|at| at.is_same(original)));
    }
    let from = usize::try_from(position.next).unwrap_or(usize::MAX);
    let items: Vec<String> = found.iter().skip(from).take(size).map(|body| view.body(body)).collect();
    let end = from.saturating_add(items.len());
    let next = (end < found.len()).then_some(Position { next: end as u64, ..position });
    let sync = if next.is_none() { Some(end_of_listing(position, state.now_ms)) } else { None };
    Ok(envelope(calendar, view, Page { items, next, sync }))
}

fn read_original(text: &str) -> Result<When, ApiError> {
    let key = if text.len() == 10 { "date" } else { "dateTime" };
    When::read(Some(&json!({ key: text })), "original", false)
        .map_err(|_| ApiError::invalid_parameter("originalStart", "Invalid value for originalStart."))
}
