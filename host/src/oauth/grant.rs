//! How a connection is authorised, as the store keeps it, and what outlives a restart of it.
//!
//! Microsoft gives a new refresh token with every refresh. The newest is the one to keep, although the settings still
//! name the first: a grant remembers which token it was given, so that the two are told from a token that is new.

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

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
        /// What access tokens are asked for; none for all that was granted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        scope: Option<String>,
        /// SHA-256 in hex of the refresh token that the account was connected with; none while `token` is that one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        given: Option<String>,
    },
}

impl Grant {
    /// The same grant with the refresh token that the provider gave in place of the old one.
    pub(super) fn rotated(self, newer: String) -> Self {
        match self {
            Self::RefreshToken { token, client_id, client_secret, token_url, scope, given } => Self::RefreshToken {
                given: Some(given.unwrap_or_else(|| fingerprint(&token))),
                token: newer,
                client_id,
                client_secret,
                token_url,
                scope,
            },
            Self::AccessToken { .. } => self,
        }
    }

    /// What to store when the settings name this grant and the store has `kept`: this one, but with the newest
    /// refresh token when `kept` came from the same one of the same client.
    #[must_use]
    pub fn going_on_from(self, kept: &Self) -> Self {
        let Self::RefreshToken { token: newest, client_id: same_client, given: Some(first), .. } = kept else {
            return self;
        };
        match self {
            Self::RefreshToken { token, client_id, client_secret, token_url, scope, .. }
                if client_id == *same_client && fingerprint(&token) == *first =>
            {
                let (token, given) = (newest.clone(), Some(first.clone()));
                Self::RefreshToken { token, client_id, client_secret, token_url, scope, given }
            }
            other => other,
        }
    }
}

fn fingerprint(token: &str) -> String {
    HEXLOWER.encode(&Sha256::digest(token.as_bytes()))
}

impl std::fmt::Debug for Grant {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Self::AccessToken { .. } => "AccessToken(..)",
            Self::RefreshToken { .. } => "RefreshToken(..)",
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
    use super::*;

    fn grant(token: &str, client: &str, secret: &str) -> Grant {
        Grant::RefreshToken {
            token: token.into(),
            client_id: client.into(),
            client_secret: Some(secret.into()),
            token_url: "https://login.example/token".into(),
            scope: Some("offline_access".into()),
            given: None,
        }
    }

    fn parts(grant: Grant) -> (String, Option<String>) {
        match grant {
            Grant::RefreshToken { token, client_secret, .. } => (token, client_secret),
            Grant::AccessToken { token } => (token, None),
        }
    }

    #[test]
    fn the_newest_token_stays_until_the_settings_name_another() {
        let kept = grant("first", "app", "old").rotated("second".into()).rotated("third".into());
        let stored: Grant = serde_json::from_str(&serde_json::to_string(&kept).unwrap()).unwrap();
        let cases = [
            (grant("first", "app", "old"), "third", "old"),
            // The client got a new secret: the token stays its own.
            (grant("first", "app", "new"), "third", "new"),
            (grant("another", "app", "old"), "another", "old"),
            // A token of one client is worth nothing to another.
            (grant("first", "other-app", "old"), "first", "old"),
        ];
        for (wanted, token, secret) in cases {
            assert_eq!(parts(wanted.going_on_from(&stored)), (token.to_owned(), Some(secret.to_owned())));
        }
        let access = Grant::AccessToken { token: "access".into() };
        assert_eq!(parts(access.clone().going_on_from(&stored)).0, "access");
        assert_eq!(parts(grant("first", "app", "old").going_on_from(&access)).0, "first");
    }

    #[test]
    fn a_grant_that_never_rotated_is_stored_as_ever() {
        let plain = Grant::RefreshToken {
            token: "t".into(),
            client_id: "c".into(),
            client_secret: None,
            token_url: "u".into(),
            scope: None,
            given: None,
        };
        let text = r#"{"kind":"refresh-token","token":"t","client_id":"c","client_secret":null,"token_url":"u"}"#;
        assert_eq!(serde_json::to_string(&plain).unwrap(), text);
        let read: Grant = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&plain.going_on_from(&read)).unwrap(), text, "a start would write it again");
    }
}
