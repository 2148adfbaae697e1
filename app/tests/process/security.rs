//! Security: TLS, tokens, the listener for operators, and clients that hold on to connections.

mod connections;
mod descriptors;
mod early;
mod files;
mod greedy;
mod refused_starts;
mod tls;
mod tokens;
