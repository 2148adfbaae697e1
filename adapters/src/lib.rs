//! Adapters: one module for each port of `log-domain`. They know the domain and the outside world, not each other.

pub mod clock;
pub mod memory;
pub mod objects;
pub mod slate;
