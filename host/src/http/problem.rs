//! Every answer that is not a success: RFC 9457 problems with stable codes. `docs/api.md` lists them, a test compares.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::bindings::exports::tandem::calendar::conflicts::ResolveError;
use crate::bindings::exports::tandem::calendar::editing::EditError;
use crate::bindings::exports::tandem::calendar::recurrence::{ExplainError, WindowError};
use crate::bindings::exports::tandem::calendar::sync::StepError;
use crate::bindings::tandem::calendar::types::StorageError;
use crate::runtime::Trap;

macro_rules! codes {
    ($($name:ident $code:literal $status:literal $title:literal;)*) => {
        /// What went wrong, for programs.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Code { $(#[doc = $title] $name,)* }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The stable text.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// The HTTP status that goes with it.
            #[must_use]
            pub fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }

            /// What it means, the same for every occurrence.
            #[must_use]
            pub fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }
        }
    };
}

codes! {
    InvalidPath "invalid-path" 400 "An id in the path is not valid";
    InvalidParameter "invalid-parameter" 400 "A query parameter is not valid";
    InvalidHeader "invalid-header" 400 "A header is not valid";
    InvalidJson "invalid-json" 400 "The body is not valid JSON for this call";
    InvalidWindow "invalid-window" 400 "The window of time is not valid";
    Unauthorized "unauthorized" 401 "The bearer token is missing or wrong";
    LocalOnly "local-only" 403 "Without a configured token the API answers only programs on its own machine";
    ReadOnly "read-only" 403 "Every provider calendar of this calendar refuses writes";
    NotFound "not-found" 404 "There is nothing at this path";
    CalendarNotFound "calendar-not-found" 404 "There is no such calendar";
    EventNotFound "event-not-found" 404 "There is no such event";
    ConflictNotFound "conflict-not-found" 404 "There is no such conflict";
    FailureNotFound "failure-not-found" 404 "There is no such failure";
    ReplicaNotFound "replica-not-found" 404 "There is no such replica";
    MethodNotAllowed "method-not-allowed" 405 "The path does not know this method";
    RequestTimeout "request-timeout" 408 "The body did not arrive in time";
    EventExists "event-exists" 409 "An event with this uid exists already";
    ConflictStale "conflict-stale" 409 "The event was changed after the conflict";
    ReplicaBusy "replica-busy" 409 "The replica is being synced at this moment";
    EventDeleted "event-deleted" 410 "The event was deleted";
    Stale "stale" 412 "The event has another revision";
    TooLarge "too-large" 413 "The body is too large";
    UnsupportedMediaType "unsupported-media-type" 415 "The body has another media type";
    InvalidEvent "invalid-event" 422 "The event would not be valid";
    Refused "refused" 422 "The store refuses the data";
    Internal "internal" 500 "Something is wrong inside; the log says more";
    Unavailable "unavailable" 503 "The store is not available at the moment";
    TooManyWaiting "too-many-waiting" 503 "Too many calls wait for changes";
}

/// What is wrong at one place of a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DocumentProblem {
    /// A JSON Pointer; empty for the whole.
    pub pointer: String,
    /// A stable code.
    pub code: String,
    /// For people.
    pub message: String,
}

/// An answer that is not a success.
#[derive(Debug, Clone)]
pub struct Problem {
    code: Code,
    detail: String,
    problems: Vec<DocumentProblem>,
    current_revision: Option<u64>,
}

/// What handlers give.
pub(super) type Answer = Result<Response, Problem>;

impl Problem {
    /// A problem; `detail` says what to do, and is shown to the caller.
    #[must_use]
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), problems: Vec::new(), current_revision: None }
    }

    /// With the revision that the event has now.
    #[must_use]
    pub fn at_revision(mut self, revision: u64) -> Self {
        self.current_revision = Some(revision);
        self
    }

    /// Its code.
    #[must_use]
    pub fn code(&self) -> Code {
        self.code
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Wire<'a> {
    #[serde(rename = "type")]
    kind: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    code: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    problems: &'a [DocumentProblem],
    #[serde(skip_serializing_if = "Option::is_none")]
    current_revision: Option<u64>,
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let wire = Wire {
            kind: format!("urn:tandem:problem:{}", self.code.as_str()),
            title: self.code.title(),
            status: self.code.status(),
            detail: &self.detail,
            code: self.code.as_str(),
            problems: &self.problems,
            current_revision: self.current_revision,
        };
        let status = StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(wire)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        match self.code {
            Code::Unauthorized => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            Code::Unavailable | Code::TooManyWaiting | Code::ReplicaBusy => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            }
            _ => {}
        }
        // For the log line of the request: the code says what happened without saying to whom.
        response.extensions_mut().insert(self.code);
        response
    }
}

impl From<StorageError> for Problem {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Stale | StorageError::LeaseLost | StorageError::Unavailable => {
                Self::new(Code::Unavailable, "try again in a moment")
            }
            StorageError::Refused(why) => Self::new(Code::Refused, why),
        }
    }
}

impl From<Trap> for Problem {
    fn from(trap: Trap) -> Self {
        tracing::error!(trap = %trap.0, "the component stopped");
        Self::new(Code::Internal, "nothing was changed; if it happens again, report it with the request id")
    }
}

impl From<EditError> for Problem {
    fn from(error: EditError) -> Self {
        match error {
            EditError::NotFound => Self::new(Code::EventNotFound, "it was never there, or it is deleted"),
            EditError::Exists => Self::new(Code::EventExists, "change it, or create with another uid"),
            EditError::Stale(revision) => Self::new(Code::Stale, "read the event and edit again").at_revision(revision),
            EditError::Invalid(problems) => {
                let mut answer = Self::new(Code::InvalidEvent, "nothing was changed; correct what problems says");
                answer.problems = problems
                    .into_iter()
                    .map(|problem| DocumentProblem {
                        pointer: problem.pointer,
                        code: problem.code,
                        message: problem.message,
                    })
                    .collect();
                answer
            }
            EditError::ReadOnly => Self::new(Code::ReadOnly, "edit it at the provider, or add a calendar with rights"),
            EditError::Unavailable => StorageError::Unavailable.into(),
        }
    }
}

impl From<WindowError> for Problem {
    fn from(error: WindowError) -> Self {
        match error {
            WindowError::Invalid(why) => Self::new(Code::InvalidWindow, why),
            WindowError::Storage(error) => error.into(),
        }
    }
}

impl From<ExplainError> for Problem {
    fn from(error: ExplainError) -> Self {
        match error {
            ExplainError::NotFound => Self::new(Code::EventNotFound, "it was never in this calendar, or is deleted"),
            ExplainError::Invalid(why) => Self::new(Code::InvalidParameter, why),
            ExplainError::Storage(error) => error.into(),
        }
    }
}

impl From<ResolveError> for Problem {
    fn from(error: ResolveError) -> Self {
        match error {
            ResolveError::NotFound => Self::new(Code::ConflictNotFound, "list the conflicts again"),
            ResolveError::Stale => Self::new(Code::ConflictStale, "look at the event again, or choose keep-outcome"),
            ResolveError::Storage(error) => error.into(),
        }
    }
}

impl From<StepError> for Problem {
    fn from(error: StepError) -> Self {
        match error {
            StepError::NotFound => Self::new(Code::ReplicaNotFound, "list the replicas again"),
            StepError::LeaseLost => Self::new(Code::ReplicaBusy, "try again in a moment"),
            StepError::Unavailable => StorageError::Unavailable.into(),
            StepError::Bug(text) => Trap(text).into(),
        }
    }
}
