//! The TCP side of the server.

use std::io;
use std::time::Duration;

use poem::http::uri::Scheme;
use poem::listener::Acceptor;
use poem::web::{LocalAddr, RemoteAddr};
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpStream};

use crate::log_throttle::LogThrottle;

/// How long to leave a listener alone that cannot accept, for example because file descriptors have run out.
const PAUSE: Duration = Duration::from_millis(50);
/// Bytes that the kernel takes of a connection and has not sent. It would take megabytes, which are in none of the budgets,
/// for each client that does not read (`tcp(7)`, `TCP_NOTSENT_LOWAT`). What is on its way to a client that reads is not
/// bounded by it, so it costs no throughput.
#[cfg(target_os = "linux")]
const UNSENT_BYTES: u32 = 128 << 10;
/// A peer that is silent for so long is asked whether it is still there, and so often. One that vanished without a word would otherwise keep
/// what nothing is written to, such as an idle session of appends.
const SILENCE: Duration = Duration::from_secs(60);
const ASK_EVERY: Duration = Duration::from_secs(15);
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

fn keepalive() -> TcpKeepalive {
    let keepalive = TcpKeepalive::new().with_time(SILENCE);
    keepalive.with_interval(ASK_EVERY)
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
                SockRef::from(&stream).set_tcp_keepalive(&keepalive())?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_peer_that_is_silent_is_asked_whether_it_is_there() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
        let mut acceptor = Tcp::new(listener).expect("an address");
        let address = acceptor.local.0.as_socket_addr().copied();
        let _client = TcpStream::connect(address.expect("TCP")).await;
        let (stream, ..) = acceptor.accept().await.expect("accepted");
        let socket = SockRef::from(&stream);
        assert!(socket.keepalive().expect("asked"));
        assert_eq!(socket.tcp_keepalive_time().expect("asked"), SILENCE);
    }
}
