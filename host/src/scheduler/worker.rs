//! One claim, from its first step to its release.
//!
//! Invariant: a step runs only while its lease is known to hold; it is renewed at a third of its time, and when that
//! fails for the whole of it the step is dropped, before anybody else can begin one.

use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::time::{Instant, sleep, sleep_until};

use super::{Shared, StepReport};
use crate::bindings::exports::tandem::calendar::sync::{Outcome, Report, StepError};
use crate::bindings::tandem::calendar::storage::{Batch, Change, Expectation, Failure, FailureKind};
use crate::runtime::Trap;
use crate::store::{Claim, Release};

/// Steps under one claim; then others have their turn.
const STEPS_PER_CLAIM: u32 = 16;

/// The shortest pause of a replica that did not ask for more, in milliseconds: a component that says "again at once"
/// for ever must not keep a processor busy.
const SHORTEST_PAUSE_MS: u64 = 100;

/// How long to wait after the store was not available, in milliseconds.
const UNAVAILABLE_MS: u64 = 1_000;

/// The pause after the first step that ended in an error, in milliseconds; doubled each time.
const FIRST_PAUSE_MS: u64 = 60_000;

/// So many errors in a row make a failure; the pause grows no more.
const ATTEMPTS: u32 = 5;

type Stepped = Result<Result<Report, StepError>, Trap>;

/// Step a claimed replica and release it; gives the number of steps.
pub(super) async fn serve(shared: &Shared, mut claim: Claim) -> u64 {
    let _running = shared.metrics.running();
    let mut lease = Lease::new(shared);
    let mut steps = 0;
    for _ in 0..STEPS_PER_CLAIM {
        if *shared.stopping.borrow() {
            break;
        }
        let Some(stepped) = leased(shared, &claim, &mut lease).await else {
            shared.metrics.lease_lost();
            tracing::warn!(tenant = %claim.tenant, replica = %claim.replica, "a step was dropped: its lease is lost");
            return steps;
        };
        steps += 1;
        if let Ok(Ok(report)) = &stepped {
            note(shared, &claim, report).await;
            claim.step_attempts = 0;
        }
        match after(shared, &claim, stepped).await {
            After::More => {}
            After::Leave => return steps,
            After::Release(next) => {
                release(shared, &claim, next).await;
                return steps;
            }
        }
    }
    let next_run_ms = shared.clock.now_ms();
    let turn_is_over = Release { next_run_ms, served: false, paused: false, step_attempts: claim.step_attempts };
    release(shared, &claim, turn_is_over).await;
    steps
}

/// How long a lease lasts, in our own time and in the store's.
struct Lease {
    ends: Instant,
    until_ms: u64,
}

impl Lease {
    fn new(shared: &Shared) -> Self {
        let lease_ms = shared.options.lease_ms;
        Self {
            ends: Instant::now() + Duration::from_millis(lease_ms),
            until_ms: shared.clock.now_ms().saturating_add(lease_ms),
        }
    }

    /// Whether a third of it is gone.
    fn is_old(&self, shared: &Shared) -> bool {
        let rest_ms = shared.options.lease_ms / 3 * 2;
        let rest = Duration::from_millis(rest_ms);
        self.ends < Instant::now() + rest || self.until_ms < shared.clock.now_ms().saturating_add(rest_ms)
    }

    /// Prolong it; false when it is lost. A store that does not answer leaves it as it is.
    async fn renew(&mut self, shared: &Shared, claim: &Claim) -> bool {
        let renewed = Self::new(shared);
        match shared.store.renew(claim, renewed.until_ms).await {
            Ok(held) => {
                *self = renewed;
                held
            }
            Err(_) => true,
        }
    }
}

/// What to do after a step.
enum After {
    More,
    Release(Release),
    /// The lease is not ours any more: leave everything as it is.
    Leave,
}

/// Run one step and keep its lease alive; none when the lease was lost meanwhile.
async fn leased(shared: &Shared, claim: &Claim, lease: &mut Lease) -> Option<Stepped> {
    if lease.is_old(shared) && !lease.renew(shared, claim).await {
        return None;
    }
    let third = Duration::from_millis(shared.options.lease_ms / 3);
    let mut step = std::pin::pin!(shared.steps.step(claim));
    loop {
        tokio::select! {
            stepped = &mut step => return Some(stepped),
            () = sleep_until(lease.ends) => return None,
            () = sleep(third) => {
                if !lease.renew(shared, claim).await {
                    return None;
                }
            }
        }
    }
}

/// Count and publish a report, and forget the failure of earlier steps.
async fn note(shared: &Shared, claim: &Claim, report: &Report) {
    shared.metrics.count(report);
    let at_ms = shared.clock.now_ms();
    // Nobody listening is fine.
    let _ = shared.reports.send(StepReport {
        tenant: claim.tenant.clone(),
        replica: claim.replica.clone(),
        report: report.clone(),
        at_ms,
    });
    if claim.step_attempts >= ATTEMPTS {
        commit(shared, claim, Change::DeleteFailure(failure_id(&claim.replica)), at_ms).await;
    }
}

async fn after(shared: &Shared, claim: &Claim, stepped: Stepped) -> After {
    let now_ms = shared.clock.now_ms();
    let next = |at_ms: u64, served, paused| {
        let next_run_ms = at_ms.max(now_ms.saturating_add(SHORTEST_PAUSE_MS));
        After::Release(Release { next_run_ms, served, paused, step_attempts: 0 })
    };
    match stepped {
        Ok(Ok(report)) => match report.outcome {
            Outcome::Again => After::More,
            Outcome::Idle(at_ms) => next(at_ms, true, false),
            Outcome::Retry(retry) => next(retry.at_ms, false, false),
            Outcome::Paused(_) => next(u64::MAX, false, true),
        },
        Ok(Err(StepError::NotFound)) => next(u64::MAX, false, true),
        Ok(Err(StepError::LeaseLost)) => {
            shared.metrics.lease_lost();
            After::Leave
        }
        Ok(Err(StepError::Unavailable)) => After::Release(Release {
            next_run_ms: now_ms.saturating_add(UNAVAILABLE_MS),
            served: false,
            paused: false,
            step_attempts: claim.step_attempts,
        }),
        Ok(Err(StepError::Bug(text))) => After::Release(defect(shared, claim, "step-bug", &text, now_ms).await),
        Err(Trap(text)) => After::Release(defect(shared, claim, "step-trap", &text, now_ms).await),
    }
}

/// A step that ended in an error: 1, 2, 4, 8, 16 minutes, and from the fifth on a failure for people to see.
async fn defect(shared: &Shared, claim: &Claim, code: &str, text: &str, now_ms: u64) -> Release {
    shared.metrics.step_error();
    let attempts = claim.step_attempts.saturating_add(1);
    tracing::error!(tenant = %claim.tenant, replica = %claim.replica, code, attempts, error = text, "a step failed");
    if attempts >= ATTEMPTS {
        let failure = Failure {
            id: failure_id(&claim.replica),
            replica: claim.replica.clone(),
            kind: FailureKind::Step,
            uid: None,
            remote_id: None,
            code: code.to_owned(),
            detail: format!(
                "The sync of this calendar failed {attempts} times in a row; it is tried again every 16 minutes. The log has the cause."
            ),
            at_ms: now_ms,
            attempts,
        };
        commit(shared, claim, Change::PutFailure(failure), now_ms).await;
    }
    let pause_ms = FIRST_PAUSE_MS << attempts.min(ATTEMPTS).saturating_sub(1);
    Release { next_run_ms: now_ms.saturating_add(pause_ms), served: false, paused: false, step_attempts: attempts }
}

/// The same for the same replica. Hashed, because the id of a replica may be as long as an id can be.
fn failure_id(replica: &str) -> String {
    let hex = data_encoding::HEXLOWER.encode(&Sha256::digest(replica.as_bytes()));
    format!("step-{hex}")
}

async fn commit(shared: &Shared, claim: &Claim, change: Change, now_ms: u64) {
    let lease = Expectation::Lease((claim.replica.clone(), claim.lease_epoch));
    let batch = Batch { expectations: vec![lease], changes: vec![change] };
    if let Err(error) = shared.store.commit(&claim.tenant, batch, now_ms).await {
        tracing::warn!(?error, tenant = %claim.tenant, replica = %claim.replica, "a step's failure was not recorded");
    }
}

async fn release(shared: &Shared, claim: &Claim, release: Release) {
    // Not released, the replica becomes due again when its lease ends.
    if let Err(error) = shared.store.release(claim, release, shared.clock.now_ms()).await {
        tracing::warn!(?error, tenant = %claim.tenant, replica = %claim.replica, "a replica was not released");
    }
}
