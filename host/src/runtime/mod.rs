//! The sandbox: wasmtime, and typed calls into the component.
//!
//! Every call that holds a tenant's data runs in an instance of its own, which is thrown away afterwards. Only
//! `webhooks.receive`, which sees no tenant data, reuses instances. Every call is bounded in time and memory.

mod cache;
mod engine;
mod instance;
mod limits;
mod load;
mod receivers;
mod state;
mod trap;

use std::path::PathBuf;
use std::sync::{Arc, RwLock};

use crate::bindings::exports::tandem::calendar::conflicts::{Choice, ResolveError};
use crate::bindings::exports::tandem::calendar::editing::{Applied, Edit, EditError};
use crate::bindings::exports::tandem::calendar::recurrence::{
    ExplainError, Explanation, OccurrencePage, Question, Window, WindowError,
};
use crate::bindings::exports::tandem::calendar::sync::{Report, StepError};
use crate::bindings::exports::tandem::calendar::webhooks::{Request, Response};
use crate::bindings::tandem::calendar::configuration::Settings;
use crate::clock::Clock;
use crate::egress::Egress;
use crate::oauth::Credentials;
use crate::store::{Claim, Store};
use crate::zones::ZoneFiles;
use instance::Sandbox;
use receivers::Receivers;
pub(crate) use state::{Scope, State};

/// The component that this program was built with.
pub static COMPONENT: &[u8] = include_bytes!(env!("TANDEM_COMPONENT_WASM"));

/// Everything a runtime is built from.
pub struct RuntimeOptions {
    /// The component's bytes; `runtime::COMPONENT` is the one that this program was built with.
    pub component: Vec<u8>,
    /// Where compiled components are kept; none to compile at every start.
    pub cache_dir: Option<PathBuf>,
    /// The store.
    pub store: Arc<dyn Store>,
    /// The way out.
    pub egress: Arc<Egress>,
    /// Tokens.
    pub credentials: Arc<Credentials>,
    /// What the component is told; may change while it runs.
    pub settings: Arc<RwLock<Settings>>,
    /// The time, for the guest too.
    pub clock: Arc<dyn Clock>,
    /// Newer zone rules than the component's own; none to use those.
    pub zones: Option<ZoneFiles>,
    /// Seed of the guest's random numbers; none for the operating system's generator.
    pub seed: Option<u64>,
    /// The wall-clock bound on one call, in milliseconds.
    pub call_timeout_ms: u64,
    /// The memory bound of one instance, in bytes.
    pub memory_limit: usize,
}

/// Why a runtime cannot be built. Texts say what to do.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// The bytes are no component, or one for another version of the boundary.
    #[error("{0}")]
    Component(String),
    /// The engine cannot be set up.
    #[error("the sandbox cannot be set up: {0}")]
    Engine(String),
}

/// The component trapped, ran too long or used too much memory: a defect. Nothing of its call was committed
/// after that point. The text is for the log.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the component stopped: {0}")]
pub struct Trap(pub String);

/// A loaded component. Cheap to clone.
#[derive(Clone)]
pub struct Runtime {
    sandbox: Arc<Sandbox>,
    receivers: Arc<Receivers>,
}

impl Runtime {
    /// Load a component: compile it, or take it from the cache. Takes up to a few seconds the first time.
    pub fn new(options: RuntimeOptions) -> Result<Self, RuntimeError> {
        let sandbox = Arc::new(Sandbox::new(options)?);
        Ok(Self { receivers: Arc::new(Receivers::new(Arc::clone(&sandbox))), sandbox })
    }

    /// `webhooks.receive`, on a reused instance.
    pub async fn receive(&self, request: Request) -> Result<Response, Trap> {
        self.receivers.receive(&request).await
    }

    /// `sync.step` under a claim, on a fresh instance.
    pub async fn step(&self, claim: &Claim) -> Result<Result<Report, StepError>, Trap> {
        let mut live = self.sandbox.enter(Scope::claimed(claim)).await?;
        let call = live.component.tandem_calendar_sync().call_step(&mut live.store, &claim.replica);
        self.sandbox.bounded(call).await
    }

    /// `sync.answer-guard`.
    pub async fn answer_guard(&self, tenant: &str, replica: &str, accept: bool) -> Result<Result<(), StepError>, Trap> {
        let (mut live, replica) = (self.sandbox.enter(Scope::of(tenant)).await?, replica.to_owned());
        let call = live.component.tandem_calendar_sync().call_answer_guard(&mut live.store, &replica, accept);
        self.sandbox.bounded(call).await
    }

    /// `editing.apply`.
    pub async fn apply(&self, tenant: &str, edit: Edit) -> Result<Result<Applied, EditError>, Trap> {
        let mut live = self.sandbox.enter(Scope::of(tenant)).await?;
        let call = live.component.tandem_calendar_editing().call_apply(&mut live.store, &edit);
        self.sandbox.bounded(call).await
    }

    /// `recurrence.occurrences`.
    pub async fn occurrences(&self, tenant: &str, window: Window) -> Result<Result<OccurrencePage, WindowError>, Trap> {
        let mut live = self.sandbox.enter(Scope::of(tenant)).await?;
        let call = live.component.tandem_calendar_recurrence().call_occurrences(&mut live.store, &window);
        self.sandbox.bounded(call).await
    }

    /// `recurrence.explain`.
    pub async fn explain(&self, tenant: &str, question: Question) -> Result<Result<Explanation, ExplainError>, Trap> {
        let mut live = self.sandbox.enter(Scope::of(tenant)).await?;
        let call = live.component.tandem_calendar_recurrence().call_explain(&mut live.store, &question);
        self.sandbox.bounded(call).await
    }

    /// `conflicts.resolve`.
    pub async fn resolve(
        &self,
        tenant: &str,
        conflict: &str,
        choice: Choice,
        decided_by: &str,
    ) -> Result<Result<(), ResolveError>, Trap> {
        let mut live = self.sandbox.enter(Scope::of(tenant)).await?;
        let (conflict, decided_by) = (conflict.to_owned(), decided_by.to_owned());
        let conflicts = live.component.tandem_calendar_conflicts();
        let call = conflicts.call_resolve(&mut live.store, &conflict, choice, &decided_by);
        self.sandbox.bounded(call).await
    }

    /// `channels.stop`.
    pub async fn stop_channels(&self, tenant: &str, replica: &str) -> Result<Result<(), StepError>, Trap> {
        let (mut live, replica) = (self.sandbox.enter(Scope::of(tenant)).await?, replica.to_owned());
        let call = live.component.tandem_calendar_channels().call_stop(&mut live.store, &replica);
        self.sandbox.bounded(call).await
    }
}

impl std::fmt::Debug for Runtime {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Runtime(..)")
    }
}
