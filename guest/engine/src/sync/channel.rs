//! Push channels: a new one is made and stored before the old one is stopped, so there is never a time without one.
//! Calendars without push are polled; a safety poll always stays.

use super::Outcome;
use super::session::{Flow, Session, Stop};
use crate::effects::{Change, Channel, Effects, FailureKind, Request, Response};
use crate::id;
use crate::limits::{CHANNEL_LIFE_MS, CHANNEL_REFUSED_MS, CHANNEL_RENEWAL_MS, CHANNEL_RETRY_MS, MAX_CHANNEL_TOKEN};
use crate::provider::{Purpose, Verdict};
use crate::webhooks::token;

/// The subject of failures about the channel.
const SUBJECT: &str = "channel";

impl<F: Effects> Session<'_, F> {
    /// Whether the channel has to be looked after.
    pub(super) fn channel_is_due(&self) -> bool {
        self.settings.webhook_url.is_some() && self.now_ms >= self.state.channel_due_ms
    }

    /// A request about a channel. Should it fail, listings and writes go on before it is tried again: push is a
    /// help, not a condition.
    fn channel_request(&mut self, request: Request) -> Flow<(Verdict, Response)> {
        self.state.channel_due_ms = self.now_ms + CHANNEL_RETRY_MS;
        let result = self.exchange(Purpose::Channel, request);
        if let Err(Stop::Outcome(Outcome::Retry { at_ms, .. })) = &result {
            // Also after a long pause the others go first.
            self.state.channel_due_ms = at_ms.saturating_add(CHANNEL_RETRY_MS);
            self.commit(vec![], vec![])?;
        }
        result
    }

    /// Make a channel, or stop superseded ones: one request.
    pub(super) fn look_after_channel(&mut self) -> Flow<()> {
        let channels = self.fx.channels(&self.replica.id)?;
        let lasts = |channel: &&Channel| {
            !channel.superseded && renewal_ms(channel.created_ms, channel.expires_ms) > self.now_ms
        };
        if let Some(good) = channels.iter().filter(lasts).max_by_key(|channel| channel.expires_ms) {
            let due_ms = renewal_ms(good.created_ms, good.expires_ms);
            return self.stop_superseded(&channels, due_ms);
        }
        self.make_channel(channels)
    }

    fn make_channel(&mut self, old: Vec<Channel>) -> Flow<()> {
        let Some(base) = self.settings.webhook_url.clone() else { return self.refused("no-webhook-url", "", vec![]) };
        let random = [self.fx.random(), self.fx.random()];
        let channel_id = id::channel_id(&self.replica, random);
        let expires_ms = self.now_ms + CHANNEL_LIFE_MS;
        let token = token::sign(&self.settings.signing_key, &self.replica, &channel_id, expires_ms);
        if token.len() > MAX_CHANNEL_TOKEN {
            let detail =
                "the ids of tenant and replica are too long together for a channel token; shorten them to get push";
            return self.refused("channel-token-too-long", detail, vec![]);
        }
        let address = format!("{base}/google");
        let request = self.provider.watch(&self.target(), &channel_id, &token, &address, expires_ms);
        let (verdict, response) = self.channel_request(request)?;
        let granted = match verdict {
            Verdict::Done => self.provider.read_watch(&response.body),
            Verdict::NoPush => return self.refused("", "", vec![]),
            Verdict::Rejected { code, detail: _ } => {
                let detail = "the provider refuses to send notifications; check the public URL (https, a valid certificate). The calendar is polled";
                return self.refused(&code, detail, vec![]);
            }
            _ => None,
        };
        let Some(granted) = granted else {
            return self.refused(
                "channel-refused",
                "the provider refuses to send notifications. The calendar is polled",
                vec![],
            );
        };
        let expires_ms = granted.expires_ms.min(expires_ms);
        let channel = Channel {
            id: channel_id,
            replica: self.replica.id.clone(),
            resource_id: granted.resource_id,
            expires_ms,
            created_ms: self.now_ms,
            superseded: false,
        };
        let mut changes = vec![Change::PutChannel(channel)];
        // Those that it replaces are stopped next.
        self.state.channel_due_ms = match old.is_empty() {
            true => renewal_ms(self.now_ms, expires_ms).max(self.now_ms + CHANNEL_RETRY_MS),
            false => self.now_ms,
        };
        changes.extend(old.into_iter().map(|old| Change::PutChannel(Channel { superseded: true, ..old })));
        changes.push(Change::DeleteFailure(id::failure_id(&self.replica.id, FailureKind::Step, SUBJECT)));
        self.state.has_channel = true;
        // What changed while there was no channel was not announced.
        self.state.next_poll_ms = self.now_ms;
        self.answered(&mut changes);
        self.commit(changes, vec![])
    }

    /// No push for now: poll, and ask again later.
    fn refused(&mut self, code: &str, detail: &str, mut changes: Vec<Change>) -> Flow<()> {
        if !code.is_empty() && !detail.is_empty() {
            changes.push(Change::PutFailure(self.failure(FailureKind::Step, SUBJECT, code, detail, 1)));
            self.report.failed += 1;
        }
        self.state.has_channel = false;
        self.state.channel_due_ms = self.now_ms + CHANNEL_REFUSED_MS;
        self.answered(&mut changes);
        self.commit(changes, vec![])
    }

    fn stop_superseded(&mut self, channels: &[Channel], due_ms: u64) -> Flow<()> {
        self.state.has_channel = true;
        let Some(old) = channels.iter().find(|channel| channel.superseded) else {
            self.state.channel_due_ms = due_ms;
            return self.commit(vec![], vec![]);
        };
        let request = self.provider.stop(&self.target(), &old.id, &old.resource_id);
        // Whatever the answer: a channel that cannot be stopped ends by itself.
        self.channel_request(request)?;
        self.state.channel_due_ms = self.now_ms;
        self.commit(vec![Change::DeleteChannel(old.id.clone())], vec![])
    }

    /// Stop every channel, before the replica is removed.
    pub(super) fn stop_all_channels(&mut self) -> Flow<()> {
        for channel in self.fx.channels(&self.replica.id)? {
            let request = self.provider.stop(&self.target(), &channel.id, &channel.resource_id);
            self.exchange(Purpose::Channel, request)?;
            self.commit(vec![Change::DeleteChannel(channel.id)], vec![])?;
        }
        self.state.has_channel = false;
        self.state.channel_due_ms = 0;
        self.commit(vec![], vec![])
    }
}

/// When a channel is replaced: a day before its end, or half-way when it lives shorter than two days.
fn renewal_ms(now_ms: u64, expires_ms: u64) -> u64 {
    let life_ms = expires_ms.saturating_sub(now_ms);
    expires_ms - CHANNEL_RENEWAL_MS.min(life_ms / 2)
}
