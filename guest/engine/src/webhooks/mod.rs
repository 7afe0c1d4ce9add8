//! Incoming notifications: validate, mark durably, answer. A forged call never reaches the store.

pub mod token;

use crate::effects::{Effects, Mark, MarkOutcome, ProviderKind};
use crate::provider::google::webhook as google;

/// An HTTP request as it came in.
#[derive(Debug, Clone)]
pub struct Notice {
    /// Whose endpoint was called.
    pub provider: ProviderKind,
    /// Headers, names in any case.
    pub headers: Vec<(String, String)>,
}

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
    /// JSON body.
    pub body: &'static str,
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
    Answer { status, body, verdict }
}

/// Validate a notification and note it.
pub fn receive<F: Effects>(fx: &mut F, notice: &Notice) -> Answer {
    match notice.provider {
        ProviderKind::Google => answer(receive_google(fx, &notice.headers)),
        ProviderKind::Microsoft => {
            Answer { status: 404, body: r#"{"detail":"No such endpoint"}"#, verdict: Verdict::Malformed }
        }
    }
}

fn receive_google<F: Effects>(fx: &mut F, headers: &[(String, String)]) -> Verdict {
    let Some(notification) = google::read(headers) else { return Verdict::Malformed };
    let key = fx.settings().signing_key;
    let Some(claims) = token::verify(&key, notification.channel, notification.token) else { return Verdict::Forged };
    if fx.now_ms() >= claims.expires_ms {
        return Verdict::Expired;
    }
    if notification.handshake {
        return Verdict::Handshake;
    }
    let mark = Mark {
        tenant: claims.tenant.to_owned(),
        replica: claims.replica.to_owned(),
        channel: notification.channel.to_owned(),
        message_number: notification.message_number,
    };
    match fx.accept(vec![mark]).as_deref() {
        Ok([MarkOutcome::Marked]) => Verdict::Changed,
        Ok(_) => Verdict::UnknownChannel,
        Err(_) => Verdict::Unavailable,
    }
}
