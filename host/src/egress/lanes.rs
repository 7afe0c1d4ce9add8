//! Concurrency for each connection: providers count requests in flight by account (Graph: four by mailbox).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Semaphore;

/// Lanes that are kept before the unused ones are dropped.
const MAX_IDLE_LANES: usize = 4_096;

/// One account of one tenant. The connection is empty for requests without an authorisation.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Lane {
    /// Whose.
    pub(crate) tenant: Arc<str>,
    /// Which account.
    pub(crate) connection: Arc<str>,
}

/// A semaphore for every lane in use.
#[derive(Debug)]
pub(crate) struct Lanes {
    width: usize,
    lanes: Mutex<HashMap<Lane, Arc<Semaphore>>>,
}

impl Lanes {
    /// Lanes for `width` requests at the same time; at least one.
    pub(crate) fn new(width: usize) -> Self {
        Self { width: width.clamp(1, Semaphore::MAX_PERMITS), lanes: Mutex::default() }
    }

    /// The semaphore of a lane.
    pub(crate) fn of(&self, lane: Lane) -> Arc<Semaphore> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        if lanes.len() >= MAX_IDLE_LANES {
            // Nobody else holds it: no request is in it or waits for it.
            lanes.retain(|_, semaphore| Arc::strong_count(semaphore) > 1);
        }
        Arc::clone(lanes.entry(lane).or_insert_with(|| Arc::new(Semaphore::new(self.width))))
    }
}
