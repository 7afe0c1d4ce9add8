//! Google's error bodies.
//! Invariant: status, domain, reason, location and message are exactly those of the documentation, in one file.

use serde_json::{Value, json};

use crate::http::Answer;

/// A refusal, in Google's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    /// HTTP status.
    pub status: u16,
    /// Google's domain, such as `global` or `usageLimits`.
    pub domain: &'static str,
    /// Google's reason, such as `notFound`.
    pub reason: &'static str,
    /// Google's message.
    pub message: String,
    /// Kind and name of the location, such as `parameter` and `syncToken`.
    pub location: Option<Box<(&'static str, String)>>,
    /// Headers beside the body.
    pub headers: Vec<(String, String)>,
}

impl ApiError {
    fn new(status: u16, domain: &'static str, reason: &'static str, message: &str) -> Self {
        Self { status, domain, reason, message: message.to_owned(), location: None, headers: Vec::new() }
    }

    fn at(mut self, kind: &'static str, name: &str) -> Self {
        self.location = Some(Box::new((kind, name.to_owned())));
        self
    }

    pub(crate) fn invalid(message: &str) -> Self {
        Self::new(400, "global", "invalid", message)
    }
    pub(crate) fn invalid_parameter(name: &str, message: &str) -> Self {
        Self::invalid(message).at("parameter", name)
    }
    pub(crate) fn bad_request(message: &str) -> Self {
        Self::new(400, "global", "badRequest", message)
    }
    pub(crate) fn parse_error() -> Self {
        Self::new(400, "global", "parseError", "Parse Error")
    }
    pub(crate) fn required(message: &str) -> Self {
        Self::new(400, "global", "required", message)
    }
    pub(crate) fn time_range_empty(location: Option<&str>) -> Self {
        let error = Self::new(400, "calendar", "timeRangeEmpty", "The specified time range is empty.");
        match location {
            Some(name) => error.at("parameter", name),
            None => error,
        }
    }
    pub(crate) fn unauthorized() -> Self {
        Self::new(401, "global", "authError", "Invalid Credentials").at("header", "Authorization")
    }
    pub(crate) fn user_rate() -> Self {
        Self::new(403, "usageLimits", "userRateLimitExceeded", "User Rate Limit Exceeded")
    }
    pub(crate) fn rate_limit() -> Self {
        Self::new(403, "usageLimits", "rateLimitExceeded", "Rate Limit Exceeded")
    }
    pub(crate) fn too_many() -> Self {
        Self::new(429, "usageLimits", "rateLimitExceeded", "Rate Limit Exceeded")
    }
    pub(crate) fn quota_exceeded() -> Self {
        Self::new(403, "usageLimits", "quotaExceeded", "Calendar usage limits exceeded.")
    }
    pub(crate) fn non_organizer() -> Self {
        Self::new(
            403,
            "calendar",
            "forbiddenForNonOrganizer",
            "Shared properties can only be changed by the organizer of the event.",
        )
    }
    pub(crate) fn forbidden() -> Self {
        Self::new(403, "global", "forbidden", "Forbidden")
    }
    pub(crate) fn scope() -> Self {
        Self::new(403, "global", "insufficientPermissions", "Request had insufficient authentication scopes.")
    }
    pub(crate) fn not_found() -> Self {
        Self::new(404, "global", "notFound", "Not Found")
    }
    pub(crate) fn duplicate() -> Self {
        Self::new(409, "global", "duplicate", "The requested identifier already exists.")
    }
    pub(crate) fn full_sync() -> Self {
        Self::new(410, "calendar", "fullSyncRequired", "Sync token is no longer valid, a full sync is required.")
            .at("parameter", "syncToken")
    }
    pub(crate) fn updated_min() -> Self {
        Self::new(
            410,
            "calendar",
            "updatedMinTooLongAgo",
            "The requested minimum modification time lies too far in the past.",
        )
        .at("parameter", "updatedMin")
    }
    pub(crate) fn deleted() -> Self {
        Self::new(410, "global", "deleted", "Resource has been deleted")
    }
    pub(crate) fn precondition() -> Self {
        Self::new(412, "global", "conditionNotMet", "Precondition Failed").at("header", "If-Match")
    }
    pub(crate) fn backend(status: u16) -> Self {
        Self::new(status, "global", "backendError", "Backend Error")
    }
    pub(crate) fn push(reason: &'static str, message: &str) -> Self {
        Self::new(400, "push", reason, message)
    }
    pub(crate) fn channel_not_found(id: &str) -> Self {
        Self::new(404, "global", "notFound", &format!("Channel '{id}' not found for project 'simulated'"))
    }
    /// What Google has and the simulator has not.
    pub(crate) fn not_modelled(what: &str) -> Self {
        Self::new(501, "global", "notImplemented", &format!("Not modelled by the simulator: {what}"))
    }

    /// The error as an answer.
    pub(crate) fn into_answer(self) -> Answer {
        let mut inner = json!({ "domain": self.domain, "reason": self.reason, "message": self.message });
        if let (Some(location), Some(map)) = (self.location, inner.as_object_mut()) {
            map.insert("locationType".to_owned(), Value::from(location.0));
            map.insert("location".to_owned(), Value::from(location.1));
        }
        let body = json!({ "error": { "errors": [inner], "code": self.status, "message": self.message } });
        let mut headers = vec![("content-type".to_owned(), "application/json; charset=UTF-8".to_owned())];
        headers.extend(self.headers);
        Answer { status: self.status, headers, body: body.to_string().into_bytes() }
    }
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.status, self.reason)
    }
}

impl std::error::Error for ApiError {}
