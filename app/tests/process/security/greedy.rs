//! Clients that ask for more than they take, and for more at once than they may.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Empty;
use hyper::Request;
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::files::{in_memory, variable};
use crate::support::client::Client;
use crate::support::server::Server;

const MIB: usize = 1 << 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_does_not_read_its_answer_is_cut_off() {
    let env = [variable("LOG_TIMEOUTS__IDLE", "1s")];
    let server = Server::start(&in_memory(), &env);
    let client = Client::new(&server);
    for _ in 0..8 {
        client.append_one("key", &"v".repeat(MIB), false).await;
    }
    let mut stream = TcpStream::connect(server.address()).expect("connect");
    let patience = Some(Duration::from_secs(20));
    stream.set_read_timeout(patience).expect("a time-out");
    let request = b"GET /api/v1/log/scan?key=key HTTP/1.1\r\nhost: localhost\r\n\r\n";
    stream.write_all(request).expect("written");
    sleep(Duration::from_secs(4)).await;

    // What was on its way still comes, and then the end, long before the 8 MiB of values are there.
    let mut taken = 0;
    let mut buffer = vec![0; MIB];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => taken += read,
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => break,
            Err(error) => panic!("not cut off, but {error}"),
        }
    }
    assert!((1..8 * MIB).contains(&taken), "{taken} bytes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_has_so_many_requests_at_once_and_the_next_waits_for_its_turn() {
    let env = [variable("LOG_LIMITS__CONNECTION_STREAMS", "3")];
    let server = Server::start(&in_memory(), &env);
    let connection = http2(&server).await;
    // The server's settings are known once it has answered.
    status(connection.clone(), "/-/healthy").await;
    let mut polls = JoinSet::new();
    for _ in 0..3 {
        let poll = "/api/v1/log/scan?key=key&follow=true&timeout_ms=2000";
        polls.spawn(status(connection.clone(), poll));
    }
    sleep(Duration::from_millis(500)).await;
    let began = Instant::now();
    assert_eq!(status(http2(&server).await, "/-/healthy").await, 200);
    let elsewhere = began.elapsed();
    assert_eq!(status(connection, "/-/healthy").await, 200);
    let behind = began.elapsed();
    assert!(elsewhere < Duration::from_secs(1), "{elsewhere:?}");
    assert!(behind > Duration::from_secs(1), "{behind:?}");
    while let Some(poll) = polls.join_next().await {
        assert_eq!(poll.expect("answered"), 200);
    }
}

/// A connection that speaks HTTP/2 from its first byte on.
async fn http2(server: &Server) -> SendRequest<Empty<Bytes>> {
    let stream = tokio::net::TcpStream::connect(server.address()).await;
    let io = TokioIo::new(stream.expect("connect"));
    let (sender, connection) = handshake(TokioExecutor::new(), io).await.expect("HTTP/2");
    tokio::spawn(connection);
    sender
}

async fn status(mut connection: SendRequest<Empty<Bytes>>, path: &str) -> u16 {
    let request = Request::get(format!("http://localhost{path}")).body(Empty::new());
    connection.ready().await.expect("the connection stays open");
    let answer = connection.send_request(request.expect("a request")).await;
    answer.expect("an answer").status().as_u16()
}
