//! Listing: `events.list`, full and incremental.

use std::collections::BTreeMap;

use super::calendar_url;
use super::wire;
use crate::effects::Request;
use crate::limits::MAX_PAGE_SIZE;
use crate::provider::request::{get_request, query};
use crate::provider::{Next, Page, Position, Skipped, Target};

/// Ask for a page. The parameters are the same in every request of a calendar, as sync tokens demand; exceptions
/// come as rows of their own (`singleEvents=false`), deletions always come with a sync token.
pub(super) fn list(target: &Target<'_>, position: Position<'_>) -> Request {
    let size = target.settings.page_size.clamp(1, MAX_PAGE_SIZE).to_string();
    let mut parameters = vec![("maxResults", size.as_str()), ("singleEvents", "false")];
    if let Some(cursor) = position.cursor {
        parameters.push(("syncToken", cursor));
    }
    if let Some(page) = position.page {
        parameters.push(("pageToken", page));
    }
    get_request(format!("{}/events?{}", calendar_url(target), query(&parameters)))
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
    // The page itself says the calendar's zone; what we knew before is older.
    let zone = events.time_zone.as_deref().filter(|zone| target.zones.exists(zone));
    let inner = Target { time_zone: zone.unwrap_or(target.time_zone), ..*target };
    let mut page = Page {
        count: u32::try_from(events.items.len()).unwrap_or(u32::MAX),
        writable: events.access_role.as_deref().map(|role| role.starts_with("writer") || role == "owner"),
        only_busy: events.access_role.as_deref() == Some("freeBusyReader"),
        time_zone: zone.map(str::to_owned),
        next: match (events.next_page_token, events.next_sync_token) {
            (Some(token), _) => Next::Page(token),
            (None, Some(cursor)) => Next::Cursor(cursor),
            (None, None) => Next::Nothing,
        },
        ..Page::default()
    };
    page.rows.reserve(events.items.len());
    for item in events.items {
        match parse(item).and_then(|event| super::event::read(&inner, event)) {
            Ok(row) => page.rows.push(row),
            Err(skipped) => page.skipped.push(skipped),
        }
    }
    page
}

/// The reason for an item that is no event; its id, when at least that can be read.
pub(super) fn damaged(item: &str) -> Skipped {
    let fields: BTreeMap<String, serde_json::Value> = serde_json::from_str(item).unwrap_or_default();
    let remote_id = fields.get("id").and_then(|id| id.as_str()).map(str::to_owned);
    super::event::skipped(remote_id, "malformed-row", "a field of the row has another type than Google documents")
}
