//! Free loopback ports.

use std::net::TcpListener;

/// `N` distinct ports of 127.0.0.1 that were free a moment ago.
///
/// All of them are held before the first is let go, so they differ. Another process may take one before its user
/// binds it; the caller retries with new ones.
///
/// # Panics
/// When the machine has no free ports.
pub fn free_ports<const N: usize>() -> [u16; N] {
    let held: [TcpListener; N] =
        std::array::from_fn(|_| TcpListener::bind("127.0.0.1:0").expect("bind a loopback port"));
    std::array::from_fn(|i| held[i].local_addr().expect("address of a listener").port())
}
