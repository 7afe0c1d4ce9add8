//! The sandbox: wasmtime, and typed calls into the component.
