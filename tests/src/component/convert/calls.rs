//! Words of the exports: what calls are given, and what they answer.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use tandem_engine::event::check::Problem;
use tandem_engine::{agenda, conflicts, editing, sync, webhooks};
use tandem_host::bindings::exports::tandem::calendar as exports;

use super::effects::{event_in, provider, storage_error_in};

fn outcome(x: exports::sync::Outcome) -> sync::Outcome {
    match x {
        exports::sync::Outcome::Again => sync::Outcome::Again,
        exports::sync::Outcome::Idle(at_ms) => sync::Outcome::Idle(at_ms),
        exports::sync::Outcome::Retry(retry) => sync::Outcome::Retry { at_ms: retry.at_ms, code: retry.code },
        exports::sync::Outcome::Paused(why) => sync::Outcome::Paused(why),
    }
}

pub(crate) fn report(x: exports::sync::Report) -> sync::Report {
    sync::Report {
        outcome: outcome(x.outcome),
        pulled: x.pulled,
        applied: x.applied,
        pushed: x.pushed,
        conflicts: x.conflicts,
        failed: x.failed,
    }
}

pub(crate) fn step_error(x: exports::sync::StepError) -> sync::StepError {
    match x {
        exports::sync::StepError::NotFound => sync::StepError::NotFound,
        exports::sync::StepError::LeaseLost => sync::StepError::LeaseLost,
        exports::sync::StepError::Unavailable => sync::StepError::Unavailable,
        exports::sync::StepError::Bug(text) => sync::StepError::Bug(text),
    }
}

pub(crate) fn edit(x: &editing::Edit) -> exports::editing::Edit {
    exports::editing::Edit {
        calendar: x.calendar.clone(),
        uid: x.uid.clone(),
        recurrence_id: x.recurrence_id.clone(),
        scope: match x.scope {
            editing::Scope::This => exports::editing::Scope::This,
            editing::Scope::ThisAndFollowing => exports::editing::Scope::ThisAndFollowing,
            editing::Scope::All => exports::editing::Scope::All,
        },
        expected_revision: x.expected_revision,
        action: match x.action.clone() {
            editing::Action::Create(text) => exports::editing::Action::Create(text),
            editing::Action::Patch(text) => exports::editing::Action::Patch(text),
            editing::Action::Replace(text) => exports::editing::Action::Replace(text),
            editing::Action::Delete => exports::editing::Action::Delete,
        },
        notify_attendees: x.notify_attendees,
    }
}

pub(crate) fn applied(x: exports::editing::Applied) -> editing::Applied {
    let dropped = x.dropped.into_iter().map(|d| editing::Dropped { recurrence_id: d.recurrence_id, patch: d.patch });
    editing::Applied { event: event_in(x.event), dropped: dropped.collect() }
}

pub(crate) fn edit_error(x: exports::editing::EditError) -> editing::EditError {
    match x {
        exports::editing::EditError::NotFound => editing::EditError::NotFound,
        exports::editing::EditError::Exists => editing::EditError::Exists,
        exports::editing::EditError::Stale(revision) => editing::EditError::Stale(revision),
        exports::editing::EditError::Invalid(found) => {
            editing::EditError::Invalid(found.into_iter().map(problem).collect())
        }
        exports::editing::EditError::ReadOnly => editing::EditError::ReadOnly,
        exports::editing::EditError::Unavailable => editing::EditError::Unavailable,
    }
}

fn problem(x: exports::editing::Problem) -> Problem {
    Problem { pointer: x.pointer, code: known(x.code), message: x.message }
}

pub(crate) fn window(x: &agenda::Query) -> exports::recurrence::Window {
    exports::recurrence::Window {
        calendar: x.calendar.clone(),
        from_ms: x.from_ms,
        to_ms: x.to_ms,
        time_zone: x.time_zone.clone(),
        limit: x.limit,
    }
}

pub(super) fn entry_of(x: exports::recurrence::Occurrence) -> agenda::Entry {
    agenda::Entry {
        uid: x.uid,
        recurrence_id: x.recurrence_id,
        start_ms: x.start_ms,
        end_ms: x.end_ms,
        revision: x.revision,
        document: x.document,
    }
}

pub(crate) fn agenda(x: exports::recurrence::OccurrencePage) -> agenda::Agenda {
    agenda::Agenda { entries: x.items.into_iter().map(entry_of).collect(), truncated: x.truncated }
}

pub(crate) fn query_error(x: exports::recurrence::WindowError) -> agenda::QueryError {
    match x {
        exports::recurrence::WindowError::Invalid(text) => agenda::QueryError::Invalid(text),
        exports::recurrence::WindowError::Storage(error) => agenda::QueryError::Storage(storage_error_in(error)),
    }
}

pub(crate) fn choice(x: conflicts::Choice) -> exports::conflicts::Choice {
    match x {
        conflicts::Choice::KeepOutcome => exports::conflicts::Choice::KeepOutcome,
        conflicts::Choice::UseLocal => exports::conflicts::Choice::UseLocal,
        conflicts::Choice::UseRemote => exports::conflicts::Choice::UseRemote,
    }
}

pub(crate) fn resolve_error(x: exports::conflicts::ResolveError) -> conflicts::ResolveError {
    match x {
        exports::conflicts::ResolveError::NotFound => conflicts::ResolveError::NotFound,
        exports::conflicts::ResolveError::Stale => conflicts::ResolveError::Stale,
        exports::conflicts::ResolveError::Storage(error) => conflicts::ResolveError::Storage(storage_error_in(error)),
    }
}

pub(crate) fn notification(x: &webhooks::Notice) -> exports::webhooks::Request {
    exports::webhooks::Request {
        provider: provider(x.provider),
        method: "POST".into(),
        query: x.query.clone(),
        headers: x.headers.clone(),
        body: x.body.clone(),
    }
}

pub(crate) fn answer(x: exports::webhooks::Response) -> webhooks::Answer {
    let body = String::from_utf8(x.body).unwrap_or_else(|error| panic!("the answer to a webhook is no text: {error}"));
    let content_type = known(x.content_type);
    webhooks::Answer { status: x.status, content_type, body, verdict: verdict(&x.verdict) }
}

fn verdict(name: &str) -> webhooks::Verdict {
    use webhooks::Verdict as V;
    let all = [V::Changed, V::Handshake, V::UnknownChannel, V::Forged, V::Expired, V::Malformed, V::Unavailable];
    let named = all.into_iter().find(|verdict| verdict.name() == name);
    named.unwrap_or_else(|| panic!("a verdict called {name:?}"))
}

/// The engine's own fixed texts, which it has as `&'static str`: each is kept once, so this grows with their number.
fn known(text: String) -> &'static str {
    static KNOWN: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(kept) = known.get(text.as_str()) {
        return kept;
    }
    let kept: &'static str = Box::leak(text.into_boxed_str());
    known.insert(kept);
    kept
}
