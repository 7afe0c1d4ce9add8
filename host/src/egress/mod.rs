//! Outgoing requests of the guest: allow-list, token swap, time-outs, size caps, concurrency.

/// What outgoing requests may do.
#[derive(Debug, Clone)]
pub struct EgressOptions {
    /// `host` or `host:port` that may be reached over HTTPS.
    pub allow: Vec<String>,
    /// `host:port` that may also be reached over plain HTTP (simulators on loopback).
    pub allow_plain: Vec<String>,
    /// Bound on one exchange, in milliseconds.
    pub timeout_ms: u64,
    /// Bound on a response body, in bytes.
    pub max_body: usize,
    /// Requests at the same time on one connection (account).
    pub per_connection: usize,
}

/// The way out.
pub struct Egress {}

impl Egress {
    /// A pooled client with these bounds.
    #[must_use]
    pub fn new(_options: EgressOptions) -> Self {
        Self {}
    }
}
