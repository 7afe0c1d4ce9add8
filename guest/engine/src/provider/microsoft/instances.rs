//! Exceptions of a series where Graph does not show them with its master: `instances` within a span, compared with
//! what the rule gives. An occurrence that is not among them was deleted.

use std::collections::BTreeSet;

use super::{event, events_url, prefer, wire};
use crate::effects::Request;
use crate::provider::request::{encode, get_request, query};
use crate::provider::{RemoteEvent, RemoteException, Row, Span, Target};
use crate::recurrence::{self, Window};
use crate::time::format_rfc3339;

/// How far from the ends of the span nothing is concluded, in milliseconds: an occurrence may have moved over them.
const MARGIN_MS: u64 = 31 * 86_400_000;
/// Most occurrences that are compared.
const MAX_OCCURRENCES: usize = 5_000;

/// Ask for a page of occurrences.
pub(super) fn ask(target: &Target<'_>, id: &str, span: Span, page: Option<&str>) -> Request {
    let text = |ms: u64| format_rfc3339(i64::try_from(ms).unwrap_or(i64::MAX)).unwrap_or_default();
    let (from, to) = (text(span.from_ms), text(span.to_ms));
    let first = || {
        let parameters = query(&[("startDateTime", &from), ("endDateTime", &to), ("$top", "1000")]);
        format!("{}/{}/instances?{parameters}", events_url(target), encode(id))
    };
    let link = page.filter(|link| super::changes::leads_here(target, link));
    prefer(get_request(link.map_or_else(first, str::to_owned)))
}

/// Read a page of occurrences.
pub(super) fn read(target: &Target<'_>, body: &[u8]) -> Option<(Vec<RemoteException>, Option<String>)> {
    let events: wire::Events<wire::Event> = serde_json::from_slice(body).ok()?;
    let rows = events.value.into_iter().filter_map(|row| match event::read(target, row) {
        Ok(Row::Exception(exception)) => Some(*exception),
        _ => None,
    });
    Some((rows.collect(), events.next_link))
}

/// The exceptions among all occurrences, and those that are missing as deleted ones.
pub(super) fn exceptions(
    target: &Target<'_>,
    master: &RemoteEvent,
    span: Span,
    all: Vec<RemoteException>,
) -> (Vec<RemoteException>, Span) {
    let (from_ms, to_ms) =
        (span.from_ms + MARGIN_MS, span.to_ms.saturating_sub(MARGIN_MS).max(span.from_ms + MARGIN_MS));
    let sure = Span { from_ms, to_ms };
    let mut shown = BTreeSet::new();
    let mut found = Vec::new();
    for row in all {
        let Ok(event) = serde_json::from_str::<wire::Event>(&row.row) else { continue };
        shown.extend(event::original_start(target, &event, &master.document));
        if event.kind.as_deref() == Some("exception") {
            found.push(row);
        }
    }
    let window = Window { from_ms, to_ms, zone: target.time_zone, limit: MAX_OCCURRENCES };
    let expected = recurrence::occurrences(master.document.value(), &window, target.zones);
    let Some(expected) = expected.ok().filter(|expected| !expected.truncated) else { return (found, span) };
    let ids = expected.items.into_iter().filter(|one| one.start_ms >= from_ms).filter_map(|one| one.recurrence_id);
    found.extend(ids.filter(|id| !shown.contains(id)).map(|id| {
        let day = id.get(..10).unwrap_or(&id);
        let id = format!("{}{}.{day}", event::CANCELLED, master.id);
        RemoteException { id, master: master.id.clone(), etag: String::new(), updated_ms: 0, row: String::new() }
    }));
    (found, sure)
}
