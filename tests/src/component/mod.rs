//! The component that ships, the same bytes, in place of the engine: its imports are the effects of the world, its time
//! and its random numbers are the world's, and a request is answered before the call that sent it goes on.
//!
//! Everything runs on the thread of the caller, so the same world gives the same history. A trap ends the test, as a panic
//! of the linked engine would.

mod convert;
mod imports;
mod mirror;
mod outside;
mod sandbox;

use tandem_engine::agenda::{Agenda, Query, QueryError};
use tandem_engine::conflicts::{Choice, ResolveError};
use tandem_engine::editing::{Applied, Edit, EditError};
use tandem_engine::explain::{ExplainError, Explanation, Question};
use tandem_engine::sync::{Report, StepError};
use tandem_engine::webhooks::{Answer, Notice};

use crate::world::World;
use convert as to;

pub(crate) use mirror::Mirror;
pub(crate) use sandbox::{bytes, use_bytes};

/// `sync.step`.
pub(crate) fn step(world: &mut World, replica: &str) -> Result<Report, StepError> {
    let replica = replica.to_owned();
    let report = sandbox::call(world, async |component, store| {
        component.tandem_calendar_sync().call_step(store, &replica).await
    });
    report.map(to::report).map_err(to::step_error)
}

/// `sync.answer-guard`.
pub(crate) fn answer_guard(world: &mut World, replica: &str, accept: bool) -> Result<(), StepError> {
    let replica = replica.to_owned();
    let answered = sandbox::call(world, async |component, store| {
        component.tandem_calendar_sync().call_answer_guard(store, &replica, accept).await
    });
    answered.map_err(to::step_error)
}

/// `channels.stop`.
pub(crate) fn stop_channels(world: &mut World, replica: &str) -> Result<(), StepError> {
    let replica = replica.to_owned();
    let stopped = sandbox::call(world, async |component, store| {
        component.tandem_calendar_channels().call_stop(store, &replica).await
    });
    stopped.map_err(to::step_error)
}

/// `editing.apply`.
pub(crate) fn apply(world: &mut World, edit: &Edit) -> Result<Applied, EditError> {
    let edit = to::edit(edit);
    let applied = sandbox::call(world, async |component, store| {
        component.tandem_calendar_editing().call_apply(store, &edit).await
    });
    applied.map(to::applied).map_err(to::edit_error)
}

/// `recurrence.occurrences`.
pub(crate) fn occurrences(world: &mut World, query: &Query) -> Result<Agenda, QueryError> {
    let window = to::window(query);
    let page = sandbox::call(world, async |component, store| {
        component.tandem_calendar_recurrence().call_occurrences(store, &window).await
    });
    page.map(to::agenda).map_err(to::query_error)
}

/// `recurrence.explain`.
pub(crate) fn explain(world: &mut World, question: &Question) -> Result<Explanation, ExplainError> {
    let question = to::question(question);
    let explanation = sandbox::call(world, async |component, store| {
        component.tandem_calendar_recurrence().call_explain(store, &question).await
    });
    explanation.map(to::explanation).map_err(to::explain_error)
}

/// `conflicts.resolve`.
pub(crate) fn resolve(world: &mut World, conflict: &str, choice: Choice, by: &str) -> Result<(), ResolveError> {
    let (conflict, choice, by) = (conflict.to_owned(), to::choice(choice), by.to_owned());
    let resolved = sandbox::call(world, async |component, store| {
        component.tandem_calendar_conflicts().call_resolve(store, &conflict, choice, &by).await
    });
    resolved.map_err(to::resolve_error)
}

/// `webhooks.receive`.
pub(crate) fn receive(world: &mut World, notice: &Notice) -> Answer {
    let request = to::notification(notice);
    let response = sandbox::call(world, async |component, store| {
        component.tandem_calendar_webhooks().call_receive(store, &request).await
    });
    to::answer(response)
}
