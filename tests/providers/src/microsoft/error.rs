//! Microsoft Graph's error bodies.
//! Invariant: status, code and message of every refusal are in this file; callers may rely on status and code only.

use serde_json::json;

use super::time::second_text;
use crate::http::Answer;

/// What every JSON answer says it is.
pub(crate) const JSON: &str = "application/json; odata.metadata=minimal; odata.streaming=true; charset=utf-8";

/// A refusal, in Graph's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    /// HTTP status.
    pub status: u16,
    /// Graph's code, such as `ErrorItemNotFound`.
    pub code: &'static str,
    /// Graph's message.
    pub message: String,
    /// Headers beside the body.
    pub headers: Vec<(String, String)>,
}

impl ApiError {
    pub(crate) fn new(status: u16, code: &'static str, message: &str) -> Self {
        Self { status, code, message: message.to_owned(), headers: Vec::new() }
    }

    pub(crate) fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn bad_request(message: &str) -> Self {
        Self::new(400, "BadRequest", message)
    }
    pub(crate) fn invalid_property(message: &str) -> Self {
        Self::new(400, "ErrorPropertyValidationFailure", message)
    }
    pub(crate) fn body_read(message: &str) -> Self {
        Self::new(400, "RequestBodyRead", message)
    }
    pub(crate) fn read_only(name: &str) -> Self {
        Self::new(400, "ErrorInvalidPropertySet", &format!("The property '{name}' is read-only and cannot be set."))
    }
    pub(crate) fn time_zone(name: &str) -> Self {
        let message = format!(
            "A valid TimeZone value must be specified. The following TimeZone value is not supported: '{name}'."
        );
        Self::new(400, "TimeZoneNotSupportedException", &message)
    }
    pub(crate) fn malformed_id() -> Self {
        Self::new(400, "ErrorInvalidIdMalformed", "Id is malformed.")
    }
    pub(crate) fn crossing() -> Self {
        Self::new(
            400,
            "ErrorOccurrenceCrossingBoundary",
            "Cannot move an occurrence to or before the day of the previous one, or to or after the day of the next.",
        )
    }
    pub(crate) fn invalid_delta(token: &str) -> Self {
        Self::new(400, "InvalidDeltaToken", &format!("The value '{token}' of parameter '$deltaToken' is invalid."))
    }
    pub(crate) fn validation_failed() -> Self {
        let message = "Subscription validation request failed. Notification endpoint must respond with 200 OK to \
                       validation request.";
        Self::new(400, "ValidationError", message)
    }
    pub(crate) fn unauthorized() -> Self {
        Self::new(401, "InvalidAuthenticationToken", "Access token has expired or is not yet valid.").with_header(
            "www-authenticate",
            "Bearer realm=\"\", authorization_uri=\"https://login.microsoftonline.com/common/oauth2/authorize\"",
        )
    }
    pub(crate) fn denied() -> Self {
        Self::new(403, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")
    }
    pub(crate) fn item_not_found() -> Self {
        Self::new(404, "ErrorItemNotFound", "The specified object was not found in the store.")
    }
    pub(crate) fn not_found() -> Self {
        Self::new(404, "ResourceNotFound", "Resource could not be discovered.")
    }
    pub(crate) fn duplicate_transaction() -> Self {
        Self::new(409, "ErrorDuplicateTransactionId", "An event with this transactionId was already created.")
    }
    pub(crate) fn duplicate_subscription(id: &str) -> Self {
        let message = format!("Subscription Id {id} already exists for the requested combination");
        Self::new(409, "Conflict", &message)
    }
    pub(crate) fn precondition() -> Self {
        Self::new(
            412,
            "ErrorIrresolvableConflict",
            "The send or update operation could not be performed because the change key passed in the request does not \
             match the current change key for the item.",
        )
    }
    pub(crate) fn concurrency() -> Self {
        Self::new(429, "ApplicationThrottled", "Application is over its MailboxConcurrency limit.")
    }
    pub(crate) fn too_many() -> Self {
        Self::new(429, "TooManyRequests", "Too Many Requests")
    }
    pub(crate) fn unknown(status: u16) -> Self {
        let code = match status {
            503 => "ServiceUnavailable",
            504 => "UnknownError",
            _ => "InternalServerError",
        };
        Self::new(status, code, "An internal server error occurred.")
    }
    /// What Graph has and the simulator has not.
    pub(crate) fn not_modelled(what: &str) -> Self {
        Self::new(501, "notImplemented", &format!("Not modelled by the simulator: {what}"))
    }

    /// The error as an answer; `request` makes the request id.
    pub(crate) fn into_answer(self, now_ms: i64, request: u64) -> Answer {
        let id = super::ids::uuid(9, request);
        let date = second_text(now_ms);
        let body = json!({ "error": {
            "code": self.code,
            "message": self.message,
            "innerError": { "date": date, "request-id": id, "client-request-id": id },
        } });
        let mut headers = vec![("content-type".to_owned(), JSON.to_owned()), ("request-id".to_owned(), id)];
        headers.extend(self.headers);
        Answer { status: self.status, headers, body: body.to_string().into_bytes() }
    }
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.status, self.code)
    }
}

impl std::error::Error for ApiError {}
