//! What the scheduler runs: the component in production, a script in tests.

use async_trait::async_trait;

use crate::bindings::exports::tandem::calendar::sync::{Report, StepError};
use crate::runtime::{Runtime, Trap};
use crate::store::Claim;

/// Something that can step a replica. The future may be dropped at any point: what it has not committed is undone.
#[async_trait]
pub trait Steps: Send + Sync + 'static {
    /// One bounded step under a lease.
    async fn step(&self, claim: &Claim) -> Result<Result<Report, StepError>, Trap>;
}

#[async_trait]
impl Steps for Runtime {
    async fn step(&self, claim: &Claim) -> Result<Result<Report, StepError>, Trap> {
        Runtime::step(self, claim).await
    }
}
