//! Runs due replicas.
