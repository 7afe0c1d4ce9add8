//! Why the server does not start.

use std::net::SocketAddr;

use crate::bindings::tandem::calendar::types::StorageError;
use crate::config::SecretError;
use crate::runtime::RuntimeError;
use crate::store::OpenError;
use crate::zones::NoZones;

/// Why the server does not start. Texts say what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The signing key.
    #[error(transparent)]
    Key(#[from] SecretError),
    /// The zone rules.
    #[error(transparent)]
    Zones(#[from] NoZones),
    /// The component.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// The socket.
    #[error("cannot listen on {0}: {1}; choose another server.listen, or end the program that uses it")]
    Listen(SocketAddr, std::io::Error),
    /// A call to the store.
    #[error("the settings cannot be written to the database: {0}")]
    Store(String),
    /// A grant that cannot be stored.
    #[error("connection {0} cannot be stored")]
    Seed(String),
    /// A replica with another calendar than before.
    #[error(
        "replica {0} belongs to another calendar, connection or remote calendar in the database; \
         give the new one an id of its own"
    )]
    Bound(String),
    /// A task of the start itself ended early.
    #[error("the start was interrupted: {0}")]
    Interrupted(String),
}

impl From<StorageError> for StartError {
    fn from(error: StorageError) -> Self {
        Self::Store(match error {
            StorageError::Refused(why) => why,
            StorageError::Unavailable => "it is not available".into(),
            StorageError::Stale | StorageError::LeaseLost => "somebody else writes to it".into(),
        })
    }
}
