//! Bounds of the server, each with its unit and reason.

use std::time::Duration;

/// Bytes of a request body, on every path: the boundary promises the component no more for a webhook, and a series
/// with thousands of overrides stays below it.
pub const BODY_BYTES: usize = 1024 * 1024;
/// How long a body may take to arrive: slow senders must not hold memory for ever.
pub const BODY_TIME: Duration = Duration::from_secs(30);
/// How long the head of a request may take, and how long an idle connection is kept.
pub const HEAD_TIME: Duration = Duration::from_secs(60);
/// Connections at the same time; further ones wait in the operating system's queue.
pub const CONNECTIONS: usize = 4096;
/// Pause after the operating system refused a connection (no file handles left).
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Rows in one page of a list, at most.
pub const PAGE_MOST: u32 = 1000;
/// Rows in one page of a list, unless asked.
pub const PAGE: u32 = 100;
/// Occurrences in one answer, at most: the boundary's bound.
pub const OCCURRENCES_MOST: u32 = 10_000;
/// Occurrences in one answer, unless asked.
pub const OCCURRENCES: u32 = 1000;
/// Most occurrences of an explanation.
pub const EXPLAINED_MOST: u32 = 100;
/// Occurrences of an explanation unless asked otherwise.
pub const EXPLAINED: u32 = 10;
/// Seconds that a call for changes may wait: below the idle time of common proxies.
pub const WAIT_MOST_S: u32 = 50;
/// Calls that wait for changes at the same time; each costs one small read for every `WAIT_LOOK`.
pub const WAITING: usize = 1000;
/// How often a waiting call looks for changes that came from a provider; those through the API wake it at once.
pub const WAIT_LOOK: Duration = Duration::from_millis(250);
/// Characters of a uid, as the boundary defines it.
pub const UID_CHARS: usize = 1000;
/// Bytes of a request id that a caller may bring along.
pub const REQUEST_ID_BYTES: usize = 64;
