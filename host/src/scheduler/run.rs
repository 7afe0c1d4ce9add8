//! The loop: claim as much as there are free workers, sleep until something is due.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::{Shared, worker};
use crate::store::Stored;

/// The longest sleep, in milliseconds: another host on the same database may have made something due, and clocks jump.
const LONGEST_SLEEP_MS: u64 = 5_000;

/// How long to wait after the store refused a claim, in milliseconds.
const STORE_RETRY_MS: u64 = 1_000;

/// Claims that `run_due_once` runs at most: a component that asks for more for ever must not hang its caller.
const CLAIMS_PER_RUN: u32 = 100_000;

/// Run until `stopping`.
pub(super) async fn run(shared: Arc<Shared>) {
    let mut stopping = shared.stopping.subscribe();
    let mut running = JoinSet::new();
    while !*stopping.borrow_and_update() {
        while let Some(ended) = running.try_join_next() {
            if ended.is_err() {
                // Its lease ends by itself, then the replica is claimed again.
                tracing::error!("a worker ended by a panic");
            }
        }
        let free = shared.options.workers.saturating_sub(running.len());
        let claimed = if free == 0 { 0 } else { claim(&shared, &mut running, free).await };
        let full = running.len() >= shared.options.workers;
        if claimed > 0 && !full {
            continue;
        }
        let pause = if full { Duration::MAX } else { until_due(&shared).await };
        tokio::select! {
            _ = stopping.changed() => {}
            _ = running.join_next(), if !running.is_empty() => {}
            () = shared.store.due().notified(), if !full => {}
            () = sleep(pause) => {}
        }
    }
    let grace = Duration::from_millis(shared.options.grace_ms);
    if timeout(grace, async { while running.join_next().await.is_some() {} }).await.is_err() {
        tracing::warn!(steps = running.len(), "the shutdown stopped steps that did not end in time");
        running.shutdown().await;
    }
}

/// Claim up to `free` replicas and begin to step them; gives how many.
async fn claim(shared: &Arc<Shared>, running: &mut JoinSet<()>, free: usize) -> usize {
    let options = &shared.options;
    let limit = u32::try_from(free).unwrap_or(u32::MAX);
    let now_ms = shared.clock.now_ms();
    match shared.store.claim(&options.worker_id, now_ms, options.lease_ms, limit).await {
        Ok(claims) => {
            let claimed = claims.len();
            for claim in claims {
                let shared = Arc::clone(shared);
                running.spawn(async move {
                    worker::serve(&shared, claim).await;
                });
            }
            claimed
        }
        Err(error) => {
            tracing::warn!(?error, "the store gives no claims");
            sleep(Duration::from_millis(STORE_RETRY_MS)).await;
            0
        }
    }
}

/// How long to sleep when nothing was due.
async fn until_due(shared: &Shared) -> Duration {
    let wait_ms = match shared.store.next_due().await {
        Ok(Some(due_ms)) => due_ms.saturating_sub(shared.clock.now_ms()).min(LONGEST_SLEEP_MS),
        Ok(None) => LONGEST_SLEEP_MS,
        Err(_) => STORE_RETRY_MS,
    };
    Duration::from_millis(wait_ms)
}

/// Run everything that is due now.
pub(super) async fn run_due_once(shared: &Shared) -> Stored<u64> {
    let options = &shared.options;
    let mut steps = 0;
    for _ in 0..CLAIMS_PER_RUN {
        let now_ms = shared.clock.now_ms();
        let claims = shared.store.claim(&options.worker_id, now_ms, options.lease_ms, 1).await?;
        let Some(claim) = claims.into_iter().next() else { break };
        steps += worker::serve(shared, claim).await;
    }
    Ok(steps)
}
