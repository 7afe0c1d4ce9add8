//! Google's notifications: a POST without a body, everything is in the headers.

/// What a notification says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Notification<'a> {
    /// `X-Goog-Channel-ID`.
    pub(crate) channel: &'a str,
    /// `X-Goog-Channel-Token`; empty when missing.
    pub(crate) token: &'a str,
    /// `X-Goog-Resource-State` is `sync`: the channel was just made.
    pub(crate) handshake: bool,
    /// `X-Goog-Message-Number`; 0 when missing.
    pub(crate) message_number: u64,
}

/// Read the headers; none when the channel id is missing.
pub(crate) fn read(headers: &[(String, String)]) -> Option<Notification<'_>> {
    let header = |name: &str| {
        headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str()).unwrap_or_default()
    };
    let channel = header("x-goog-channel-id");
    (!channel.is_empty()).then(|| Notification {
        channel,
        token: header("x-goog-channel-token"),
        handshake: header("x-goog-resource-state").eq_ignore_ascii_case("sync"),
        message_number: header("x-goog-message-number").parse().unwrap_or(0),
    })
}
