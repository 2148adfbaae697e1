//! The side of a server that connections come to.

use std::io;
use std::net::Ipv4Addr;

use poem::http::uri::Scheme;
use poem::listener::Acceptor;
use poem::web::{LocalAddr, RemoteAddr};
use turmoil::net::{TcpListener, TcpStream};

/// Accepts simulated connections.
pub struct SimAcceptor {
    listener: TcpListener,
    local: LocalAddr,
}

impl SimAcceptor {
    /// Listens on `port` of the host that this is called on.
    ///
    /// # Errors
    /// When something else does.
    pub async fn bind(port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).await?;
        let local = LocalAddr(listener.local_addr()?.into());
        Ok(Self { listener, local })
    }
}

impl Acceptor for SimAcceptor {
    type Io = TcpStream;

    fn local_addr(&self) -> Vec<LocalAddr> {
        vec![self.local.clone()]
    }

    async fn accept(&mut self) -> io::Result<(TcpStream, LocalAddr, RemoteAddr, Scheme)> {
        let (stream, remote) = self.listener.accept().await?;
        let remote = RemoteAddr(remote.into());
        Ok((stream, self.local.clone(), remote, Scheme::HTTP))
    }
}
