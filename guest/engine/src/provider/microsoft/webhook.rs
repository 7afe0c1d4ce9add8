//! Graph's notifications: a POST with JSON, of many items that may be of several subscriptions; and its handshake.

use super::wire;
use crate::provider::request::parameter;
use crate::provider::{News, Notice, Notification};

/// Longest text of a handshake that is sent back, in bytes.
const MAX_HANDSHAKE: usize = 4_096;

/// Read a notification. News of changes and of the subscription itself (it ends, it has to be renewed, something was
/// missed) are the same here: a mark, by which the listing and the subscription are looked at.
pub(super) fn read(notice: &Notice) -> Notification {
    if let Some(text) = parameter(&notice.query, "validationToken").filter(|text| text.len() <= MAX_HANDSHAKE) {
        return Notification::Handshake(text);
    }
    let claims = parameter(&notice.query, "claims");
    let body = serde_json::from_slice::<wire::Notifications>(&notice.body);
    let (Some(channel), Some(claims), Ok(body)) = (parameter(&notice.query, "channel"), claims, body) else {
        return Notification::Malformed;
    };
    let news = body.value.into_iter().map(|item| News {
        channel: channel.clone(),
        token: format!("{claims}:{}", item.client_state.unwrap_or_default()),
        hello: false,
        message_number: 0,
    });
    let mut news: Vec<News> = news.collect();
    // Items of one subscription say the same here; each is still judged by its own proof.
    news.dedup();
    Notification::News(news)
}
