//! Incoming notifications: validate, mark durably, answer. A forged call never reaches the store.

pub mod token;

use std::collections::BTreeMap;

use crate::effects::{Effects, Mark, MarkOutcome};
use crate::provider::{self, News, Notification};

pub use crate::provider::Notice;

/// What a notification turned out to be; the names are those of `wit/webhooks.wit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Something changed, and it is noted.
    Changed,
    /// The provider only says hello.
    Handshake,
    /// Well signed, but nobody waits for it any more.
    UnknownChannel,
    /// Not signed by us.
    Forged,
    /// Signed by us for a channel that has ended.
    Expired,
    /// Not a notification.
    Malformed,
    /// It could not be noted: the provider should send it again.
    Unavailable,
}

impl Verdict {
    /// The name at the boundary.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Handshake => "handshake",
            Self::UnknownChannel => "unknown-channel",
            Self::Forged => "forged",
            Self::Expired => "expired",
            Self::Malformed => "malformed",
            Self::Unavailable => "unavailable",
        }
    }
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The type of `body`.
    pub content_type: &'static str,
    /// JSON, or the text of a handshake.
    pub body: String,
    /// What it was.
    pub verdict: Verdict,
}

fn answer(verdict: Verdict) -> Answer {
    let (status, body) = match verdict {
        Verdict::Changed | Verdict::Handshake | Verdict::UnknownChannel => (200, "{}"),
        Verdict::Malformed => (400, r#"{"detail":"Missing channel ID"}"#),
        Verdict::Forged => (403, r#"{"detail":"Invalid token"}"#),
        Verdict::Expired => (410, r#"{"detail":"Channel expired"}"#),
        Verdict::Unavailable => (503, r#"{"detail":"Try again later"}"#),
    };
    Answer { status, content_type: "application/json", body: body.into(), verdict }
}

/// Validate a notification and note it.
pub fn receive<F: Effects>(fx: &mut F, notice: &Notice) -> Answer {
    let Some(provider) = provider::of(notice.provider) else {
        let body = r#"{"detail":"No such endpoint"}"#.into();
        return Answer { status: 404, content_type: "application/json", body, verdict: Verdict::Malformed };
    };
    match provider.notification(notice) {
        Notification::Malformed => answer(Verdict::Malformed),
        Notification::Handshake(text) => {
            Answer { status: 200, content_type: "text/plain", body: text, verdict: Verdict::Handshake }
        }
        Notification::News(news) => match answer(hear(fx, &news)) {
            Answer { status: 200, verdict, .. } => Answer { status: provider.accepted_status(), ..answer(verdict) },
            refused => refused,
        },
    }
}

/// Note what is genuine. News that share a request are judged one by one: what is forged is dropped, and the request
/// is what the best of its news are.
fn hear<F: Effects>(fx: &mut F, all: &[News]) -> Verdict {
    let (key, now_ms) = (fx.settings().signing_key, fx.now_ms());
    let mut marks = BTreeMap::new();
    let mut best = Verdict::Forged;
    for news in all {
        let Some(claims) = token::verify(&key, &news.channel, &news.token) else { continue };
        if now_ms >= claims.expires_ms {
            best = if best == Verdict::Forged { Verdict::Expired } else { best };
        } else if news.hello {
            best = Verdict::Handshake;
        } else {
            let mark = Mark {
                tenant: claims.tenant.to_owned(),
                replica: claims.replica.to_owned(),
                channel: news.channel.clone(),
                message_number: news.message_number,
            };
            marks.insert((mark.tenant.clone(), mark.replica.clone(), mark.channel.clone()), mark);
        }
    }
    if marks.is_empty() {
        return best;
    }
    match fx.accept(marks.into_values().collect()) {
        Ok(outcomes) if outcomes.contains(&MarkOutcome::Marked) => Verdict::Changed,
        Ok(_) => Verdict::UnknownChannel,
        Err(_) => Verdict::Unavailable,
    }
}
