//! Clients that take connections until the file descriptors are gone.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::support::client::Client;
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
    assert!(taken < DESCRIPTORS, "all were served");

    let durable = client.append_one("key", "value", true);
    tokio::time::timeout(Duration::from_secs(5), durable)
        .await
        .expect("a durable append");
    let log = server.log();
    assert!(log.contains("see `ulimit -n`"), "{log}");
    assert!(log.lines().count() < 30, "{log}");
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
