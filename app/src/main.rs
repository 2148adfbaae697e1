//! The `opendata-log` server.

fn main() {}
