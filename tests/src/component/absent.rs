//! No component: this was built without the feature `component`, which spares the compiler wasmtime and the host. Worlds
//! are worked on by the linked engine; whoever asks for the component is told how to get it.

use tandem_engine::agenda::{Agenda, Query, QueryError};
use tandem_engine::conflicts::{Choice, ResolveError};
use tandem_engine::editing::{Applied, Edit, EditError};
use tandem_engine::explain::{ExplainError, Explanation, Question};
use tandem_engine::sync::{Report, StepError};
use tandem_engine::webhooks::{Answer, Notice};

use crate::world::World;

fn absent() -> ! {
    panic!("the component is not built in: leave out --no-default-features, or ask for --native")
}

/// SQLite beside the memory needs the component's imports.
pub(crate) struct Mirror;

impl Mirror {
    pub(crate) fn of(_: &World) -> Self {
        absent()
    }

    pub(crate) fn difference(&self, _: &World) -> Option<String> {
        absent()
    }
}

pub(crate) fn use_bytes(_: Vec<u8>) -> bool {
    absent()
}

pub(crate) fn bytes() -> &'static [u8] {
    &[]
}

pub(crate) fn step(_: &mut World, _: &str) -> Result<Report, StepError> {
    absent()
}

pub(crate) fn answer_guard(_: &mut World, _: &str, _: bool) -> Result<(), StepError> {
    absent()
}

pub(crate) fn stop_channels(_: &mut World, _: &str) -> Result<(), StepError> {
    absent()
}

pub(crate) fn apply(_: &mut World, _: &Edit) -> Result<Applied, EditError> {
    absent()
}

pub(crate) fn occurrences(_: &mut World, _: &Query) -> Result<Agenda, QueryError> {
    absent()
}

pub(crate) fn explain(_: &mut World, _: &Question) -> Result<Explanation, ExplainError> {
    absent()
}

pub(crate) fn resolve(_: &mut World, _: &str, _: Choice, _: &str) -> Result<(), ResolveError> {
    absent()
}

pub(crate) fn receive(_: &mut World, _: &Notice) -> Answer {
    absent()
}
