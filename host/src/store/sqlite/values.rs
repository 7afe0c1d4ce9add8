//! Between the words of the boundary and SQLite's values.
//!
//! Invariant: what is stored reads back equal. SQLite's integers are signed, so `u64::MAX` ("never", "no end") is
//! stored as `i64::MAX` and read back as `u64::MAX`; order is kept.

use rusqlite::ErrorCode;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};

use crate::bindings::tandem::calendar::storage::{ConflictWinner, FailureKind, ReplicaHealth};
use crate::bindings::tandem::calendar::types::{ConflictPolicy, Provider, ReplicaMode, StorageError};

/// An unsigned number in a signed column; everything above `i64::MAX` is `u64::MAX`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Unsigned(pub(super) u64);

/// `i64::MAX`: "never" and "no end" as they are stored.
pub(super) const NEVER: i64 = i64::MAX;

impl Unsigned {
    /// The number as it is stored.
    pub(super) fn stored(self) -> i64 {
        i64::try_from(self.0).unwrap_or(NEVER)
    }
}

impl ToSql for Unsigned {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(self.stored()))
    }
}

impl FromSql for Unsigned {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value.as_i64()? {
            NEVER => Ok(Self(u64::MAX)),
            number => u64::try_from(number).map(Self).map_err(|_| FromSqlError::OutOfRange(number)),
        }
    }
}

/// An enum of the boundary, stored as its WIT name.
pub(super) struct Word<T>(pub(super) T);

macro_rules! words {
    ($($kind:ident { $($variant:ident = $name:literal),+ })+) => {$(
        impl ToSql for Word<$kind> {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                Ok(ToSqlOutput::from(match self.0 { $($kind::$variant => $name),+ }))
            }
        }
        impl FromSql for Word<$kind> {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                match value.as_str()? {
                    $($name => Ok(Self($kind::$variant)),)+
                    _ => Err(FromSqlError::InvalidType),
                }
            }
        }
    )+};
}

words! {
    Provider { Google = "google", Microsoft = "microsoft" }
    ReplicaMode { TwoWay = "two-way", Pull = "pull", Push = "push", BusyOnly = "busy-only" }
    ConflictPolicy { Newest = "newest", Remote = "remote", Local = "local", Ask = "ask" }
    ReplicaHealth { Starting = "starting", Healthy = "healthy", Throttled = "throttled", Paused = "paused" }
    ConflictWinner { Local = "local", Remote = "remote", Mixed = "mixed" }
    FailureKind { Push = "push", Item = "item", Step = "step", Guard = "guard" }
}

/// The closed set of the boundary has two answers for a database's errors: the data is not accepted, or try later.
/// The database's own text stays in the log, because it can quote data.
impl From<rusqlite::Error> for StorageError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::ConstraintViolation) => Self::Refused("a rule of the store does not hold".into()),
            Some(ErrorCode::TooBig) => Self::Refused("a value is too large".into()),
            code => {
                tracing::error!(?code, "a database call failed");
                Self::Unavailable
            }
        }
    }
}
