//! The wasmtime host of Tandem: it gives the sync component HTTP, storage and credentials, and serves the API.
//!
//! Layers, each using only those to its right: `cli -> http -> scheduler -> runtime -> imports -> store, oauth,
//! egress`. The engine is never linked: everything it decides comes through the component.

pub mod bindings;
pub mod cli;
pub mod clock;
pub mod config;
pub mod egress;
pub mod http;
pub mod imports;
pub mod oauth;
pub mod runtime;
pub mod scheduler;
pub mod store;
pub mod telemetry;
pub mod zones;
