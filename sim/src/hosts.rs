//! What runs on the simulated network.

pub mod clients;
pub mod inspector;
pub mod operator;
pub mod replica;
pub mod s3;
pub mod server;
