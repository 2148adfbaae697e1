//! Adapters: one module for each port of `log-domain`. They know the domain and the outside world, not each other.

pub mod cache;
pub mod clock;
pub mod concealed;
mod folders;
pub mod http;
pub mod memory;
pub mod metrics;
pub mod objects;
mod observed_store;
pub mod quoted;
pub mod slate;
pub mod small_file;
pub mod tls;
pub mod tokens;
pub mod variables;
