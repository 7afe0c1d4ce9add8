//! What stopped a guest, as a text for the log.
//!
//! Only what wasmtime itself knows is told: never a message of the guest or an error of an import, which may hold a
//! user's data.

use std::fmt::Write;

use wasmtime::WasmBacktrace;

use super::Trap;
use super::limits::MemoryExceeded;

/// Frames that are told, from the innermost.
const MAX_FRAMES: usize = 8;

/// The text for a call that took too long.
pub(crate) fn too_long(timeout_ms: u128) -> Trap {
    Trap(format!("it took longer than {timeout_ms} ms"))
}

/// The text for an error of a call.
pub(crate) fn from_error(error: &wasmtime::Error, timeout_ms: u128) -> Trap {
    if let Some(exceeded) = error.downcast_ref::<MemoryExceeded>() {
        return Trap(exceeded.to_string());
    }
    let cause = match error.downcast_ref::<wasmtime::Trap>() {
        Some(wasmtime::Trap::Interrupt) => return too_long(timeout_ms),
        Some(trap) => trap.to_string(),
        None => "the host could not carry on with it".to_owned(),
    };
    Trap(cause + &frames(error))
}

/// Where it happened: function names (when the component was built with them) and offsets into its code.
fn frames(error: &wasmtime::Error) -> String {
    let mut text = String::new();
    let Some(backtrace) = error.downcast_ref::<WasmBacktrace>() else { return text };
    for frame in backtrace.frames().iter().take(MAX_FRAMES) {
        let name = frame.func_name().unwrap_or("?");
        // Writing to a string does not fail.
        let _ = write!(text, ", in {name} at {:#x}", frame.module_offset().unwrap_or_default());
    }
    text
}
