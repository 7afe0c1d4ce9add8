//! The step: at most one page, one channel request or a few writes, then a commit.
//!
//! Control flow lives here; policy in `plan`, mechanism in the rest. A step that is cut off anywhere costs one step.

mod again;
mod apart;
mod applied;
mod arrive;
mod breaker;
mod channel;
mod create;
mod exceptions;
mod guard;
mod look;
mod news;
mod occurrence;
pub(crate) mod outward;
pub mod plan;
mod present;
mod pull;
mod push;
mod record;
mod scene;
mod sent;
mod session;
mod settle;
pub mod state;
mod troubled;
mod unseen;

use self::session::{Session, Stop};
use crate::effects::{Change, Effects, FailureKind, PushEntry, StorageError, TimeMs};
use crate::limits::{REPLANS, TOLD_AFTER, WRITES_PER_STEP};
use crate::provider;
use crate::seeded::{Bug, has};
use crate::time::Zones;

/// What to do with the replica next. See `wit/sync.wit`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Outcome {
    /// There is more to do.
    #[default]
    Again,
    /// In step until then.
    Idle(TimeMs),
    /// Something is not well at the moment.
    Retry {
        /// Not before.
        at_ms: TimeMs,
        /// Stable code.
        code: String,
    },
    /// Somebody has to act.
    Paused(String),
}

/// What a step did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// What next.
    pub outcome: Outcome,
    /// Rows read from the provider.
    pub pulled: u32,
    /// Events changed locally.
    pub applied: u32,
    /// Writes that the provider accepted.
    pub pushed: u32,
    /// Conflicts recorded.
    pub conflicts: u32,
    /// Set aside.
    pub failed: u32,
}

/// Why a step could not end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StepError {
    /// No such replica.
    #[error("no such replica")]
    NotFound,
    /// Another worker owns it.
    #[error("the lease of the replica is lost")]
    LeaseLost,
    /// The store is not available.
    #[error("the store is not available")]
    Unavailable,
    /// A defect.
    #[error("{0}")]
    Bug(String),
}

impl From<StorageError> for StepError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::LeaseLost => Self::LeaseLost,
            StorageError::Stale | StorageError::Unavailable => Self::Unavailable,
            StorageError::Refused(why) => Self::Bug(why),
        }
    }
}

/// Do one step. Safe to repeat at any point.
///
/// # Errors
/// When the replica is unknown, its lease lost or the store away; nothing of the unfinished commit was written.
pub fn step<F: Effects>(fx: &mut F, zones: &dyn Zones, replica: &str) -> Result<Report, StepError> {
    let mut report = Report::default();
    for _ in 0..REPLANS {
        let mut session = match open(fx, zones, replica)? {
            Ok(session) => session,
            Err(outcome) => return Ok(Report { outcome, ..report }),
        };
        session.report = report;
        let result = session.run();
        report = session.report.clone();
        match result {
            Ok(outcome) | Err(Stop::Outcome(outcome)) => return Ok(Report { outcome, ..report }),
            Err(Stop::Error(error)) => return Err(error),
            Err(Stop::Stale) => {}
        }
    }
    // Others keep writing first: let them.
    Ok(Report { outcome: Outcome::Again, ..report })
}

/// Answer the mass-delete guard: accept the deletions, or have the missing events created again.
///
/// # Errors
/// As [`step`].
pub fn answer_guard<F: Effects>(fx: &mut F, zones: &dyn Zones, replica: &str, accept: bool) -> Result<(), StepError> {
    administer(fx, zones, replica, |session| session.answer(accept))
}

/// Stop the channels of a replica.
///
/// # Errors
/// As [`step`].
pub fn stop_channels<F: Effects>(fx: &mut F, zones: &dyn Zones, replica: &str) -> Result<(), StepError> {
    administer(fx, zones, replica, |session| session.stop_all_channels())
}

fn administer<F: Effects>(
    fx: &mut F,
    zones: &dyn Zones,
    replica: &str,
    action: impl Fn(&mut Session<'_, F>) -> Result<(), Stop>,
) -> Result<(), StepError> {
    for _ in 0..REPLANS {
        let Ok(mut session) = open(fx, zones, replica)? else { return Ok(()) };
        match action(&mut session) {
            Ok(()) | Err(Stop::Outcome(_)) => return Ok(()),
            Err(Stop::Error(error)) => return Err(error),
            Err(Stop::Stale) => {}
        }
    }
    Err(StepError::Unavailable)
}

/// Load what a step needs, or say why there is nothing to do.
fn open<'a, F: Effects>(
    fx: &'a mut F,
    zones: &'a dyn Zones,
    replica: &str,
) -> Result<Result<Session<'a, F>, Outcome>, StepError> {
    let replica = fx.load_replica(replica)?.ok_or(StepError::NotFound)?;
    if replica.connection.revoked {
        return Ok(Err(Outcome::Paused("the account's grant was revoked; connect it again".into())));
    }
    let Some(provider) = provider::of(replica.connection.provider) else {
        return Ok(Err(Outcome::Paused("this version does not speak to this provider yet; update Tandem".into())));
    };
    Ok(Ok(Session::new(fx, zones, provider, replica)))
}

impl<F: Effects> Session<'_, F> {
    /// One step.
    fn run(&mut self) -> Result<Outcome, Stop> {
        let not_before = self.replica.connection.not_before_ms.max(self.state.not_before_ms);
        if self.now_ms < not_before {
            return Ok(Outcome::Retry { at_ms: not_before, code: "waiting".into() });
        }
        if self.is_asking() {
            return Ok(Outcome::Paused(self.state.reason.clone()));
        }
        if self.channel_is_due() {
            self.look_after_channel()?;
            return Ok(Outcome::Again);
        }
        if self.pull_is_due() {
            self.pull()?;
            return Ok(Outcome::Again);
        }
        if let Some(sweep) = self.state.sweep.clone() {
            self.sweep(&sweep)?;
            return Ok(Outcome::Again);
        }
        if let Some(after) = self.state.expected.clone() {
            self.look_at_unseen(after)?;
            return Ok(Outcome::Again);
        }
        if let Some(after) = self.state.doubt.clone() {
            self.look_at_series(after)?;
            return Ok(Outcome::Again);
        }
        if self.troubled_due_ms().is_some_and(|due_ms| self.now_ms >= due_ms) {
            self.look_at_troubled()?;
            return Ok(Outcome::Again);
        }
        if self.state.orphans {
            self.fetch_masters()?;
            return Ok(Outcome::Again);
        }
        self.write_queue()
    }

    /// A write that could not be made goes behind those that wait, so that one event never blocks the others. One that
    /// fails again and again is told about, and stays in the queue.
    fn let_others_go_first(&mut self, mut entry: PushEntry, at_ms: TimeMs, code: &str) -> Result<(), Stop> {
        entry.attempts = entry.attempts.saturating_add(1);
        entry.due_ms = at_ms;
        let mut changes = Vec::new();
        if entry.attempts >= TOLD_AFTER && !self.has_refused(&entry.uid)? {
            let detail = "the event could not be written many times in a row; it is tried again, see the code";
            let mut failure = self.failure(FailureKind::Push, &entry.uid, code, detail, entry.attempts);
            failure.uid = Some(entry.uid.clone());
            changes.push(Change::PutFailure(failure));
            self.report.failed += 1;
        }
        changes.push(match has(Bug::FailedWriteForgotten) {
            false => Change::Postpone(entry),
            true => Change::Dequeue(entry.replica, entry.uid, entry.revision),
        });
        self.commit(changes, vec![])
    }

    /// Write what is queued, or say when to come back.
    fn write_queue(&mut self) -> Result<Outcome, Stop> {
        let queue = self.fx.push_queue(&self.replica.id, self.now_ms, WRITES_PER_STEP)?;
        if !queue.due.is_empty() {
            for entry in queue.due {
                match self.push(entry.clone()) {
                    // It pulled first, and there is more of it: a sweep counts what the listing showed, and nothing newer.
                    Ok(()) if self.state.listing.is_some() || self.state.sweep.is_some() => break,
                    Ok(()) => {}
                    Err(Stop::Outcome(Outcome::Retry { at_ms, code })) => {
                        self.let_others_go_first(entry, at_ms, &code)?;
                        return Ok(Outcome::Retry { at_ms, code });
                    }
                    Err(stop) => return Err(stop),
                }
            }
            return Ok(Outcome::Again);
        }
        let mut at_ms = self.state.next_poll_ms;
        if self.settings.webhook_url.is_some() {
            at_ms = at_ms.min(self.state.channel_due_ms);
        }
        for due_ms in queue.next_due_ms.into_iter().chain(self.troubled_due_ms()) {
            at_ms = at_ms.min(due_ms);
        }
        Ok(Outcome::Idle(at_ms.max(self.now_ms + 1)))
    }
}
