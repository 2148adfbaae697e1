//! Who is who: the tokens of clients, and the certificate of the server.

pub mod tls;
pub mod tokens;
