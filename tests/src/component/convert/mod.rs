//! The same words on both sides of the boundary: the bindings' types and the engine's.

mod calls;
mod effects;
mod explained;

pub(super) use calls::*;
pub(super) use effects::*;
pub(super) use explained::*;
