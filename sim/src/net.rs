//! The simulated network, as servers, S3 clients and clients of the log see it.

mod accept;
mod http;
mod s3_client;
mod stream;

pub use accept::SimAcceptor;
pub use http::{Answer, HttpClient, Lost};
pub use s3_client::SimNetwork;
