//! Expands one series many times in one call: what is left per time is expansion alone, without a call's own cost.
//!
//! `recurrence.occurrences` takes the event document in place of the calendar and the number of times in place of the
//! limit, and answers with one item whose start is the number of occurrences of all times together.

wit_bindgen::generate!({ path: "../../../wit", world: "tandem" });

use exports::tandem::calendar::{channels, conflicts, editing, recurrence, sync, webhooks};
use tandem_engine::recurrence::{Series, Window};
use tandem_engine::time::BundledZones;

/// The allocator of the component that ships.
#[global_allocator]
static MEMORY: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

struct Probe;
export!(Probe);

fn expand(asked: &recurrence::Window) -> Option<u64> {
    let document = serde_json::from_str(&asked.calendar).ok()?;
    let series = Series::read(&document).ok()?;
    let zones = BundledZones::new();
    let window = Window { from_ms: asked.from_ms, to_ms: asked.to_ms, zone: &asked.time_zone, limit: 10_000 };
    let mut found = 0;
    for _ in 0..asked.limit {
        found += std::hint::black_box(&series).times(&window, &zones).ok()?.items.len() as u64;
    }
    Some(found)
}

impl recurrence::Guest for Probe {
    fn occurrences(asked: recurrence::Window) -> Result<recurrence::OccurrencePage, recurrence::WindowError> {
        let Some(found) = expand(&asked) else {
            return Err(recurrence::WindowError::Invalid("it cannot be expanded".into()));
        };
        let item = recurrence::Occurrence {
            uid: String::new(),
            recurrence_id: None,
            start_ms: found,
            end_ms: found,
            revision: 0,
            document: String::new(),
        };
        Ok(recurrence::OccurrencePage { items: vec![item], truncated: false })
    }
    fn explain(_: recurrence::Question) -> Result<recurrence::Explanation, recurrence::ExplainError> {
        Err(recurrence::ExplainError::NotFound)
    }
}

impl webhooks::Guest for Probe {
    fn receive(_: webhooks::Request) -> webhooks::Response {
        let (content_type, verdict) = ("text/plain".into(), "ignored".into());
        webhooks::Response { status: 404, content_type, body: Vec::new(), verdict }
    }
}

impl sync::Guest for Probe {
    fn step(_: String) -> Result<sync::Report, sync::StepError> {
        Err(sync::StepError::NotFound)
    }
    fn answer_guard(_: String, _: bool) -> Result<(), sync::StepError> {
        Err(sync::StepError::NotFound)
    }
}

impl editing::Guest for Probe {
    fn apply(_: editing::Edit) -> Result<editing::Applied, editing::EditError> {
        Err(editing::EditError::NotFound)
    }
}

impl conflicts::Guest for Probe {
    fn resolve(_: String, _: conflicts::Choice, _: String) -> Result<(), conflicts::ResolveError> {
        Err(conflicts::ResolveError::NotFound)
    }
}

impl channels::Guest for Probe {
    fn stop(_: String) -> Result<(), sync::StepError> {
        Err(sync::StepError::NotFound)
    }
}
