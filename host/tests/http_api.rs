//! The HTTP server against a store and a component in memory: every route, every problem, and who may call.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at the first surprise"
)]

#[path = "http/access.rs"]
mod access;
#[path = "http/edits.rs"]
mod edits;
#[path = "http/feed.rs"]
mod feed;
#[path = "http/problems.rs"]
mod problems;
#[path = "http/reads.rs"]
mod reads;
#[path = "http/socket.rs"]
mod socket;
#[path = "http/store.rs"]
mod store;
#[path = "http/webhooks.rs"]
mod webhooks;
#[path = "http/world.rs"]
mod world;
