//! Clients that take connections until the file descriptors are gone.

use std::ffi::OsString;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use tokio::time::Instant;

use crate::support::client::{Client, Outcome};
use crate::support::server::{Server, binary};

const DESCRIPTORS: usize = 256;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn idle_clients_do_not_take_the_descriptors_that_durability_needs() {
    let folder = tempfile::tempdir().expect("a folder");
    let limit = format!("--nofile={DESCRIPTORS}:{DESCRIPTORS}");
    let arguments = [
        limit,
        binary().into_string().expect("a path in UTF-8"),
        "--data-dir".to_owned(),
        folder.path().display().to_string(),
    ];
    let mut server = Server::start_binary(OsString::from("prlimit"), &arguments, &[]);
    let client = Client::new(&server);
    client.append_one("before", "value", true).await;

    let idle: Vec<Option<TcpStream>> = (0..DESCRIPTORS + 30)
        .map(|_| one_request(&server))
        .collect();
    let taken = idle.iter().flatten().count();
    assert!(taken > DESCRIPTORS / 4, "only {taken} were served");
    let open = idle.iter().flatten().filter(|stream| is_open(stream));
    assert!(open.count() < DESCRIPTORS, "all are kept");

    // The client's own connection may be one of those that were idle for longest: then it is told to come back.
    let record = (b"key".to_vec(), b"value".to_vec());
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        let append = client.append(std::slice::from_ref(&record), true);
        match tokio::time::timeout_at(deadline, append)
            .await
            .expect("an answer")
        {
            Outcome::Acknowledged(_) => break,
            Outcome::Refused { status: 429, .. } => {
                assert!(Instant::now() < deadline, "no durable append");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            other => panic!("{other:?}"),
        }
    }
    let log = server.log();
    assert!(log.contains("see `ulimit -n`"), "{log}");
    assert!(log.lines().count() < 30, "{log}");
}

/// Whether the server has not closed a connection of which nothing is left to be read.
fn is_open(mut stream: &TcpStream) -> bool {
    stream.set_nonblocking(true).expect("a socket option");
    loop {
        match stream.read(&mut [0; 1024]) {
            Ok(0) => return false,
            Ok(_) => {}
            Err(error) => return error.kind() == ErrorKind::WouldBlock,
        }
    }
}

/// A connection that was answered once, and stays; none if it was closed.
fn one_request(server: &Server) -> Option<TcpStream> {
    let mut stream = TcpStream::connect(server.address()).ok()?;
    let patience = Some(Duration::from_secs(5));
    stream.set_read_timeout(patience).expect("a time-out");
    stream
        .write_all(b"GET /-/healthy HTTP/1.1\r\nhost: localhost\r\n\r\n")
        .ok()?;
    let read = stream.read(&mut [0; 1024]).ok()?;
    (read > 0).then_some(stream)
}
