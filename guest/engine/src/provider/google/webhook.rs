//! Google's notifications: a POST without a body, everything is in the headers.

use crate::provider::{News, Notice, Notification};

/// Read the headers: `X-Goog-Channel-ID`, `X-Goog-Channel-Token`, `X-Goog-Resource-State` (`sync`: the channel was
/// just made) and `X-Goog-Message-Number`. Without a channel it is no notification.
pub(super) fn read(notice: &Notice) -> Notification {
    let header = |name: &str| {
        let mut headers = notice.headers.iter();
        headers.find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str()).unwrap_or_default()
    };
    let channel = header("x-goog-channel-id");
    if channel.is_empty() {
        return Notification::Malformed;
    }
    Notification::News(vec![News {
        channel: channel.to_owned(),
        token: header("x-goog-channel-token").to_owned(),
        hello: header("x-goog-resource-state").eq_ignore_ascii_case("sync"),
        message_number: header("x-goog-message-number").parse().unwrap_or(0),
    }])
}
