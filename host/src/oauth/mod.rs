//! Access tokens: where they come from, and how they are kept fresh.
//!
//! Tokens live here, in the store's host-side settings and in [`crate::egress`]; the sandbox only ever sees a
//! placeholder. Nothing in this module prints one.

mod grant;
mod refresh;
mod secret;
mod token_endpoint;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

pub use crate::bindings::tandem::calendar::credentials::AuthError;
use crate::clock::Clock;
use crate::egress::Egress;
use crate::store::{ConnectionRow, Store};
pub use grant::Grant;
use refresh::Slot;
pub use secret::Secret;

/// Connections whose access tokens are kept before unused ones are dropped.
const MAX_IDLE_SLOTS: usize = 16_384;

/// Keeps access tokens fresh. Cheap to clone.
#[derive(Clone)]
pub struct Credentials {
    shared: Arc<Shared>,
}

/// What every connection's slot works with.
struct Shared {
    store: Arc<dyn Store>,
    egress: Arc<Egress>,
    clock: Arc<dyn Clock>,
    slots: Mutex<HashMap<(String, String), Arc<Slot>>>,
}

/// Whether a token that was good a moment ago will do.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// Any token that has not run out.
    Valid,
    /// A newer one: the provider refused the last.
    Newer,
}

impl Credentials {
    /// Over the connections of a store. Token requests go through `egress`, whose list must name the token hosts.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, egress: Arc<Egress>, clock: Arc<dyn Clock>) -> Self {
        Self { shared: Arc::new(Shared { store, egress, clock, slots: Mutex::default() }) }
    }

    /// The access token of a connection and its row, refreshed when it runs out within a minute.
    pub async fn token(&self, tenant: &str, connection: &str) -> Result<(Secret, ConnectionRow), AuthError> {
        self.obtain(tenant, connection, Wanted::Valid).await
    }

    /// A newer access token, after the provider refused the last one. Asks the provider at most once in a few
    /// seconds; for [`Grant::AccessToken`] it is whatever the store holds now.
    pub async fn refresh(&self, tenant: &str, connection: &str) -> Result<(Secret, ConnectionRow), AuthError> {
        self.obtain(tenant, connection, Wanted::Newer).await
    }

    async fn obtain(
        &self,
        tenant: &str,
        connection: &str,
        wanted: Wanted,
    ) -> Result<(Secret, ConnectionRow), AuthError> {
        let (row, grant) = self.shared.grant(tenant, connection).await?;
        let token = match grant {
            Grant::AccessToken { token } => Secret::new(token),
            Grant::RefreshToken { .. } => {
                let slot = self.shared.slot(tenant, connection);
                refresh::obtain(Arc::clone(&self.shared), slot, row.clone(), wanted).await?
            }
        };
        Ok((token, row))
    }
}

impl Shared {
    /// The row of a connection and how it is authorised, as the store has it now: another process may have
    /// connected the account again or rotated its refresh token.
    async fn grant(&self, tenant: &str, connection: &str) -> Result<(ConnectionRow, Grant), AuthError> {
        let row = self.store.connection(tenant, connection).await.map_err(|_| AuthError::Unavailable)?;
        let row = row.ok_or(AuthError::Missing)?;
        if row.revoked {
            return Err(AuthError::Revoked);
        }
        let grant = serde_json::from_str(&row.settings).map_err(|_| AuthError::Missing)?;
        Ok((row, grant))
    }

    fn slot(&self, tenant: &str, connection: &str) -> Arc<Slot> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= MAX_IDLE_SLOTS {
            // A dropped slot costs one token request later.
            slots.retain(|_, slot| Arc::strong_count(slot) > 1);
        }
        Arc::clone(slots.entry((tenant.to_owned(), connection.to_owned())).or_default())
    }
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Credentials(..)")
    }
}
