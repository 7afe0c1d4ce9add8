//! Expansion of series: the engine beside libraries, and inside the sandbox beside itself.

mod effects;
mod engines;
mod libraries;
mod python;
mod sandbox;
mod workloads;

use workloads::Workload;

use crate::Failed;
use crate::report::Report;

/// All workloads beside libraries, then in the sandbox.
pub(crate) async fn run(report: &mut Report, quick: bool) -> Result<(), Failed> {
    let runs = if quick { 21 } else { 101 };
    let (full, windows) = (Workload::full(), Workload::windows());
    libraries::run(report, &full, &windows, runs)?;
    sandbox::run(report, &full, &windows, runs).await
}
