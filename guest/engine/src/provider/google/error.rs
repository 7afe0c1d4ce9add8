//! Status and body of an answer become one word. The whole table of Google's errors is in this file; the facts are
//! those of "Handle API errors" and "Synchronize resources efficiently" in Google's documentation.

use super::wire::ErrorBody;
use crate::backoff::retry_after_ms;
use crate::effects::{Response, TimeMs};
use crate::provider::{Purpose, Verdict};

/// How long to wait when an operational limit is reached (`quotaExceeded`), in milliseconds: it does not refill
/// within minutes.
const QUOTA_PAUSE_MS: u64 = 3_600_000;

/// What an answer means.
pub(super) fn classify(purpose: Purpose, response: &Response, now_ms: TimeMs) -> Verdict {
    if (200..300).contains(&response.status) {
        return Verdict::Done;
    }
    let reason = reason(&response.body);
    let after_ms = response.header("retry-after").and_then(|value| retry_after_ms(value, now_ms));
    match (response.status, reason.as_str()) {
        (401, _) => Verdict::Unauthorized,
        (403 | 429, "quotaExceeded") => retry("google-quota", Some(after_ms.unwrap_or(QUOTA_PAUSE_MS))),
        (429, _) | (403, "userRateLimitExceeded" | "rateLimitExceeded" | "dailyLimitExceeded") => {
            retry("google-rate-limit", after_ms)
        }
        (409, "conflict") => retry("google-conflict", after_ms),
        (408 | 500..=599, _) => retry("google-server-error", after_ms),
        (409, _) if purpose == Purpose::Create => Verdict::Duplicate,
        (410, _) if purpose == Purpose::List => Verdict::CursorLost,
        // "Resource has been deleted": deleting it again has succeeded, changing it is changing what is gone.
        (410, _) if purpose == Purpose::Delete => Verdict::Done,
        (404, _) if purpose == Purpose::Delete => Verdict::NotFound,
        (404 | 410, _) => Verdict::NotFound,
        (412, _) => Verdict::Changed,
        (400, "pushNotSupportedForRequestedResource") if purpose == Purpose::Channel => Verdict::NoPush,
        // A sync token that is not one (damaged in our store) is answered with 400, not 410.
        (400, _) if purpose == Purpose::List => Verdict::CursorLost,
        (status, reason) => rejected(status, reason),
    }
}

fn retry(code: &'static str, after_ms: Option<u64>) -> Verdict {
    Verdict::Retry { code, after_ms }
}

/// An answer that will be the same next time.
fn rejected(status: u16, reason: &str) -> Verdict {
    let detail = match (status, reason) {
        (403, "forbiddenForNonOrganizer") => {
            "only the organizer may change this; edit it in the organizer's calendar, or undo the change"
        }
        (403, "insufficientPermissions" | "ACCESS_TOKEN_SCOPE_INSUFFICIENT") => {
            "the account did not grant access to its calendars; connect it again and allow it"
        }
        (403, _) => "the account may not do this; check its permission on the calendar",
        (400, "timeRangeEmpty") => "the end is not after the start; correct the event",
        (400, _) => "Google does not accept the event; correct it and it is tried again",
        _ => "Google refuses this; see the code",
    };
    let reason: String = reason.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(60).collect();
    let code = if reason.is_empty() { format!("google-{status}") } else { format!("google-{status}-{reason}") };
    Verdict::Rejected { code, detail }
}

/// The stable reason in an error body: `errors[0].reason`, or that of a newer `details` entry. Empty when the body
/// is not one of Google's.
fn reason(body: &[u8]) -> String {
    let Ok(body) = serde_json::from_slice::<ErrorBody>(body) else { return String::new() };
    let detail = body.error.details.into_iter().map(|d| d.reason).find(|reason| !reason.is_empty());
    match body.error.errors.into_iter().next() {
        Some(item) if item.reason == "forbidden" => detail.unwrap_or(item.reason),
        Some(item) if !item.reason.is_empty() => item.reason,
        Some(item) => item.domain,
        None => detail.unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
    use super::*;

    /// The bodies as Google sends them: (purpose, status, domain, reason, message, expected).
    #[test]
    fn every_error_body_has_its_meaning() {
        let rejected = |code: &str| Verdict::Rejected { code: code.into(), detail: "" };
        let cases = [
            (Purpose::List, 410, "calendar", "fullSyncRequired", Verdict::CursorLost),
            (Purpose::List, 410, "calendar", "updatedMinTooLongAgo", Verdict::CursorLost),
            (Purpose::List, 400, "global", "invalid", Verdict::CursorLost),
            (Purpose::Delete, 410, "global", "deleted", Verdict::Done),
            (Purpose::Update, 410, "global", "deleted", Verdict::NotFound),
            (Purpose::Update, 404, "global", "notFound", Verdict::NotFound),
            (Purpose::Delete, 404, "global", "notFound", Verdict::NotFound),
            (Purpose::Create, 409, "global", "duplicate", Verdict::Duplicate),
            (Purpose::Create, 409, "global", "conflict", retry("google-conflict", None)),
            (Purpose::Update, 412, "global", "conditionNotMet", Verdict::Changed),
            (Purpose::List, 401, "global", "authError", Verdict::Unauthorized),
            (Purpose::List, 403, "usageLimits", "userRateLimitExceeded", retry("google-rate-limit", None)),
            (Purpose::Update, 403, "usageLimits", "rateLimitExceeded", retry("google-rate-limit", None)),
            (Purpose::Update, 429, "usageLimits", "rateLimitExceeded", retry("google-rate-limit", None)),
            (Purpose::Create, 403, "usageLimits", "quotaExceeded", retry("google-quota", Some(QUOTA_PAUSE_MS))),
            (Purpose::List, 500, "global", "backendError", retry("google-server-error", None)),
            (Purpose::Channel, 400, "push", "pushNotSupportedForRequestedResource", Verdict::NoPush),
            (
                Purpose::Update,
                403,
                "calendar",
                "forbiddenForNonOrganizer",
                rejected("google-403-forbiddenForNonOrganizer"),
            ),
            (Purpose::List, 403, "global", "insufficientPermissions", rejected("google-403-insufficientPermissions")),
            (Purpose::Create, 400, "calendar", "timeRangeEmpty", rejected("google-400-timeRangeEmpty")),
            (Purpose::Create, 400, "global", "required", rejected("google-400-required")),
        ];
        for (purpose, status, domain, reason, expected) in cases {
            let body = serde_json::json!({"error": {"errors": [{"domain": domain, "reason": reason, "message": "m"}], "code": status, "message": "m"}});
            let response = Response { status, headers: vec![], body: body.to_string().into_bytes() };
            let found = match classify(purpose, &response, 0) {
                Verdict::Rejected { code, .. } => Verdict::Rejected { code, detail: "" },
                other => other,
            };
            assert_eq!(found, expected, "{purpose:?} {status} {reason}");
        }
    }

    #[test]
    fn details_name_the_missing_scope() {
        let body = br#"{"error":{"code":403,"errors":[{"domain":"global","reason":"forbidden"}],"status":"PERMISSION_DENIED","details":[{"reason":"ACCESS_TOKEN_SCOPE_INSUFFICIENT"}]}}"#;
        let response = Response { status: 403, headers: vec![], body: body.to_vec() };
        let Verdict::Rejected { code, detail } = classify(Purpose::List, &response, 0) else { panic!() };
        assert_eq!(code, "google-403-ACCESS_TOKEN_SCOPE_INSUFFICIENT");
        assert!(detail.contains("connect it again"));
    }

    #[test]
    fn an_answer_that_is_not_googles_is_judged_by_its_status() {
        for (status, expected) in
            [(502, retry("google-server-error", Some(7_000))), (429, retry("google-rate-limit", Some(7_000)))]
        {
            let response = Response {
                status,
                headers: vec![("retry-after".into(), "7".into())],
                body: b"<html>busy</html>".to_vec(),
            };
            assert_eq!(classify(Purpose::List, &response, 0), expected);
        }
    }
}
