//! What has to be thrown away from time to time, so that the database does not grow for ever.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::store::{Store, Stored};

/// How long webhook deliveries are kept for audit, in milliseconds: 7 days.
pub const DELIVERIES_KEPT_MS: u64 = 7 * 86_400_000;
/// How often it is looked, in seconds.
const EVERY_S: u64 = 3_600;

/// Throw away what is older than it is kept. Returns how many rows went.
///
/// # Errors
/// When the store does not answer; the next time does the rest.
pub async fn tidy(store: &dyn Store, now_ms: u64) -> Stored<u64> {
    store.prune_deliveries(now_ms.saturating_sub(DELIVERIES_KEPT_MS)).await
}

/// Tidy now and then, until the task is stopped.
pub async fn run(store: Arc<dyn Store>, clock: Arc<dyn Clock>) {
    let mut timer = tokio::time::interval(Duration::from_secs(EVERY_S));
    loop {
        timer.tick().await;
        match tidy(store.as_ref(), clock.now_ms()).await {
            Ok(0) => {}
            Ok(rows) => tracing::debug!(rows, "old webhook deliveries removed"),
            Err(_) => tracing::warn!("old webhook deliveries could not be removed; it is tried again"),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::store::sqlite::SqliteStore;

    #[tokio::test]
    async fn an_empty_store_is_tidy_at_any_time() {
        let store = SqliteStore::in_memory().unwrap();
        assert_eq!(tidy(&store, 0).await, Ok(0));
        assert_eq!(tidy(&store, u64::MAX).await, Ok(0));
    }
}
