//! Deterministic simulation of whole servers: see `docs/simulation.md`.
//!
//! A run is drawn from a seed ([`plan`]): servers, an S3, clients, and what goes wrong. It happens on a simulated
//! network in simulated time ([`run`], [`hosts`], [`net`]), is written down ([`history`]), and is then held against
//! what must be true of every run ([`checks`]).

pub mod checks;
pub mod cluster;
pub mod command;
pub mod determinism;
pub mod history;
pub mod hosts;
pub mod net;
pub mod plan;
pub mod planted;
pub mod run;
pub mod time;
