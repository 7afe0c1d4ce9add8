//! `notifications`: marks of validated webhooks.
//!
//! A mark names its tenant, so only a webhook call may leave one: a step of one tenant could otherwise make another
//! tenant's replicas due.

use std::sync::Arc;

use crate::bindings::tandem::calendar::notifications::{Host, Mark, Outcome};
use crate::bindings::tandem::calendar::types::StorageError;
use crate::runtime::{Scope, State};

impl Host for State {
    async fn accept(&mut self, marks: Vec<Mark>) -> Result<Vec<Outcome>, StorageError> {
        if !matches!(self.scope, Scope::Webhook) {
            return Err(StorageError::Refused("only a webhook call may leave marks".to_owned()));
        }
        let host = Arc::clone(&self.host);
        host.store.accept(marks, host.clock.now_ms()).await
    }
}
