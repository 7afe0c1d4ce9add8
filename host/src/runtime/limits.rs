//! Bounds of the sandbox, and the limiter that keeps them.

use std::time::Duration;

use wasmtime::ResourceLimiter;

/// Steps at the same time. More wait for a free place: steps wait for the network most of the time.
pub(crate) const MAX_STEPS: u32 = 128;
/// Calls of the application (edits, windows, decisions) at the same time. They have places of their own, so that slow
/// providers do not keep people waiting.
pub(crate) const MAX_APPLICATION_CALLS: u32 = 64;
/// Webhooks at the same time. Each waits for a group commit of some milliseconds, and all that wait share one: their
/// number over the time of a sync of the disk is the most that can be answered in a second.
pub(crate) const MAX_RECEIVERS: u32 = 512;
/// Calls that one reused instance serves before it is thrown away, so that a leak stays small.
pub(crate) const CALLS_PER_RECEIVER: u32 = 1_000;
/// How often running guest code looks at the time and lets others run.
pub(crate) const TICK: Duration = Duration::from_millis(10);
/// Core modules in one component: the program and the adapters that wit-component makes.
pub(crate) const CORE_INSTANCES: u32 = 8;
/// Tables in one component: function tables of the program and of the adapters.
pub(crate) const TABLES: u32 = 4;
/// Elements of one table; a large component has some thousand functions.
pub(crate) const TABLE_ELEMENTS: usize = 100_000;
/// Bytes of memory that a free slot keeps for its next instance: a typical instance needs no new pages then.
pub(crate) const KEEP_RESIDENT: usize = 1 << 20;
/// Free slots that stay warm.
pub(crate) const WARM_SLOTS: u32 = 32;
/// Random bytes that a guest may ask for at once.
pub(crate) const RANDOM_BYTES: u64 = 64 << 10;
/// WebAssembly grows memory in pages of this size.
pub(crate) const PAGE: usize = 64 << 10;

/// The guest wanted more memory than it may have.
#[derive(Debug, thiserror::Error)]
#[error("more memory than the limit of {0} bytes was asked for")]
pub(crate) struct MemoryExceeded(pub(crate) usize);

/// Bounds one instance. Exceeding memory is a trap: a guest that goes on after a failed allocation aborts anyway, and
/// less clearly.
pub(crate) struct Limiter {
    /// Bytes of one linear memory.
    pub(crate) memory: usize,
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, _now: usize, wanted: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        if wanted > self.memory { Err(MemoryExceeded(self.memory).into()) } else { Ok(true) }
    }

    fn table_growing(&mut self, _now: usize, wanted: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        Ok(wanted <= TABLE_ELEMENTS)
    }
}
