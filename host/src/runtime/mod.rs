//! The sandbox: wasmtime, and typed calls into the component.

use std::path::PathBuf;
use std::sync::{Arc, RwLock};

use crate::bindings::exports::tandem::calendar::conflicts::{Choice, ResolveError};
use crate::bindings::exports::tandem::calendar::editing::{Edit, EditError};
use crate::bindings::exports::tandem::calendar::recurrence::{OccurrencePage, Window, WindowError};
use crate::bindings::exports::tandem::calendar::sync::{Report, StepError};
use crate::bindings::exports::tandem::calendar::webhooks::{Request, Response};
use crate::bindings::tandem::calendar::configuration::Settings;
use crate::bindings::tandem::calendar::types::Event;
use crate::clock::Clock;
use crate::egress::Egress;
use crate::oauth::Credentials;
use crate::store::{Claim, Store};

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
pub struct Runtime {}

impl Runtime {
    /// Load a component.
    pub fn new(_options: RuntimeOptions) -> Result<Self, RuntimeError> {
        Err(RuntimeError::Engine("not built".into()))
    }
    /// `webhooks.receive`, on a reused instance.
    pub async fn receive(&self, _request: Request) -> Result<Response, Trap> {
        Err(Trap("not built".into()))
    }
    /// `sync.step` under a claim, on a fresh instance.
    pub async fn step(&self, _claim: &Claim) -> Result<Result<Report, StepError>, Trap> {
        Err(Trap("not built".into()))
    }
    /// `sync.answer-guard`.
    pub async fn answer_guard(
        &self,
        _tenant: &str,
        _replica: &str,
        _accept: bool,
    ) -> Result<Result<(), StepError>, Trap> {
        Err(Trap("not built".into()))
    }
    /// `editing.apply`.
    pub async fn apply(&self, _tenant: &str, _edit: Edit) -> Result<Result<Event, EditError>, Trap> {
        Err(Trap("not built".into()))
    }
    /// `recurrence.occurrences`.
    pub async fn occurrences(
        &self,
        _tenant: &str,
        _window: Window,
    ) -> Result<Result<OccurrencePage, WindowError>, Trap> {
        Err(Trap("not built".into()))
    }
    /// `conflicts.resolve`.
    pub async fn resolve(
        &self,
        _tenant: &str,
        _conflict: &str,
        _choice: Choice,
        _decided_by: &str,
    ) -> Result<Result<(), ResolveError>, Trap> {
        Err(Trap("not built".into()))
    }
    /// `channels.stop`.
    pub async fn stop_channels(&self, _tenant: &str, _replica: &str) -> Result<Result<(), StepError>, Trap> {
        Err(Trap("not built".into()))
    }
}
