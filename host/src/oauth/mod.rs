//! Access tokens: where they come from, and the placeholder that stands for them inside the sandbox.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::clock::Clock;
use crate::store::Store;

/// How a connection is authorised: the JSON in `ConnectionRow::settings`.
#[derive(Clone, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Grant {
    /// A bearer token that somebody else keeps fresh.
    AccessToken {
        /// The token.
        token: String,
    },
    /// An OAuth refresh token and the client it was given to.
    RefreshToken {
        /// The token.
        token: String,
        /// The client.
        client_id: String,
        /// The client's secret; none for public clients.
        client_secret: Option<String>,
        /// Where tokens are had.
        token_url: String,
    },
}

/// Keeps access tokens fresh.
pub struct Credentials {}

impl Credentials {
    /// Over the connections of a store. Token requests go through `egress`.
    #[must_use]
    pub fn new(_store: Arc<dyn Store>, _egress: Arc<crate::egress::Egress>, _clock: Arc<dyn Clock>) -> Self {
        Self {}
    }
}
