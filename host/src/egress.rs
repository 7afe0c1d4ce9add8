//! Outgoing requests of the guest.
