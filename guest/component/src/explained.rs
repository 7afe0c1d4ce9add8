//! Explanations on both sides of the boundary.

use tandem_engine::explain as engine;

use crate::convert::{event_out, occurrence, storage_error_out};
use crate::exports::tandem::calendar::recurrence as out;

pub(crate) fn question(q: out::Question) -> engine::Question {
    engine::Question { calendar: q.calendar, uid: q.uid, from_ms: q.from_ms, time_zone: q.time_zone, limit: q.limit }
}

pub(crate) fn explanation(e: engine::Explanation) -> out::Explanation {
    out::Explanation {
        event: event_out(e.event),
        when: e.when,
        rules: e.rules,
        next: e.next.into_iter().map(occurrence).collect(),
        truncated: e.truncated,
        exceptions: e.exceptions.into_iter().map(exception).collect(),
        replicas: e.replicas.into_iter().map(standing).collect(),
        problems: e.problems,
        text: e.text,
    }
}

fn exception(e: engine::Exception) -> out::SeriesException {
    out::SeriesException {
        recurrence_id: e.recurrence_id,
        kind: match e.kind {
            engine::Kind::Cancelled => out::ExceptionKind::Cancelled,
            engine::Kind::Moved => out::ExceptionKind::Moved,
            engine::Kind::Changed => out::ExceptionKind::Changed,
            engine::Kind::Added => out::ExceptionKind::Added,
        },
        what: e.what,
        origin: match e.origin {
            engine::Origin::Application => out::Origin::Application,
            engine::Origin::Replica(id) => out::Origin::Replica(id),
            engine::Origin::Series(id) => out::Origin::Series(id),
        },
        waiting: e.waiting,
    }
}

fn standing(s: engine::Standing) -> out::Standing {
    out::Standing {
        replica: s.replica,
        remote_id: s.remote_id,
        state: match s.state {
            engine::Agreement::InStep => out::Agreement::InStep,
            engine::Agreement::Waiting => out::Agreement::Waiting,
            engine::Agreement::Never => out::Agreement::Never,
            engine::Agreement::Gone => out::Agreement::Gone,
        },
    }
}

pub(crate) fn explain_error(e: engine::ExplainError) -> out::ExplainError {
    match e {
        engine::ExplainError::NotFound => out::ExplainError::NotFound,
        engine::ExplainError::Invalid(text) => out::ExplainError::Invalid(text),
        engine::ExplainError::Storage(error) => out::ExplainError::Storage(storage_error_out(error)),
    }
}
