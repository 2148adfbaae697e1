//! The TCP side of the server.

use std::io;
use std::time::Duration;

use poem::http::uri::Scheme;
use poem::listener::Acceptor;
use poem::web::{LocalAddr, RemoteAddr};
#[cfg(target_os = "linux")]
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};

use crate::log_throttle::LogThrottle;

/// How long to leave a listener alone that cannot accept, for example because file descriptors have run out.
const PAUSE: Duration = Duration::from_millis(50);
/// Bytes that the kernel takes of a connection and has not sent. It would take megabytes, which are in none of the budgets,
/// for each client that does not read (`tcp(7)`, `TCP_NOTSENT_LOWAT`). What is on its way to a client that reads is not
/// bounded by it, so it costs no throughput.
#[cfg(target_os = "linux")]
const UNSENT_BYTES: u32 = 128 << 10;
/// How often to say that connections cannot be accepted.
const SAY_EVERY: Duration = Duration::from_secs(10);

/// Accepts TCP connections, without Nagle's delay: answers are written whole.
pub struct Tcp {
    listener: TcpListener,
    local: LocalAddr,
    refused: LogThrottle,
}

impl Tcp {
    /// Accepts from a listener that is already bound.
    ///
    /// # Errors
    /// When its address cannot be told.
    pub fn new(listener: TcpListener) -> io::Result<Self> {
        let local = LocalAddr(listener.local_addr()?.into());
        Ok(Self {
            listener,
            local,
            refused: LogThrottle::new(SAY_EVERY),
        })
    }
}

impl Acceptor for Tcp {
    type Io = TcpStream;

    fn local_addr(&self) -> Vec<LocalAddr> {
        vec![self.local.clone()]
    }

    async fn accept(&mut self) -> io::Result<(TcpStream, LocalAddr, RemoteAddr, Scheme)> {
        match self.listener.accept().await {
            Ok((stream, remote)) => {
                stream.set_nodelay(true)?;
                #[cfg(target_os = "linux")]
                SockRef::from(&stream).set_tcp_notsent_lowat(UNSENT_BYTES)?;
                Ok((
                    stream,
                    self.local.clone(),
                    RemoteAddr(remote.into()),
                    Scheme::HTTP,
                ))
            }
            Err(error) => {
                if self.refused.is_due() {
                    tracing::warn!(%error, "cannot accept connections");
                }
                tokio::time::sleep(PAUSE).await;
                Err(error)
            }
        }
    }
}
