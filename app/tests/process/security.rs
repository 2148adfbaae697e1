//! Security: TLS, tokens, web pages of others, the listener for operators, and clients that hold on to connections.

mod browsers;
mod connections;
mod descriptors;
mod early;
pub(crate) mod files;
mod greedy;
mod held;
mod kernel;
mod refused_starts;
mod special_files;
mod stalled;
mod tls;
mod tokens;
mod unfinished;
