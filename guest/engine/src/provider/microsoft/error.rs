//! Status and body of an answer become one word. The whole table of Graph's errors is in this file; the facts are those
//! of Graph's pages on errors, delta queries, throttling and subscriptions. Codes come in any case; texts are not read.

use super::changes;
use super::wire::ErrorBody;
use crate::backoff::retry_after_ms;
use crate::effects::{Response, TimeMs};
use crate::provider::{Purpose, Verdict};

/// What an answer means.
pub(super) fn classify(purpose: Purpose, response: &Response, now_ms: TimeMs) -> Verdict {
    if (200..300).contains(&response.status) {
        // A token that ends between two requests of a batch is one that has ended.
        let ended = purpose == Purpose::ReadMany && changes::any_unauthorized(&response.body);
        return if ended { Verdict::Unauthorized } else { Verdict::Done };
    }
    let code = code(&response.body);
    let after_ms = response.header("retry-after").and_then(|value| retry_after_ms(value, now_ms));
    match (response.status, code.to_ascii_lowercase().as_str()) {
        (401, _) => Verdict::Unauthorized,
        (429, _) => retry("microsoft-rate-limit", after_ms),
        // Not there at all, rather than not now.
        (501, _) if purpose == Purpose::List => Verdict::NoListing,
        (501, _) => rejected(501, &code),
        (408 | 424 | 500..=599, _)
        | (
            _,
            "errorserverbusy" | "errortimeoutexpired" | "errormailboxstoreunavailable" | "errormailboxmoveinprogress",
        ) => retry("microsoft-server-error", after_ms),
        (410, _) if purpose == Purpose::List => Verdict::CursorLost,
        (400 | 404, "syncstatenotfound" | "syncstateinvalid" | "resyncrequired") if purpose == Purpose::List => {
            Verdict::CursorLost
        }
        // The calendar, when not the way of listing it.
        (404, "erroritemnotfound") | (400, "erroridmalformed" | "errorinvalididmalformed")
            if purpose == Purpose::List =>
        {
            Verdict::NotFound
        }
        (404, "mailboxnotenabledforrestapi" | "mailboxnotfound" | "errornonexistentmailbox" | "errorinvaliduser")
            if purpose == Purpose::List =>
        {
            retry("microsoft-no-mailbox", after_ms)
        }
        (400 | 404 | 405, _) if purpose == Purpose::List => Verdict::NoListing,
        // What is asked for with an event is always the same: a refusal is about that, not about the event.
        (400, "badrequest" | "errorinvalidproperty" | "requestbroker--parseuri") if purpose == Purpose::Read => {
            Verdict::NotWhole
        }
        // Mailboxes are away as a whole, too (a licence lapsed, one is being moved), and answer so to everything: only
        // this code is about an event.
        (404, code) if code != "erroritemnotfound" && purpose != Purpose::Channel => {
            retry("microsoft-no-mailbox", after_ms)
        }
        (410, _) if purpose == Purpose::Delete => Verdict::Done,
        // The first event of this transaction was deleted, or the calendar: looking for it tells.
        (404, _) if purpose == Purpose::Create => Verdict::Duplicate,
        (404 | 410, _) => Verdict::NotFound,
        (409, _) if matches!(purpose, Purpose::Create | Purpose::Channel) => Verdict::Duplicate,
        (409 | 412, _) => Verdict::Changed,
        (status, _) => rejected(status, &code),
    }
}

fn retry(code: &'static str, after_ms: Option<u64>) -> Verdict {
    Verdict::Retry { code, after_ms }
}

/// An answer that will be the same next time.
fn rejected(status: u16, code: &str) -> Verdict {
    let detail = match (status, code.to_ascii_lowercase().as_str()) {
        (400, "erroroccurrencecrossingboundary") => {
            "Outlook does not let an occurrence move to or past the day of its neighbour; choose another day"
        }
        (400, "erroroccurrencetimespantoobig") => {
            "an occurrence is longer than the time to the next; shorten the event"
        }
        (403, "erroraccessdenied") => "the account may not do this; check its permission on the calendar",
        (403, _) => "the account did not grant access to its calendars; connect it again and allow it",
        (400, _) => "Outlook does not accept the event; correct it and it is tried again",
        (413, _) => "the event is too large for Outlook; shorten it",
        _ => "Outlook refuses this; see the code",
    };
    let code: String = code.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.')).take(60).collect();
    let code = if code.is_empty() { format!("microsoft-{status}") } else { format!("microsoft-{status}-{code}") };
    Verdict::Rejected { code, detail }
}

/// The stable code in an error body. Empty when the body is not one of Graph's.
fn code(body: &[u8]) -> String {
    serde_json::from_slice::<ErrorBody>(body).map(|body| body.error.code).unwrap_or_default()
}
