//! The calendar and its mailbox: whether we may write, and the zone of events that have none. Pages of a delta say
//! neither.

use serde_json::json;

use super::{base_url, calendar_path, prefer, wire, zones};
use crate::effects::{Method, Request};
use crate::provider::request::json_request;
use crate::provider::{Description, Target};

/// Ask for both in a batch.
pub(super) fn ask(target: &Target<'_>) -> Request {
    let calendar = format!("{}?$select=id,canEdit", calendar_path(target));
    let requests = json!([
        {"id": "calendar", "method": "GET", "url": calendar},
        {"id": "zone", "method": "GET", "url": "/me/mailboxSettings/timeZone"},
    ]);
    prefer(json_request(Method::Post, format!("{}/$batch", base_url(target)), &json!({"requests": requests})))
}

/// Read the answers. The zone needs a permission of its own (`MailboxSettings.Read`): without it none is known.
pub(super) fn read(target: &Target<'_>, body: &[u8]) -> Option<Description> {
    let batch: wire::Batch<'_> = serde_json::from_slice(body).ok()?;
    let mut description = Description::default();
    for answer in batch.responses {
        let Some(body) = answer.body.filter(|_| answer.status == 200) else { continue };
        match answer.id.as_str() {
            "calendar" => {
                let calendar: Option<wire::Calendar> = serde_json::from_str(body.get()).ok();
                description.writable = calendar.and_then(|calendar| calendar.can_edit);
            }
            _ => {
                let zone: Option<wire::Text> = serde_json::from_str(body.get()).ok();
                description.time_zone = zone.and_then(|zone| zones::zone_of(target, &zone.value));
            }
        }
    }
    Some(description)
}
