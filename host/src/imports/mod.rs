//! One file for each import of the component: thin calls into the host.
//!
//! The tenant of every call comes from its `Scope`, never from the guest.

mod configuration;
mod credentials;
mod notifications;
mod storage;
mod zones;

impl crate::bindings::tandem::calendar::types::Host for crate::runtime::State {}
