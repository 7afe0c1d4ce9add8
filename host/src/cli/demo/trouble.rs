//! Why the demo cannot go on, for the person who watches it.

use std::fmt::Display;

/// A sentence that says what went wrong. It holds ids, never titles.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct Trouble(pub(super) String);

/// What may go wrong.
pub(super) type Told<T> = Result<T, Trouble>;

impl Trouble {
    /// `what` did not work, because of `why`.
    pub(super) fn new(what: &str, why: impl Display) -> Self {
        Self(format!("{what}: {why}"))
    }
}

impl From<&str> for Trouble {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}
