//! Exceptions of a series where Graph does not show them with its master: `instances` within a span, compared with
//! what the rule gives. An occurrence that is not among them was deleted, or is one of the exceptions that `instances`
//! are known to leave out: `calendarView` has those.

use std::collections::BTreeSet;

use super::changes::leads_here;
use super::{base_url, calendar_path, event, events_url, prefer, wire};
use crate::effects::Request;
use crate::limits::OCCURRENCE_MARGIN_MS;
use crate::provider::request::{encode, get_request, query};
use crate::provider::{Occurrences, RemoteEvent, RemoteException, Row, Span, Target};
use crate::recurrence::{self, Window};
use crate::time::format_rfc3339;

/// Most occurrences that are compared.
const MAX_OCCURRENCES: usize = 5_000;

/// Ask for a page of occurrences.
pub(super) fn ask(target: &Target<'_>, id: &str, span: Span, page: Option<&str>) -> Request {
    list(target, &format!("{}/{}/instances", events_url(target), encode(id)), span, page)
}

/// Ask for a page of all that the calendar has in a span.
pub(super) fn ask_all(target: &Target<'_>, span: Span, page: Option<&str>) -> Request {
    list(target, &format!("{}{}/calendarView", base_url(target), calendar_path(target)), span, page)
}

fn list(target: &Target<'_>, url: &str, span: Span, page: Option<&str>) -> Request {
    let text = |ms: u64| format_rfc3339(i64::try_from(ms).unwrap_or(i64::MAX)).unwrap_or_default();
    let (from, to) = (text(span.from_ms), text(span.to_ms));
    let first = || format!("{url}?{}", query(&[("startDateTime", &from), ("endDateTime", &to), ("$top", "1000")]));
    let link = page.filter(|link| leads_here(target, link));
    prefer(get_request(link.map_or_else(first, str::to_owned)))
}

/// Read what a page says of a series.
pub(super) fn read(target: &Target<'_>, id: &str, body: &[u8]) -> Option<Occurrences> {
    let page: wire::Events<wire::RawItem<'_>> = serde_json::from_slice(body).ok()?;
    let mut read = Occurrences { next: page.next_link, complete: true, ..Occurrences::default() };
    for item in page.value {
        match serde_json::from_str::<wire::Event>(item.get()).map(|event| event::read(target, event)) {
            Ok(Ok(Row::Exception(row))) if row.master == id => read.rows.push(*row),
            // Of others; one that cannot be read may be of this series.
            Ok(Ok(_)) => {}
            _ => read.complete = false,
        }
    }
    Some(read)
}

/// The exceptions among all occurrences, and those that are missing as deleted ones.
pub(super) fn exceptions(
    target: &Target<'_>,
    master: &RemoteEvent,
    span: Span,
    all: Vec<RemoteException>,
) -> Option<(Vec<RemoteException>, Span)> {
    let from_ms = span.from_ms + OCCURRENCE_MARGIN_MS;
    let to_ms = span.to_ms.saturating_sub(OCCURRENCE_MARGIN_MS).max(from_ms);
    let mut shown = BTreeSet::new();
    let mut found = Vec::new();
    for row in all {
        let event = serde_json::from_str::<wire::Event>(&row.row).ok()?;
        shown.insert(event::original_start(target, &event, &master.document)?);
        if event.kind.as_deref() == Some("exception") {
            found.push(row);
        }
    }
    let window = Window { from_ms, to_ms, zone: target.time_zone, limit: MAX_OCCURRENCES };
    let expected = recurrence::occurrences(master.document.value(), &window, target.zones);
    let expected = expected.ok().filter(|expected| !expected.truncated)?;
    let ids = expected.items.into_iter().filter(|one| one.start_ms >= from_ms).filter_map(|one| one.recurrence_id);
    found.extend(ids.filter(|id| !shown.contains(id)).map(|id| {
        let day = id.get(..10).unwrap_or(&id);
        let id = format!("{}{}.{day}", event::CANCELLED, master.id);
        RemoteException { id, master: master.id.clone(), etag: String::new(), updated_ms: 0, row: String::new() }
    }));
    Some((found, Span { from_ms, to_ms }))
}
