//! Subscriptions: create, renew, end.
//!
//! Graph names a subscription itself, and a notification is for it by its `clientState`: the signature of our token.
//! What the token claims stands in the query of the notification's URL, because a `clientState` is at most 128 long.

use serde_json::json;

use super::changes::leads_here;
use super::{base_url, calendar_path, prefer, wire};
use crate::effects::{Method, Request, TimeMs};
use crate::provider::request::{encode, get_request, json_request, parameter, query};
use crate::provider::{ChannelTimes, Granted, Target, Watch, Watched};
use crate::time::{format_rfc3339, parse_rfc3339};

/// 10,080 minutes are Graph's maximum for events; three hours less, because a host's clock may be that far ahead, and
/// more than the maximum is refused. Renewed 12 hours ahead.
pub(super) const TIMES: ChannelTimes =
    ChannelTimes { life_ms: 9_900 * 60_000, renewal_ms: 12 * 3_600_000, renews: true };

/// Ask for a subscription. Graph asks the address for a handshake before it answers.
pub(super) fn watch(target: &Target<'_>, watch: &Watch<'_>) -> Request {
    let (claims, signature) = watch.token.rsplit_once(':').unwrap_or((watch.token, ""));
    let url = format!("{}?{}", address(watch.base), query(&[("channel", watch.channel_id), ("claims", claims)]));
    let body = json!({
        "changeType": "created,updated,deleted",
        "notificationUrl": url,
        "lifecycleNotificationUrl": url,
        "resource": format!("{}/events", calendar_path(target)),
        "expirationDateTime": text(watch.expires_ms),
        "clientState": signature,
        "latestSupportedTlsVersion": "v1_2",
    });
    prefer(json_request(Method::Post, format!("{}/subscriptions", base_url(target)), &body))
}

fn address(base: &str) -> String {
    format!("{base}/microsoft")
}

fn text(ms: TimeMs) -> String {
    format_rfc3339(i64::try_from(ms).unwrap_or(i64::MAX)).unwrap_or_default()
}

/// Read the granted or renewed subscription.
pub(super) fn read_watch(body: &[u8]) -> Option<Granted> {
    let subscription: wire::Subscription = serde_json::from_slice(body).ok()?;
    let ends = subscription.expiration_date_time.as_deref().and_then(parse_rfc3339);
    let expires_ms = ends.and_then(|ms| u64::try_from(ms).ok()).unwrap_or(TimeMs::MAX);
    (!subscription.id.is_empty()).then_some(Granted { resource_id: subscription.id, expires_ms })
}

/// Let a subscription live longer.
pub(super) fn renew(target: &Target<'_>, resource_id: &str, expires_ms: TimeMs) -> Request {
    let url = format!("{}/subscriptions/{}", base_url(target), encode(resource_id));
    prefer(json_request(Method::Patch, url, &json!({"expirationDateTime": text(expires_ms)})))
}

/// Ask which subscriptions there are.
pub(super) fn watched(target: &Target<'_>, page: Option<&str>) -> Request {
    let first = || format!("{}/subscriptions", base_url(target));
    prefer(get_request(page.filter(|link| leads_here(target, link)).map_or_else(first, str::to_owned)))
}

/// Those whose notifications come to us, and the next page.
pub(super) fn read_watched(base: &str, body: &[u8]) -> Option<(Vec<Watched>, Option<String>)> {
    let page = serde_json::from_slice::<wire::Subscriptions>(body).ok()?;
    let ours = page.value.into_iter().filter_map(|subscription| {
        let url = subscription.notification_url?;
        let query = url.strip_prefix(&address(base))?.strip_prefix('?')?;
        let token = format!("{}:{}", parameter(query, "claims")?, subscription.client_state.unwrap_or_default());
        Some(Watched { channel_id: parameter(query, "channel")?, token, resource_id: subscription.id })
    });
    Some((ours.collect(), page.next_link))
}

/// End a subscription.
pub(super) fn stop(target: &Target<'_>, resource_id: &str) -> Request {
    let url = format!("{}/subscriptions/{}", base_url(target), encode(resource_id));
    prefer(Request { method: Method::Delete, url, headers: vec![], body: vec![] })
}
