//! The composition of the server: configuration in, a running server out.
//!
//! [`server::start`] is the one place where the parts are put together. The binary, the tests and the simulation all
//! call it, with outside parts of their own.

pub mod cli;
mod clock_steps;
pub mod cluster;
pub mod commands;
pub mod config;
pub mod descriptors;
pub mod lifetime;
pub mod listener;
mod log;
mod log_throttle;
pub mod logging;
mod node;
mod readiness;
mod retention;
pub mod security;
mod serve_args;
pub mod server;
pub mod serving;
pub mod storage;
mod token_file;
mod vital;
mod write_health;
mod writer_following;
