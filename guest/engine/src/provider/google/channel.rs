//! Push channels: `events.watch` and `channels.stop`.

use serde_json::json;

use super::{base_url, calendar_url};
use crate::effects::{Method, Request, TimeMs};
use crate::provider::request::json_request;
use crate::provider::{ChannelTimes, Granted, Target, Watch};

/// 7 days are Google's default and effective maximum. A channel cannot be renewed: a day before its end another
/// takes its place.
pub(super) const TIMES: ChannelTimes = ChannelTimes { life_ms: 7 * DAY_MS, renewal_ms: DAY_MS, renews: false };

const DAY_MS: u64 = 86_400_000;

/// Ask for a channel. Google may grant a shorter life than asked, silently.
pub(super) fn watch(target: &Target<'_>, watch: &Watch<'_>) -> Request {
    let body = json!({
        "id": watch.channel_id,
        "type": "web_hook",
        "address": format!("{}/google", watch.base),
        "token": watch.token,
        "expiration": watch.expires_ms.to_string(),
    });
    json_request(Method::Post, format!("{}/events/watch", calendar_url(target)), &body)
}

/// Read the granted channel.
pub(super) fn read_watch(body: &[u8]) -> Option<Granted> {
    let channel: super::wire::Channel = serde_json::from_slice(body).ok()?;
    // Without an expiration Google means its default of 7 days; the caller's own bound is shorter or equal.
    let expires_ms = channel.expiration.and_then(|text| text.parse().ok()).unwrap_or(TimeMs::MAX);
    Some(Granted { resource_id: channel.resource_id, expires_ms })
}

/// End a channel.
pub(super) fn stop(target: &Target<'_>, channel_id: &str, resource_id: &str) -> Request {
    let body = json!({"id": channel_id, "resourceId": resource_id});
    json_request(Method::Post, format!("{}/channels/stop", base_url(target)), &body)
}
