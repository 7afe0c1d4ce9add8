//! The words about push channels: how they are made, and what comes in by them. Nothing here is believed yet; that a
//! notification is genuine is decided in `webhooks`.

use crate::effects::{ProviderKind, TimeMs};

/// A channel to be made.
#[derive(Debug, Clone, Copy)]
pub struct Watch<'a> {
    /// Our name for it.
    pub channel_id: &'a str,
    /// Proves that a notification is for this channel; see `webhooks/token.rs`.
    pub token: &'a str,
    /// The URL for notifications of all providers, without a provider's segment.
    pub base: &'a str,
    /// When it should end.
    pub expires_ms: TimeMs,
}

/// How long channels live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChannelTimes {
    /// What is asked for, in milliseconds.
    pub life_ms: u64,
    /// How long before its end a channel is renewed or replaced, in milliseconds.
    pub renewal_ms: u64,
    /// A channel is renewed in place; else a new one is made and the old one stopped.
    pub renews: bool,
}

/// A channel as the provider granted it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Granted {
    /// The provider's name of what is watched.
    pub resource_id: String,
    /// When it ends.
    pub expires_ms: TimeMs,
}

/// A channel that the provider already has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watched {
    /// Our name for it.
    pub channel_id: String,
    /// The token that it carries.
    pub token: String,
    /// The provider's name of it.
    pub resource_id: String,
}

/// An HTTP request that came in at a provider's endpoint for notifications.
#[derive(Debug, Clone)]
pub struct Notice {
    /// Whose endpoint was called.
    pub provider: ProviderKind,
    /// The query string without `?`.
    pub query: String,
    /// Headers, names in any case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// What an incoming request says, before anything of it is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notification {
    /// It is none.
    Malformed,
    /// The provider wants this text back, as plain text.
    Handshake(String),
    /// News of channels, each with its own proof.
    News(Vec<News>),
}

/// News of one channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct News {
    /// Our name of the channel.
    pub channel: String,
    /// Its token.
    pub token: String,
    /// The channel was just made: nothing has changed.
    pub hello: bool,
    /// The provider's message number; 0 for none.
    pub message_number: u64,
}
