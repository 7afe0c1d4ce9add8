//! Reused instances for `webhooks.receive`.
//!
//! Reuse is allowed because the call holds no tenant data and has neither storage nor credentials. An instance that
//! trapped, took too long or served its share is thrown away.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Semaphore;

use super::instance::{Live, Sandbox};
use super::limits::{CALLS_PER_RECEIVER, MAX_RECEIVERS};
use super::state::Scope;
use super::{Request, Response, Trap};

/// The pool. The last one used is used next, so that a quiet server keeps few of them warm.
pub(crate) struct Receivers {
    sandbox: Arc<Sandbox>,
    places: Semaphore,
    idle: Mutex<Vec<Receiver>>,
}

struct Receiver {
    live: Live,
    calls: u32,
}

impl Receivers {
    /// An empty pool.
    pub(crate) fn new(sandbox: Arc<Sandbox>) -> Self {
        Self { sandbox, places: Semaphore::new(MAX_RECEIVERS as usize), idle: Mutex::default() }
    }

    /// Serve one webhook; waits for a free place.
    pub(crate) async fn receive(&self, request: &Request) -> Result<Response, Trap> {
        let place = self.places.acquire().await;
        let _place = place.map_err(|_| Trap("the runtime is being shut down".to_owned()))?;
        let idle = self.idle().pop();
        let mut receiver = match idle {
            Some(receiver) => receiver,
            None => Receiver { live: self.sandbox.instantiate(Scope::Webhook).await?, calls: 0 },
        };
        let Live { store, component, .. } = &mut receiver.live;
        store.data_mut().deadline = self.sandbox.deadline();
        store.set_epoch_deadline(1);
        let call = component.tandem_calendar_webhooks().call_receive(store, request);
        let response = self.sandbox.bounded(call).await?;
        receiver.calls += 1;
        if receiver.calls < CALLS_PER_RECEIVER {
            self.idle().push(receiver);
        }
        Ok(response)
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Receiver>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
