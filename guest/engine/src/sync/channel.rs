//! Push channels: renewed in place where the provider can, else a new one is made and stored before the old one is
//! stopped, so there is never a time without one. Calendars without push are polled; a safety poll always stays.

use super::Outcome;
use super::session::{Flow, Session, Stop};
use crate::effects::{Change, Channel, END_OF_TIME, Effects, FailureKind, Request, Response};
use crate::id;
use crate::limits::{
    CHANNEL_CHECK_MS, CHANNEL_LOOK_MS, CHANNEL_PAGES, CHANNEL_REFUSED_MS, CHANNEL_RETRY_MS, MAX_CHANNEL_TOKEN,
};
use crate::provider::{Granted, Purpose, Verdict, Watch, Watched};
use crate::webhooks::token;

/// The subject of failures about the channel.
const SUBJECT: &str = "channel";

/// What a look for a channel of this replica came to.
enum Ours {
    Found(Watched),
    Nothing,
    /// The answer was damaged on its way: it is soon asked for again.
    Damaged,
}

impl<F: Effects> Session<'_, F> {
    /// Whether the channel has to be looked after.
    pub(super) fn channel_is_due(&self) -> bool {
        self.settings.webhook_url.is_some() && (self.now_ms >= self.state.channel_due_ms || self.channel_is_in_doubt())
    }

    /// A notification may be about its own channel (its end, or that it wants to be renewed), and a mark does not say
    /// so: a channel that can be renewed is, when a mark comes and it was not for a while.
    fn channel_is_in_doubt(&self) -> bool {
        self.state.has_channel
            && self.provider.channel_times().renews
            && self.replica.wanted > self.state.channel_wanted
            && self.now_ms >= self.state.channel_checked_ms.saturating_add(CHANNEL_CHECK_MS)
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

    /// Make a channel, renew it, or stop superseded ones: one request.
    pub(super) fn look_after_channel(&mut self) -> Flow<()> {
        let channels = self.fx.channels(&self.replica.id)?;
        let alive = |channel: &&Channel| !channel.superseded && channel.expires_ms > self.now_ms;
        let newest = channels.iter().filter(alive).max_by_key(|channel| channel.expires_ms);
        let Some(newest) = newest.cloned() else { return self.make_channel(channels) };
        let due_ms = self.renewal_ms(newest.created_ms, newest.expires_ms);
        if due_ms > self.now_ms && !self.channel_is_in_doubt() {
            return self.stop_superseded(&channels, due_ms);
        }
        self.state.channel_checked_ms = self.now_ms;
        self.state.channel_wanted = self.replica.wanted;
        let expires_ms = self.now_ms + self.provider.channel_times().life_ms;
        match self.provider.renew(&self.target(), &newest.resource_id, expires_ms) {
            Some(request) => self.renew(newest, request, expires_ms),
            None => self.make_channel(channels),
        }
    }

    /// Let a channel live longer. One that the provider does not know any more is made anew.
    fn renew(&mut self, channel: Channel, request: Request, expires_ms: u64) -> Flow<()> {
        let (verdict, response) = self.channel_request(request)?;
        let granted = if verdict == Verdict::Done { self.provider.read_watch(&response.body) } else { None };
        let Some(granted) = granted else {
            self.state.has_channel = false;
            self.state.channel_due_ms = self.now_ms;
            return self.commit(vec![Change::DeleteChannel(channel.id)], vec![]);
        };
        let expires_ms = granted.expires_ms.min(expires_ms);
        let renewed = Channel { expires_ms, created_ms: self.now_ms, ..channel };
        self.state.channel_due_ms = self.renewal_ms(self.now_ms, expires_ms).max(self.now_ms + CHANNEL_RETRY_MS);
        let mut changes = vec![Change::PutChannel(renewed)];
        self.answered(&mut changes);
        self.commit(changes, vec![])
    }

    fn make_channel(&mut self, old: Vec<Channel>) -> Flow<()> {
        let Some(base) = self.settings.webhook_url.clone() else { return self.refused("no-webhook-url", "", vec![]) };
        let times = self.provider.channel_times();
        let random = [self.fx.random(), self.fx.random()];
        let channel_id = id::channel_id(&self.replica, random);
        let expires_ms = self.now_ms + times.life_ms;
        // The token of a channel that is renewed has to outlive every renewal: the channel's record ends it.
        let proof_ms = if times.renews { END_OF_TIME } else { expires_ms };
        let token = token::sign(&self.settings.signing_key, &self.replica, &channel_id, proof_ms);
        if token.len() > MAX_CHANNEL_TOKEN {
            let detail =
                "the ids of tenant and replica are too long together for a channel token; shorten them to get push";
            return self.refused("channel-token-too-long", detail, vec![]);
        }
        let watch = Watch { channel_id: &channel_id, token: &token, base: &base, expires_ms };
        let request = self.provider.watch(&self.target(), &watch);
        let (verdict, response) = self.channel_request(request)?;
        if verdict == Verdict::Duplicate {
            return self.clear_the_way(&base);
        }
        let granted = match verdict {
            Verdict::Done => match self.provider.read_watch(&response.body) {
                // Damaged on its way is no refusal: it is soon asked for again.
                None => return self.commit(vec![], vec![]),
                granted => granted,
            },
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
        self.made(channel_id, granted, expires_ms, old)
    }

    /// A channel was granted.
    fn made(&mut self, id: String, granted: Granted, asked_ms: u64, old: Vec<Channel>) -> Flow<()> {
        let (replica, expires_ms) = (self.replica.id.clone(), granted.expires_ms.min(asked_ms));
        let resource_id = granted.resource_id;
        let channel = Channel { id, replica, resource_id, expires_ms, created_ms: self.now_ms, superseded: false };
        let mut changes = vec![Change::PutChannel(channel)];
        self.state.channel_checked_ms = self.now_ms;
        self.state.channel_wanted = self.replica.wanted;
        // Those that it replaces are stopped next.
        self.state.channel_due_ms = match old.is_empty() {
            true => self.renewal_ms(self.now_ms, expires_ms).max(self.now_ms + CHANNEL_RETRY_MS),
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

    /// The provider has such a channel already: one of ours, whose making was never answered. It is ended, and one that
    /// is known takes its place.
    fn clear_the_way(&mut self, base: &str) -> Flow<()> {
        let taken = "the provider already sends notifications of this calendar to another program with the same \
                     registration. The calendar is polled";
        let ours = match self.find_ours(base)? {
            Ours::Found(ours) => ours,
            Ours::Nothing => return self.refused("channel-taken", taken, vec![]),
            Ours::Damaged => return self.commit(vec![], vec![]),
        };
        let request = self.provider.stop(&self.target(), &ours.channel_id, &ours.resource_id);
        self.channel_request(request)?;
        self.state.channel_due_ms = self.now_ms;
        self.commit(vec![], vec![])
    }

    /// Find a channel of this replica among those that the provider has.
    fn find_ours(&mut self, base: &str) -> Flow<Ours> {
        let key = self.settings.signing_key.clone();
        let mut page = None;
        for _ in 0..CHANNEL_PAGES {
            let Some(request) = self.provider.watched(&self.target(), page.as_deref()) else {
                return Ok(Ours::Nothing);
            };
            let (verdict, response) = self.channel_request(request)?;
            if verdict != Verdict::Done {
                return Ok(Ours::Nothing);
            }
            let Some((found, next)) = self.provider.read_watched(base, &response.body) else {
                return Ok(Ours::Damaged);
            };
            let ours = found.into_iter().find(|watched| {
                token::verify(&key, &watched.channel_id, &watched.token)
                    .is_some_and(|claims| claims.tenant == self.replica.tenant && claims.replica == self.replica.id)
            });
            page = next;
            if ours.is_some() || page.is_none() {
                return Ok(ours.map_or(Ours::Nothing, Ours::Found));
            }
        }
        Ok(Ours::Nothing)
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

    /// When a channel is renewed or replaced: some time before its end, or half-way when it lives shorter than twice
    /// that. One that can be renewed is, every few hours: no notification tells that it is gone.
    fn renewal_ms(&self, made_ms: u64, expires_ms: u64) -> u64 {
        let life_ms = expires_ms.saturating_sub(made_ms);
        let times = self.provider.channel_times();
        let due_ms = expires_ms - times.renewal_ms.min(life_ms / 2);
        let look_ms = self.state.channel_checked_ms.saturating_add(CHANNEL_LOOK_MS);
        if times.renews { due_ms.min(look_ms) } else { due_ms }
    }
}
