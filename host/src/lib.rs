//! The wasmtime host of Tandem: it gives the sync component HTTP, storage and credentials, and serves the API.
//!
//! Layers, each using only those to its right: `cli -> http -> scheduler -> runtime -> store`. The engine is never
//! linked: everything it decides comes through the component.

pub mod bindings;
pub mod store;
