//! Rust types of `wit/`, generated: the vocabulary of the whole host.
#![allow(missing_docs, unreachable_pub, reason = "generated; the words are documented in wit/")]
wasmtime::component::bindgen!({
    path: "../wit",
    world: "tandem",
    imports: { default: async },
    exports: { default: async },
    additional_derives: [PartialEq, Clone],
});
