//! Clients over TLS that begin something and neither end it nor take what they are sent.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use socket2::{Domain, Socket, Type};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, ClientConnection, StreamOwned};

use crate::security::stalled::Stalled;
use crate::security::unfinished::{GREETED, greeting, head_without_end, record_without_end};
use crate::support::server::Server;

/// A connection that is held open.
type Tls = StreamOwned<ClientConnection, TcpStream>;

/// Everything that clients hold, until it is dropped.
#[derive(Default)]
pub(super) struct Held {
    sockets: Vec<TcpStream>,
    connections: Vec<Tls>,
    stalled: Vec<Stalled>,
}

impl Drop for Held {
    fn drop(&mut self) {
        for client in &self.stalled {
            client.connection.abort();
        }
    }
}

/// Clients of one server.
pub(super) struct Clients<'s> {
    pub(super) server: &'s Server,
    pub(super) tls: Arc<ClientConfig>,
    pub(super) held: Held,
}

impl Clients<'_> {
    /// So many connections on which `text` is sent, and nothing is read.
    pub(super) fn ask(&mut self, count: usize, text: &str) {
        for _ in 0..count {
            let mut connection = self.connect();
            connection.write_all(text.as_bytes()).expect("written");
            connection.flush().expect("sent");
            self.held.connections.push(connection);
        }
    }

    /// So many GETs of `path` with these lines in their heads.
    pub(super) fn get(&mut self, count: usize, path: &str, lines: &str) {
        let text = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n{lines}\r\n");
        self.ask(count, &text);
    }

    /// So many appends of JSON that lack their last bytes.
    pub(super) fn append(&mut self, count: usize, coding: &str, body: &[u8]) {
        let length = body.len();
        let head = format!(
            "POST /api/v1/log/append HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
             content-encoding: {coding}\r\ncontent-length: {length}\r\n\r\n"
        );
        for _ in 0..count {
            self.ask(1, &head);
            let connection = self.held.connections.last_mut().expect("one");
            // The last ones are rejected, but still use up the rest of it.
            connection
                .write_all(&body[..length - 16])
                .and_then(|()| connection.flush())
                .expect("written");
        }
    }

    /// Heads of HTTP/2, handshakes and records of TLS, so many of each, that never end.
    pub(super) fn begin(&mut self, count: usize) {
        for _ in 0..count {
            let mut head = self.connect();
            // It may be ended at any time.
            drop(head.write_all(&head_without_end()));
            drop(head.flush());

            let mut record = self.connect();
            record.write_all(b"GET / HTTP/1.1\r\n").expect("written");
            record.flush().expect("a handshake");
            let sent = record.sock.write_all(&record_without_end());
            sent.expect("a part of a record");

            let mut socket = socket(self.server);
            socket.write_all(&greeting()[..GREETED]).expect("written");
            self.held.connections.extend([head, record]);
            self.held.sockets.push(socket);
        }
    }

    /// So many connections of HTTP/2 without a window, with so many requests each.
    pub(super) async fn stall(
        &mut self,
        connections: usize,
        requests: usize,
        path: &str,
        headers: usize,
    ) {
        let connector = TlsConnector::from(Arc::clone(&self.tls));
        for _ in 0..connections {
            let tcp = tokio::net::TcpStream::connect(self.server.address()).await;
            let shaken = connector.connect(name(), tcp.expect("connect")).await;
            let mut client = Stalled::over(shaken.expect("a handshake")).await;
            for _ in 0..requests {
                if !client.try_ask(path, headers).await {
                    break;
                }
            }
            self.held.stalled.push(client);
        }
    }

    fn connect(&self) -> Tls {
        let client = ClientConnection::new(Arc::clone(&self.tls), name());
        StreamOwned::new(client.expect("a client"), socket(self.server))
    }
}

/// What the kernel takes of an answer: a handshake, and next to nothing of what the server then keeps.
const RECEIVED: usize = 16 << 10;

fn socket(server: &Server) -> TcpStream {
    let address: SocketAddr = server.address().parse().expect("an address");
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket
        .set_recv_buffer_size(RECEIVED)
        .expect("a small buffer");
    socket.connect(&address.into()).expect("connected");
    TcpStream::from(socket)
}

fn name() -> ServerName<'static> {
    ServerName::try_from("localhost").expect("a name")
}
