//! Listing: `events/delta` where Graph has it, else `calendarView/delta` with its window.
//!
//! The rows of both say little that can be relied on (occurrences without content, masters with the times of their
//! first occurrence, removals that are none), so that a row is mostly a hint to ask for its event.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{base_url, calendar_path, event, events_url, prefer, wire};
use crate::effects::{Method, Request, Response, TimeMs};
use crate::provider::request::{encode, get_request, json_request, query};
use crate::provider::{Candidates, Look, New, Next, Page, Position, Row, Skipped, Span, Target};
use crate::time::format_rfc3339;

/// Most rows of a page: each may have to be asked for, and a step stays short.
const PAGE: u32 = 50;
/// Most requests in a batch.
pub(super) const BATCH: usize = 20;
const DAY_MS: u64 = 86_400_000;
/// The window reaches so far back and ahead; every 30 days it moves forward, by a new listing.
const WINDOW_DAYS: (u64, u64, u64) = (180, 540, 30);
/// From when on `events/delta` shows events: all that a calendar can be expected to have.
const SINCE: &str = "2000-01-01T00:00:00Z";

/// The window, and when it moves.
pub(super) fn span(now_ms: TimeMs) -> (Span, TimeMs) {
    let (back, ahead, moves) = WINDOW_DAYS;
    // Whole days, so that listings begun close together ask for the same.
    let today_ms = now_ms / DAY_MS * DAY_MS;
    let span = Span { from_ms: today_ms.saturating_sub(back * DAY_MS), to_ms: today_ms + ahead * DAY_MS };
    (span, now_ms + moves * DAY_MS)
}

/// Ask for a page. Page and cursor are links that Graph made; one that leads elsewhere is none.
pub(super) fn list(target: &Target<'_>, position: Position<'_>) -> Request {
    let link = position.page.or(position.cursor).filter(|link| leads_here(target, link));
    let url = link.map(str::to_owned).unwrap_or_else(|| first(target, position.span));
    let size = target.settings.page_size.clamp(1, PAGE);
    let mut request = prefer(get_request(url));
    for (name, value) in &mut request.headers {
        if name == "prefer" {
            value.push_str(&format!(", odata.maxpagesize={size}"));
        }
    }
    request
}

fn first(target: &Target<'_>, span: Option<Span>) -> String {
    let path = calendar_path(target);
    let Some(span) = span else {
        return format!("{}{path}/events/delta?{}", base_url(target), query(&[("startDateTime", SINCE)]));
    };
    let text = |ms: u64| format_rfc3339(i64::try_from(ms).unwrap_or(i64::MAX)).unwrap_or_default();
    let window = query(&[("startDateTime", &text(span.from_ms)), ("endDateTime", &text(span.to_ms))]);
    // The delta of the default calendar's view is documented without the calendar in its path.
    let path = if path == super::DEFAULT { "/me" } else { &path };
    format!("{}{path}/calendarView/delta?{window}", base_url(target))
}

/// Whether a link leads to where requests go: it is followed with the account's authorisation.
pub(super) fn leads_here(target: &Target<'_>, link: &str) -> bool {
    link.strip_prefix(base_url(target)).is_some_and(|rest| rest.starts_with('/'))
}

/// Read a page. One item that does not fit costs only itself.
pub(super) fn read_page(target: &Target<'_>, body: &[u8]) -> Option<Page> {
    match serde_json::from_slice::<wire::Events<wire::Event>>(body) {
        Ok(events) => Some(page(target, events, Ok)),
        Err(_) => {
            let events: wire::Events<wire::RawItem<'_>> = serde_json::from_slice(body).ok()?;
            Some(page(target, events, |item| serde_json::from_str(item.get()).map_err(|_| damaged(item.get()))))
        }
    }
}

fn page<Item>(
    target: &Target<'_>,
    events: wire::Events<Item>,
    parse: impl Fn(Item) -> Result<wire::Event, Skipped>,
) -> Page {
    let next = match (events.next_link, events.delta_link) {
        (Some(link), _) if leads_here(target, &link) => Next::Page(link),
        (None, Some(link)) if leads_here(target, &link) => Next::Cursor(link),
        _ => Next::Nothing,
    };
    let count = u32::try_from(events.value.len()).unwrap_or(u32::MAX);
    let mut page = Page { count, next, ..Page::default() };
    let mut looks = BTreeSet::new();
    for item in events.value {
        match parse(item).and_then(|event| row(target, event)) {
            // A series comes as a row for each of its occurrences: it is asked for once.
            Ok(Row::Look(look)) if !looks.insert((look.id.clone(), look.only_known)) => {}
            Ok(row) => page.rows.push(row),
            Err(skipped) => page.skipped.push(skipped),
        }
    }
    page
}

/// What a row of a delta is worth.
fn row(target: &Target<'_>, event: wire::Event) -> Result<Row, Skipped> {
    let look = |id: Option<String>, only_known| match id.filter(|id| !id.is_empty()) {
        Some(id) => Ok(Row::Look(Look { id, only_known })),
        None => Err(event::skipped(None, "missing-id", "the row has no id")),
    };
    // Removed, or created or changed outside the window: that it was deleted is not said.
    if event.removed.is_some() {
        return look(event.id, true);
    }
    if event::is_instance(&event) {
        return look(event.series_master_id.or(event.id), false);
    }
    let whole = event.original_start_time_zone.is_some() && event.subject.is_some();
    if whole && event.kind.as_deref() == Some("singleInstance") {
        return event::read(target, event);
    }
    look(event.id, false)
}

/// The reason for an item that is no event; its id, when at least that can be read.
pub(super) fn damaged(item: &str) -> Skipped {
    let fields: BTreeMap<String, Value> = serde_json::from_str(item).unwrap_or_default();
    let remote_id = fields.get("id").and_then(|id| id.as_str()).map(str::to_owned);
    event::skipped(remote_id, "malformed-row", "a field of the row has another type than Microsoft documents")
}

/// What is asked for of an event: everything that Tandem reads, all exceptions of a series, and our mark.
fn whole(target: &Target<'_>) -> String {
    let mark = format!("singleValueExtendedProperties($filter=id eq '{}')", event::MARK);
    if target.apart {
        return query(&[("$expand", &mark)]);
    }
    let expand = format!("exceptionOccurrences,{mark}");
    query(&[("$select", wire::SELECTED), ("$expand", &expand)])
}

/// Ask for one event.
pub(super) fn get(target: &Target<'_>, remote_id: &str) -> Request {
    prefer(get_request(format!("{}/{}?{}", events_url(target), encode(remote_id), whole(target))))
}

/// Ask for several events in a batch.
pub(super) fn get_many(target: &Target<'_>, remote_ids: &[String]) -> Request {
    let (path, whole) = (calendar_path(target), whole(target));
    let ask = |(n, id): (usize, &String)| {
        let url = format!("{path}/events/{}?{whole}", encode(id));
        json!({"id": n.to_string(), "method": "GET", "url": url, "headers": {"Prefer": super::IMMUTABLE}})
    };
    let requests: Vec<Value> = remote_ids.iter().take(BATCH).enumerate().map(ask).collect();
    prefer(json_request(Method::Post, format!("{}/$batch", base_url(target)), &json!({"requests": requests})))
}

/// Take a batch apart; its answers come in any order, and each has to be there.
pub(super) fn read_many(remote_ids: &[String], response: &Response) -> Option<Vec<(String, Response)>> {
    let batch: wire::Batch<'_> = serde_json::from_slice(&response.body).ok()?;
    let mut answers: BTreeMap<String, Response> = BTreeMap::new();
    for answer in batch.responses {
        let body = answer.body.map(|body| body.get().as_bytes().to_vec()).unwrap_or_default();
        let headers = answer.headers.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
        answers.insert(answer.id, Response { status: answer.status, headers, body });
    }
    let found = remote_ids.iter().enumerate().map(|(n, id)| Some((id.clone(), answers.remove(&n.to_string())?)));
    found.collect()
}

/// Whether a request of a batch was refused for its authorisation.
pub(super) fn any_unauthorized(body: &[u8]) -> bool {
    let batch: Option<wire::Batch<'_>> = serde_json::from_slice(body).ok();
    batch.is_some_and(|batch| batch.responses.iter().any(|answer| answer.status == 401))
}

/// Look for an event by our mark.
pub(super) fn find_created(target: &Target<'_>, new: &New<'_>) -> Request {
    let mark = new.mark.replace('\'', "''");
    let any = format!("singleValueExtendedProperties/Any(ep: ep/id eq '{}' and ep/value eq '{mark}')", event::MARK);
    let expand = format!("singleValueExtendedProperties($filter=id eq '{}')", event::MARK);
    let parameters = query(&[("$filter", &any), ("$expand", &expand), ("$top", "10")]);
    prefer(get_request(format!("{}?{parameters}", events_url(target))))
}

/// Read the answer of `find_created`.
pub(super) fn read_created(target: &Target<'_>, body: &[u8]) -> Result<Candidates, Skipped> {
    let events: wire::Events<wire::Event> = serde_json::from_slice(body).map_err(|_| damaged(""))?;
    Ok(Candidates {
        rows: events.value.into_iter().map(|event| event::read(target, event)).collect(),
        next: events.next_link.map(|next| prefer(get_request(next))),
    })
}
