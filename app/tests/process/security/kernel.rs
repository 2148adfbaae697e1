//! What the kernel holds for clients that do not read.

use std::fs;
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use socket2::{Domain, Socket, Type};
use tokio::time::{Instant, sleep};

use super::files::in_memory;
use crate::support::server::Server;

const CONNECTIONS: usize = 20;
/// What the kernel may hold of an answer, of which there are 1.4 MB; without a bound it takes all of it.
const HELD: u64 = 300 << 10;

/// Asks for a large answer and leaves it in the kernel of the server.
fn unread(address: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.set_recv_buffer_size(1_024).expect("a small buffer");
    socket.connect(&address.into()).expect("connected");
    let mut stream = TcpStream::from(socket);
    let request = "GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nhost: localhost\r\n\r\n";
    stream.write_all(request.as_bytes()).expect("sent");
    stream
}

/// Bytes that the kernel has not delivered, for each connection of a local port: the send queues of `/proc/net/tcp`.
fn undelivered(port: u16) -> Vec<u64> {
    let table = fs::read_to_string("/proc/net/tcp").expect("the table of connections");
    let of_port = table.lines().skip(1).filter_map(|line| {
        let mut columns = line.split_whitespace().skip(1);
        let (_, local) = columns.next()?.split_once(':')?;
        let is_ours = u16::from_str_radix(local, 16).ok()? == port;
        let queues = columns.nth(2)?;
        let (unsent, _) = queues.split_once(':')?;
        is_ours.then(|| u64::from_str_radix(unsent, 16).ok())?
    });
    of_port.filter(|bytes| *bytes > 0).collect()
}

#[tokio::test]
async fn the_kernel_holds_little_for_a_client_that_does_not_read() {
    let server = Server::start(&in_memory(), &[]);
    let address: SocketAddr = server.address().parse().expect("an address");
    let clients: Vec<TcpStream> = (0..CONNECTIONS).map(|_| unread(address)).collect();
    let began = Instant::now();
    while undelivered(address.port()).len() < CONNECTIONS {
        assert!(began.elapsed() < Duration::from_secs(30), "not answered");
        sleep(Duration::from_millis(50)).await;
    }
    sleep(Duration::from_millis(500)).await;
    let held = undelivered(address.port());
    assert!(held.iter().all(|bytes| *bytes <= HELD), "{held:?}");
    drop(clients);
}
