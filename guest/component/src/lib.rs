//! The WASI component: `tandem-engine` behind `wit/`. Glue only; nothing is decided here.

mod convert;
mod effects;
mod explained;
mod http;

wit_bindgen::generate!({ path: "../../wit", world: "tandem" });

use exports::tandem::calendar as exports_;
use exports_::{channels, conflicts, editing, recurrence, sync, webhooks};
use tandem_engine::time::BundledZones;

use crate::convert as to;
use crate::effects::Imports;

/// A page of a listing is half a million small strings: an allocator made for one thread and small blocks.
#[global_allocator]
static MEMORY: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

struct Component;
export!(Component);

thread_local! {
    /// Zones are parsed once for each instance.
    static ZONES: BundledZones = zones();
}

/// The component's own zone rules, under the host's newer ones if it has any.
fn zones() -> BundledZones {
    use tandem::calendar::zones;
    match zones::version() {
        Some(_) => BundledZones::overridden_by(Box::new(zones::rules)),
        None => BundledZones::new(),
    }
}

impl webhooks::Guest for Component {
    fn receive(request: webhooks::Request) -> webhooks::Response {
        let notice = tandem_engine::webhooks::Notice {
            provider: to::provider_in(request.provider),
            query: request.query,
            headers: request.headers,
            body: request.body,
        };
        let answer = tandem_engine::webhooks::receive(&mut Imports, &notice);
        webhooks::Response {
            status: answer.status,
            content_type: answer.content_type.into(),
            body: answer.body.into_bytes(),
            verdict: answer.verdict.name().into(),
        }
    }
}

impl sync::Guest for Component {
    fn step(replica: String) -> Result<sync::Report, sync::StepError> {
        let report = ZONES.with(|zones| tandem_engine::sync::step(&mut Imports, zones, &replica));
        report.map(to::report).map_err(to::step_error)
    }

    fn answer_guard(replica: String, accept_deletions: bool) -> Result<(), sync::StepError> {
        ZONES
            .with(|zones| tandem_engine::sync::answer_guard(&mut Imports, zones, &replica, accept_deletions))
            .map_err(to::step_error)
    }
}

impl channels::Guest for Component {
    fn stop(replica: String) -> Result<(), sync::StepError> {
        ZONES.with(|zones| tandem_engine::sync::stop_channels(&mut Imports, zones, &replica)).map_err(to::step_error)
    }
}

impl editing::Guest for Component {
    fn apply(edit: editing::Edit) -> Result<editing::Applied, editing::EditError> {
        let edit = to::edit(edit);
        let applied = ZONES.with(|zones| tandem_engine::editing::apply(&mut Imports, zones, &edit));
        applied.map(to::applied).map_err(to::edit_error)
    }
}

impl recurrence::Guest for Component {
    fn occurrences(window: recurrence::Window) -> Result<recurrence::OccurrencePage, recurrence::WindowError> {
        let query = to::query(window);
        let agenda = ZONES.with(|zones| tandem_engine::agenda::occurrences(&mut Imports, zones, &query));
        agenda.map(to::agenda).map_err(to::query_error)
    }

    fn explain(question: recurrence::Question) -> Result<recurrence::Explanation, recurrence::ExplainError> {
        let question = to::question(question);
        let explanation = ZONES.with(|zones| tandem_engine::explain::explain(&mut Imports, zones, &question));
        explanation.map(to::explanation).map_err(to::explain_error)
    }
}

impl conflicts::Guest for Component {
    fn resolve(conflict: String, choice: conflicts::Choice, decided_by: String) -> Result<(), conflicts::ResolveError> {
        use tandem_engine::conflicts as engine;
        let choice = match choice {
            conflicts::Choice::KeepOutcome => engine::Choice::KeepOutcome,
            conflicts::Choice::UseLocal => engine::Choice::UseLocal,
            conflicts::Choice::UseRemote => engine::Choice::UseRemote,
        };
        let result = ZONES.with(|zones| engine::resolve(&mut Imports, zones, &conflict, choice, &decided_by));
        result.map_err(|error| match error {
            engine::ResolveError::NotFound => conflicts::ResolveError::NotFound,
            engine::ResolveError::Stale => conflicts::ResolveError::Stale,
            engine::ResolveError::Storage(error) => conflicts::ResolveError::Storage(to::storage_error_out(error)),
        })
    }
}
