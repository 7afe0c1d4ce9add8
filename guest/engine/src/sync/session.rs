//! One step's connection to the world: requests with their authorisation and back-off, and the one way to commit.
//!
//! Every commit carries the replica's revision and the lease, so a worker that lost its replica cannot write
//! (invariant I10), and the new state travels with the effects that it speaks of (invariants I8, I9).

use super::state::State;
use super::{Outcome, Report, StepError};
use crate::backoff;
use crate::effects::{
    AuthError, Batch, Change, ConnectionUpdate, Effects, Expectation, Failure, FailureKind, Health, PushEntry, Replica,
    ReplicaUpdate, Request, Response, Settings, StorageError, TimeMs, TransportError,
};
use crate::id::failure_id;
use crate::limits::REQUESTS_PER_STEP;
use crate::provider::{Provider, Purpose, Target, Verdict};
use crate::seeded::{Bug, has};
use crate::time::Zones;

/// Why a step cannot go on. What is to be stored about it has been stored.
#[derive(Debug)]
pub(super) enum Stop {
    /// Come back as the outcome says.
    Outcome(Outcome),
    /// Somebody else wrote first: read and decide again.
    Stale,
    /// The caller has to know.
    Error(StepError),
}

/// What may stop early.
pub(super) type Flow<T> = Result<T, Stop>;

impl From<StorageError> for Stop {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Stale => Self::Stale,
            StorageError::LeaseLost => Self::Error(StepError::LeaseLost),
            StorageError::Unavailable => Self::Error(StepError::Unavailable),
            StorageError::Refused(why) => Self::Error(StepError::Bug(format!("the store refused a batch: {why}"))),
        }
    }
}

/// A step at work.
pub(super) struct Session<'a, F: Effects> {
    pub(super) fx: &'a mut F,
    pub(super) zones: &'a dyn Zones,
    pub(super) provider: &'static dyn Provider,
    pub(super) settings: Settings,
    pub(super) replica: Replica,
    pub(super) state: State,
    pub(super) now_ms: TimeMs,
    pub(super) report: Report,
    /// Requests sent so far, see [`crate::limits::REQUESTS_PER_STEP`].
    pub(super) requests: u32,
    /// Exceptions are asked for apart, to see whether that helps.
    pub(super) tries_apart: bool,
    /// Exceptions read again so far, see [`crate::limits::EXCEPTION_READS_PER_STEP`].
    pub(super) exception_reads: u32,
    /// The provider's changes were pulled to the end in this step.
    pub(super) is_fresh: bool,
    /// Events that no listing has shown are being asked for; see `unseen`.
    pub(super) counts_looks: bool,
    /// Events that are answered for again; their records end with the next commit.
    pub(super) recovered: Vec<String>,
    stored: String,
    /// By what is stored, the last steps failed; there may be a record of it.
    is_failing: bool,
    siblings: Option<Vec<String>>,
}

impl<'a, F: Effects> Session<'a, F> {
    pub(super) fn new(fx: &'a mut F, zones: &'a dyn Zones, provider: &'static dyn Provider, replica: Replica) -> Self {
        let (settings, now_ms) = (fx.settings(), fx.now_ms());
        let (state, stored) = (State::parse(&replica.state), replica.state.clone());
        let is_failing = state.failed_steps > 0;
        Self {
            fx,
            zones,
            provider,
            settings,
            replica,
            state,
            now_ms,
            report: Report::default(),
            requests: 0,
            tries_apart: false,
            exception_reads: 0,
            is_fresh: false,
            counts_looks: false,
            recovered: Vec::new(),
            stored,
            is_failing,
            siblings: None,
        }
    }

    /// Where requests go.
    pub(super) fn target(&self) -> Target<'_> {
        Target {
            replica: &self.replica,
            settings: &self.settings,
            time_zone: self.state.time_zone.as_deref().unwrap_or("Etc/UTC"),
            zones: self.zones,
            apart: self.state.apart || self.tries_apart,
        }
    }

    /// Send a request; a refused authorisation is refreshed once. Returns only what the caller has to decide.
    pub(super) fn exchange(&mut self, purpose: Purpose, request: Request) -> Flow<(Verdict, Response)> {
        let mut authorization = self.fx.authorization(&self.replica.connection.id);
        for last in [false, true] {
            let value = match authorization {
                Ok(value) => value,
                Err(error) => return Err(self.unauthorized(error)),
            };
            let mut attempt = request.clone();
            attempt.headers.push(("authorization".into(), value));
            self.requests = self.requests.saturating_add(1);
            let response = match self.fx.exchange(attempt) {
                Ok(response) => response,
                Err(error) => return Err(self.no_answer(error)),
            };
            match self.provider.classify(purpose, &response, self.now_ms) {
                Verdict::Retry { code, after_ms } => return Err(self.back_off(code, after_ms)),
                Verdict::NotWhole => return Err(self.ask_apart()),
                // Whom it is about is for the caller to see.
                Verdict::Unauthorized if last && purpose == Purpose::ReadMany => return Ok((Verdict::Done, response)),
                Verdict::Unauthorized if last => {
                    return Err(self.not_authorized());
                }
                Verdict::Unauthorized => authorization = self.fx.refresh(&self.replica.connection.id),
                verdict => return Ok((verdict, response)),
            }
        }
        Err(Stop::Error(StepError::Bug("an exchange ended without a verdict".into())))
    }

    /// Enough for one step.
    pub(super) fn has_asked_enough(&self) -> bool {
        self.requests >= REQUESTS_PER_STEP
    }

    /// Not even a fresh authorisation is accepted.
    pub(super) fn not_authorized(&mut self) -> Stop {
        let detail = "the provider does not accept a fresh authorisation; check the account's grant";
        self.fail("unauthorized", detail)
    }

    /// The provider does not show exceptions with their masters: from the next step on they are asked for apart.
    pub(super) fn ask_apart(&mut self) -> Stop {
        if std::mem::replace(&mut self.state.apart, true) {
            return self.fail("unexpected-answer", "the provider answered a read in an unknown way");
        }
        self.stop_with(vec![], Outcome::Again)
    }

    fn unauthorized(&mut self, error: AuthError) -> Stop {
        match error {
            AuthError::Unavailable => self.back_off("token-endpoint", None),
            AuthError::Revoked => {
                let update = ConnectionUpdate {
                    id: self.replica.connection.id.clone(),
                    revoked: true,
                    not_before_ms: 0,
                    attempts: 0,
                };
                self.pause("the account's grant was revoked; connect it again", vec![Change::PutConnection(update)])
            }
            AuthError::Missing => self.pause("the host has no credentials for the connection; configure them", vec![]),
        }
    }

    fn no_answer(&mut self, error: TransportError) -> Stop {
        match error {
            TransportError::NoAnswer => self.back_off("transport", None),
            TransportError::Denied => self.pause(
                "the host does not allow requests to the provider's address; add its host to the allow-list",
                vec![],
            ),
            TransportError::TooLarge => self
                .fail("answer-too-large", "the provider's answer is larger than the host accepts; lower the page size"),
        }
    }

    /// The provider is busy: nobody uses the connection before its time.
    pub(super) fn back_off(&mut self, code: &str, after_ms: Option<u64>) -> Stop {
        let attempts = self.replica.connection.attempts.saturating_add(1);
        let random = self.fx.random();
        let at_ms = backoff::next_request_ms(self.now_ms, attempts, after_ms, random);
        let update =
            ConnectionUpdate { id: self.replica.connection.id.clone(), revoked: false, not_before_ms: at_ms, attempts };
        if attempts >= backoff::THROTTLED_AFTER {
            self.health(Health::Throttled, "the provider asks to slow down or cannot be reached");
        }
        let outcome = Outcome::Retry { at_ms, code: code.to_owned() };
        self.stop_with(vec![Change::PutConnection(update)], outcome)
    }

    /// The step cannot work now for a reason that waiting a little will not change.
    pub(super) fn fail(&mut self, code: &str, detail: &str) -> Stop {
        self.state.failed_steps = self.state.failed_steps.saturating_add(1);
        let attempts = self.state.failed_steps;
        let at_ms = backoff::next_step_ms(self.now_ms, attempts);
        self.state.not_before_ms = at_ms;
        let mut changes = Vec::new();
        if backoff::step_gave_up(attempts) {
            self.health(Health::Throttled, detail);
            changes.push(Change::PutFailure(self.failure(FailureKind::Step, "step", code, detail, attempts)));
            self.report.failed += 1;
        }
        self.stop_with(changes, Outcome::Retry { at_ms, code: code.to_owned() })
    }

    /// Stop until somebody acts.
    pub(super) fn pause(&mut self, reason: &str, changes: Vec<Change>) -> Stop {
        self.health(Health::Paused, reason);
        self.stop_with(changes, Outcome::Paused(reason.to_owned()))
    }

    fn stop_with(&mut self, changes: Vec<Change>, outcome: Outcome) -> Stop {
        match self.commit(changes, vec![]) {
            Ok(()) => Stop::Outcome(outcome),
            Err(stop) => stop,
        }
    }

    /// Note the health that the next commit stores.
    pub(super) fn health(&mut self, health: Health, reason: &str) {
        self.state.health = Some(health);
        reason.clone_into(&mut self.state.reason);
    }

    /// A failure record of this replica.
    pub(super) fn failure(&self, kind: FailureKind, subject: &str, code: &str, detail: &str, attempts: u32) -> Failure {
        Failure {
            id: failure_id(&self.replica.id, kind, subject),
            replica: self.replica.id.clone(),
            kind,
            uid: None,
            remote_id: None,
            code: code.to_owned(),
            detail: detail.to_owned(),
            at_ms: self.now_ms,
            attempts,
        }
    }

    /// The provider answered: the connection is well again. Call before the commit of a successful exchange.
    pub(super) fn answered(&mut self, changes: &mut Vec<Change>) {
        if self.replica.connection.attempts > 0 {
            self.replica.connection.attempts = 0;
            let update = ConnectionUpdate {
                id: self.replica.connection.id.clone(),
                revoked: false,
                not_before_ms: 0,
                attempts: 0,
            };
            changes.push(Change::PutConnection(update));
        }
        if self.state.failed_steps > 0 {
            self.state.failed_steps = 0;
            self.state.not_before_ms = 0;
        }
        if matches!(self.state.health, Some(Health::Throttled | Health::Paused)) {
            let health = if self.state.synced_ms == 0 { Health::Starting } else { Health::Healthy };
            self.health(health, "");
        }
    }

    /// Commit: all or nothing, with the state as it is now. The replica's revision moves each time, so that what was decided
    /// on an older store than the last commit left is refused.
    pub(super) fn commit(&mut self, mut changes: Vec<Change>, more: Vec<Expectation>) -> Flow<()> {
        let text = self.state.text();
        if changes.is_empty() && text == self.stored {
            return Ok(());
        }
        let expectations = self.expectations(more);
        // Before what this batch records of the same events.
        let over = |id: &String| Change::DeleteFailure(failure_id(&self.replica.id, FailureKind::Item, id));
        changes.splice(0..0, self.recovered.iter().map(over));
        let is_failing = self.state.failed_steps > 0;
        if self.is_failing && !is_failing {
            // With the state that says so, whatever becomes of the batch in which it became known.
            changes.push(Change::DeleteFailure(failure_id(&self.replica.id, FailureKind::Step, "step")));
        }
        changes.push(Change::PutReplica(ReplicaUpdate {
            id: self.replica.id.clone(),
            state: text.clone(),
            health: self.state.health.unwrap_or(Health::Starting),
            reason: self.state.reason.clone(),
            synced_ms: self.state.synced_ms,
        }));
        self.fx.commit(Batch { expectations, changes })?;
        self.recovered.clear();
        self.replica.revision += 1;
        self.stored = text;
        self.is_failing = is_failing;
        Ok(())
    }

    /// Whether the store shows what this step has committed. One that lags behind it would let the step go on with what was
    /// there before, and no commit would be refused for that.
    pub(super) fn sees_itself(&mut self) -> Flow<()> {
        let stored = self.fx.load_replica(&self.replica.id)?;
        match stored.is_some_and(|stored| stored.revision >= self.replica.revision) {
            true => Ok(()),
            false => Err(Stop::Stale),
        }
    }

    /// What must still be so: before all, the lease, so that who lost it does not go on.
    fn expectations(&self, more: Vec<Expectation>) -> Vec<Expectation> {
        let (replica, revision) = (&self.replica, self.replica.revision);
        let lease = (!has(Bug::NoLease)).then(|| Expectation::Lease(replica.id.clone(), replica.lease_epoch));
        lease.into_iter().chain([Expectation::Replica(replica.id.clone(), revision)]).chain(more).collect()
    }

    /// Entries that tell the other replicas of the calendar about a new revision.
    pub(super) fn tell_others(&mut self, uid: &str, revision: u64, changes: &mut Vec<Change>) -> Flow<()> {
        if has(Bug::OthersNotTold) {
            return Ok(());
        }
        if self.siblings.is_none() {
            let all = self.fx.calendar_replicas(&self.replica.calendar)?;
            self.siblings = Some(all.into_iter().map(|other| other.id).filter(|id| *id != self.replica.id).collect());
        }
        for replica in self.siblings.iter().flatten() {
            changes.push(Change::Enqueue(self.entry(replica, uid, revision)));
        }
        Ok(())
    }

    /// An entry that asks this replica to write an event.
    pub(super) fn queue_here(&self, uid: &str, revision: u64) -> Change {
        Change::Enqueue(self.entry(&self.replica.id, uid, revision))
    }

    fn entry(&self, replica: &str, uid: &str, revision: u64) -> PushEntry {
        PushEntry {
            replica: replica.to_owned(),
            uid: uid.to_owned(),
            revision,
            due_ms: self.now_ms,
            attempts: 0,
            notify_attendees: false,
        }
    }
}
