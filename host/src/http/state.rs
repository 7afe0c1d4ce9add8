//! What the handlers share, and the seam between them and the component.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::{Notify, Semaphore, watch};

use super::auth::Guard;
use super::counters::Counters;
use super::limits;
use crate::bindings::exports::tandem::calendar::conflicts::{Choice, ResolveError};
use crate::bindings::exports::tandem::calendar::editing::{Applied, Edit, EditError};
use crate::bindings::exports::tandem::calendar::recurrence::{
    ExplainError, Explanation, OccurrencePage, Question, Window, WindowError,
};
use crate::bindings::exports::tandem::calendar::sync::StepError;
use crate::bindings::exports::tandem::calendar::webhooks::{Request, Response};
use crate::clock::Clock;
use crate::config::Secret;
use crate::runtime::{Runtime, Trap};
use crate::scheduler::Metrics;
use crate::store::Store;

/// The calls into the component that the API makes; each is documented in `wit/`.
#[async_trait]
pub trait Calls: Send + Sync + 'static {
    /// `webhooks.receive`
    async fn receive(&self, request: Request) -> Result<Response, Trap>;
    /// `editing.apply`
    async fn apply(&self, tenant: &str, edit: Edit) -> Result<Result<Applied, EditError>, Trap>;
    /// `recurrence.occurrences`
    async fn occurrences(&self, tenant: &str, window: Window) -> Result<Result<OccurrencePage, WindowError>, Trap>;
    /// `recurrence.explain`
    async fn explain(&self, tenant: &str, question: Question) -> Result<Result<Explanation, ExplainError>, Trap>;
    /// `conflicts.resolve`
    async fn resolve(
        &self,
        tenant: &str,
        conflict: &str,
        choice: Choice,
        decided_by: &str,
    ) -> Result<Result<(), ResolveError>, Trap>;
    /// `sync.answer-guard`
    async fn answer_guard(&self, tenant: &str, replica: &str, accept: bool) -> Result<Result<(), StepError>, Trap>;
    /// `channels.stop`
    async fn stop_channels(&self, tenant: &str, replica: &str) -> Result<Result<(), StepError>, Trap>;
}

#[async_trait]
impl Calls for Runtime {
    async fn receive(&self, request: Request) -> Result<Response, Trap> {
        Runtime::receive(self, request).await
    }
    async fn apply(&self, tenant: &str, edit: Edit) -> Result<Result<Applied, EditError>, Trap> {
        Runtime::apply(self, tenant, edit).await
    }
    async fn occurrences(&self, tenant: &str, window: Window) -> Result<Result<OccurrencePage, WindowError>, Trap> {
        Runtime::occurrences(self, tenant, window).await
    }
    async fn explain(&self, tenant: &str, question: Question) -> Result<Result<Explanation, ExplainError>, Trap> {
        Runtime::explain(self, tenant, question).await
    }
    async fn resolve(
        &self,
        tenant: &str,
        conflict: &str,
        choice: Choice,
        decided_by: &str,
    ) -> Result<Result<(), ResolveError>, Trap> {
        Runtime::resolve(self, tenant, conflict, choice, decided_by).await
    }
    async fn answer_guard(&self, tenant: &str, replica: &str, accept: bool) -> Result<Result<(), StepError>, Trap> {
        Runtime::answer_guard(self, tenant, replica, accept).await
    }
    async fn stop_channels(&self, tenant: &str, replica: &str) -> Result<Result<(), StepError>, Trap> {
        Runtime::stop_channels(self, tenant, replica).await
    }
}

/// What the handlers share. Cheap to clone.
#[derive(Clone)]
pub struct Api {
    /// The database.
    pub store: Arc<dyn Store>,
    /// The component.
    pub calls: Arc<dyn Calls>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// What was counted.
    pub counters: Arc<Counters>,
    pub(super) metrics: Option<Arc<Metrics>>,
    pub(super) guard: Arc<Guard>,
    pub(super) fed: Arc<Notify>,
    pub(super) waiting: Arc<Semaphore>,
    closing: Arc<watch::Sender<bool>>,
}

impl Api {
    /// An API with the bearer token of the settings; without one it answers only callers on this machine.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, calls: Arc<dyn Calls>, clock: Arc<dyn Clock>, token: Option<&Secret>) -> Self {
        Self {
            store,
            calls,
            clock,
            counters: Arc::default(),
            metrics: None,
            guard: Arc::new(Guard::new(token)),
            fed: Arc::default(),
            waiting: Arc::new(Semaphore::new(limits::WAITING)),
            closing: Arc::new(watch::Sender::new(false)),
        }
    }

    /// Let `/healthz` tell what the scheduler counts, too.
    #[must_use]
    pub fn with_metrics(self, metrics: Arc<Metrics>) -> Self {
        Self { metrics: Some(metrics), ..self }
    }

    /// Begin to end: waiting calls answer at once, and [`Api::closed`] returns.
    pub fn close(&self) {
        self.closing.send_replace(true);
    }

    /// Wakes calls that wait for changes. For writers in this process that do not go through the API.
    pub fn changed(&self) {
        self.fed.notify_waiters();
    }

    /// Returns when [`Api::close`] was called. Holds nothing of the API itself.
    pub fn closed(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut closing = self.closing.subscribe();
        async move {
            // An error means that the API is gone altogether, which is closed too.
            let _ = closing.wait_for(|closing| *closing).await;
        }
    }
}
