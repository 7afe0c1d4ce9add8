//! Simulated calendar providers, written from the providers' documentation.
//!
//! Invariant: this crate shares no code with the engine or the host, so that a misreading of the documentation on one
//! side is seen as a difference. What is not modelled is answered with 501, never with a guess.
//!
//! A provider is a synchronous, deterministic state machine: [`http::SimRequest`] in, [`http::SimResponse`] out, time
//! from a [`clock::Clock`], ids from a seed. [`server::Server`] puts it on a loopback socket and sends its pushes.
//! See README.md of this crate for the whole interface and examples.

mod civil;
pub mod clock;
pub mod faults;
pub mod google;
pub mod http;
pub mod microsoft;
pub mod random;
pub mod server;
pub mod shown;

pub use clock::{Clock, ManualClock, SystemClock};
pub use faults::{Fault, FaultKind, PushFault, PushFaults};
pub use http::{Answer, Notification, Provider, Question, Served, SimRequest, SimResponse};
pub use server::Server;
pub use shown::{Shown, Written};

/// Keeps the README's example compiling.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
