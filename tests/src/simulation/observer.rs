//! Stands at the boundary of the engine and writes down what crosses it: the trace, the marks, and whatever must never
//! cross. It knows nothing of how the engine works.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hash;

use tandem_engine::effects::{Batch, Change, Expectation, StorageError};
use tandem_providers::{SimRequest, SimResponse};

use super::marks::{Mark, Marks};
use super::trace::Trace;
use crate::world::GRAPH;

/// Writes of one event at a provider in ten minutes, at most (invariant I21).
const WRITES: usize = 10;
const TEN_MINUTES_MS: u64 = 600_000;

/// Something that must not be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The invariant: `I1` to `I21`, or `panic`.
    pub invariant: &'static str,
    /// What was seen.
    pub what: String,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Observer {
    /// Everything that crossed.
    pub trace: Trace,
    /// Rare things that happened.
    pub marks: Marks,
    /// What must not be.
    pub violations: Vec<Violation>,
    /// The step under way: replica, and the lease that it began with.
    pub step: Option<(String, u64)>,
    /// Hosts of providers that must not be written to.
    pub read_only: Vec<&'static str>,
    /// Remote ids of what people brought back since nothing was under way: a listing that began before need not show it.
    pub(crate) restored: BTreeSet<String>,
    /// Times of applied writes by path.
    writes: BTreeMap<String, Vec<u64>>,
}

impl Observer {
    /// Something must not be. Only the first of each invariant is kept.
    pub fn violated(&mut self, invariant: &'static str, what: String) {
        if self.violations.iter().all(|known| known.invariant != invariant) {
            self.violations.push(Violation { invariant, what });
        }
    }

    /// A request was answered.
    pub(crate) fn exchanged(&mut self, now_ms: u64, effects: u64, request: &SimRequest, answer: &SimResponse) {
        let status = answer.status().unwrap_or(0);
        self.trace.line(format_args!("{now_ms} {effects} {} {} {status}", request.method, request.url));
        self.trace.bytes(&request.body);
        if let SimResponse::Answer(answer) = answer {
            self.trace.bytes(&answer.body);
        }
        let written = written_event(request);
        self.marks.exchanged(request, written, status);
        let Some(event) = written else { return };
        if let Some(host) = self.read_only.iter().find(|host| request.url.contains(**host)) {
            self.violated("I16", format!("{} {} to {host}, which may only be read", request.method, request.url));
        }
        if event.is_empty() {
            return;
        }
        let conditional = request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("if-match"));
        if !conditional {
            self.violated("I7", format!("{} {} without If-Match", request.method, request.url));
        }
        if (200..300).contains(&status) {
            let times = self.writes.entry(request.url.clone()).or_default();
            times.push(now_ms);
            times.retain(|at| at + TEN_MINUTES_MS > now_ms);
            if times.len() > WRITES {
                let what = format!("{} was written {} times in ten minutes", request.url, times.len());
                self.violated("I21", what);
            }
        }
    }

    /// A batch arrives at the store, in which the lease of the step's replica has this epoch now.
    pub(crate) fn committing(&mut self, effects: u64, batch: &Batch, epoch_now: Option<u64>) -> bool {
        effects.hash(&mut self.trace);
        self.trace.value(format_args!("{effects} commit"), batch);
        self.marks.committing(batch);
        let Some((replica, epoch)) = self.step.clone() else { return false };
        let leased = batch.expectations.contains(&Expectation::Lease(replica, epoch));
        let puts_state = batch.changes.iter().any(|change| matches!(change, Change::PutReplica(_)));
        if !leased && puts_state {
            self.violated("I10", "a step commits its state without expecting its lease".to_owned());
        }
        epoch_now.is_some_and(|now| now != epoch)
    }

    /// What became of it; `late` when the lease was no longer the step's.
    pub(crate) fn committed(&mut self, late: bool, result: &Result<(), StorageError>) {
        self.trace.value(format_args!("->"), result);
        match result {
            Err(StorageError::LeaseLost) => self.marks.reach(Mark::LeaseLost),
            Err(StorageError::Stale) => self.marks.reach(Mark::StaleCommit),
            Ok(()) if late => self.violated("I10", "a worker without the lease committed".to_owned()),
            _ => {}
        }
    }
}

/// The event that a request writes: its path from `/events/`, empty for a creation; none for all other requests.
pub(crate) fn written_event(request: &SimRequest) -> Option<&str> {
    let path = request.url.split('?').next().unwrap_or_default();
    let writes = matches!(request.method.as_str(), "POST" | "PUT" | "PATCH" | "DELETE");
    let (_, after) = path.split_once("/events").filter(|_| writes)?;
    let id = after.trim_start_matches('/');
    (!id.contains("watch") && !id.contains('/')).then_some(id)
}

/// Whether a request goes to Microsoft.
pub(crate) fn to_microsoft(request: &SimRequest) -> bool {
    request.url.contains(GRAPH)
}
