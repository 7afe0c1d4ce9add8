//! Words of explanations.

use tandem_engine::explain;
use tandem_host::bindings::exports::tandem::calendar::recurrence as wit;

use super::calls::entry_of;
use super::effects::{event_in, storage_error_in};

pub(crate) fn question(x: &explain::Question) -> wit::Question {
    wit::Question {
        calendar: x.calendar.clone(),
        uid: x.uid.clone(),
        from_ms: x.from_ms,
        time_zone: x.time_zone.clone(),
        limit: x.limit,
    }
}

pub(crate) fn explanation(x: wit::Explanation) -> explain::Explanation {
    explain::Explanation {
        event: event_in(x.event),
        when: x.when,
        rules: x.rules,
        next: x.next.into_iter().map(entry_of).collect(),
        truncated: x.truncated,
        exceptions: x.exceptions.into_iter().map(exception).collect(),
        replicas: x.replicas.into_iter().map(standing).collect(),
        problems: x.problems,
        text: x.text,
    }
}

fn exception(x: wit::SeriesException) -> explain::Exception {
    explain::Exception {
        recurrence_id: x.recurrence_id,
        kind: match x.kind {
            wit::ExceptionKind::Cancelled => explain::Kind::Cancelled,
            wit::ExceptionKind::Moved => explain::Kind::Moved,
            wit::ExceptionKind::Changed => explain::Kind::Changed,
            wit::ExceptionKind::Added => explain::Kind::Added,
        },
        what: x.what,
        origin: match x.origin {
            wit::Origin::Application => explain::Origin::Application,
            wit::Origin::Replica(id) => explain::Origin::Replica(id),
            wit::Origin::Series(id) => explain::Origin::Series(id),
        },
        waiting: x.waiting,
    }
}

fn standing(x: wit::Standing) -> explain::Standing {
    let state = match x.state {
        wit::Agreement::InStep => explain::Agreement::InStep,
        wit::Agreement::Waiting => explain::Agreement::Waiting,
        wit::Agreement::Never => explain::Agreement::Never,
        wit::Agreement::Gone => explain::Agreement::Gone,
    };
    explain::Standing { replica: x.replica, remote_id: x.remote_id, state }
}

pub(crate) fn explain_error(x: wit::ExplainError) -> explain::ExplainError {
    match x {
        wit::ExplainError::NotFound => explain::ExplainError::NotFound,
        wit::ExplainError::Invalid(text) => explain::ExplainError::Invalid(text),
        wit::ExplainError::Storage(error) => explain::ExplainError::Storage(storage_error_in(error)),
    }
}
