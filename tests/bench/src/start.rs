//! What a start and an instance cost.

use std::sync::Arc;
use std::time::Instant;

use tandem_host::runtime::COMPONENT;

use crate::Failed;
use crate::memory_store::MemoryStore;
use crate::report::{Bar, Report};
use crate::rig::{Rig, TENANT};

/// Compile, load, instantiate.
pub(crate) async fn run(report: &mut Report, quick: bool) -> Result<(), Failed> {
    let runs = if quick { 3 } else { 7 };
    #[expect(clippy::cast_precision_loss, reason = "a size for people")]
    report.add("component, size", &[COMPONENT.len() as f64 / 1e6], "MB", Bar::None);
    let mut compile = Vec::new();
    for _ in 0..runs.min(3) {
        let empty = tempfile::tempdir()?;
        compile.push(load(empty.path()).await?);
    }
    report.add("component, compile and store in the cache", &compile, "ms", Bar::None);
    let cache = tempfile::tempdir()?;
    load(cache.path()).await?;
    let mut cached = Vec::new();
    for _ in 0..runs {
        cached.push(load(cache.path()).await?);
    }
    report.add("component, load from the cache", &cached, "ms", Bar::None);

    let rig = Rig::new(Arc::new(MemoryStore::default()), cache.path(), false).await?;
    let mut calls = Vec::new();
    for _ in 0..if quick { 500 } else { 5_000 } {
        let start = Instant::now();
        // No such replica: one call in, one read out, one error back.
        let answer = rig.runtime.stop_channels(TENANT, "nobody").await?;
        calls.push(start.elapsed().as_secs_f64() * 1e6);
        if answer.is_ok() {
            return Err("a replica that does not exist has channels".into());
        }
    }
    report.add("a fresh instance, one call with one read, end", &calls, "us", Bar::None);
    Ok(())
}

/// Milliseconds to a runtime that can be called.
async fn load(cache: &std::path::Path) -> Result<f64, Failed> {
    let start = Instant::now();
    Rig::new(Arc::new(MemoryStore::default()), cache, false).await?;
    Ok(start.elapsed().as_secs_f64() * 1_000.0)
}
