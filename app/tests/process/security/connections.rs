//! Clients that hold on to connections.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use tokio::time::Instant;

use super::files::{in_memory, variable};
use crate::support::client::Client;
use crate::support::server::Server;

fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.address()).expect("connect");
    let patience = Some(Duration::from_secs(20));
    stream.set_read_timeout(patience).expect("a time-out");
    stream
}

/// Whether the server has ended the connection without an answer.
fn cut_off(stream: &mut TcpStream) -> bool {
    match stream.read(&mut [0; 1]) {
        Ok(read) => read == 0,
        Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
    }
}

/// Sends a byte every so often until the server has had enough.
fn drip(mut stream: TcpStream, text: &'static [u8]) -> Duration {
    let began = Instant::now();
    stream
        .set_read_timeout(Some(Duration::from_millis(200)))
        .expect("a time-out");
    for byte in text.iter().cycle() {
        if stream.write_all(&[*byte]).is_err() || cut_off(&mut stream) {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "never cut off");
    }
    began.elapsed()
}

fn headers_within(time: &str) -> [(String, String); 1] {
    [variable("LOG_TIMEOUTS__HEADERS", time)]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn heads_that_come_drop_by_drop_are_cut_off_while_others_are_served() {
    let server = Server::start(&in_memory(), &headers_within("2s"));
    let first = connect(&server);
    let second = {
        let mut stream = connect(&server);
        stream
            .write_all(b"GET /-/healthy HTTP/1.1\r\nhost: localhost\r\n\r\n")
            .expect("written");
        let mut answer = [0; 15];
        stream.read_exact(&mut answer).expect("an answer");
        assert_eq!(&answer, b"HTTP/1.1 200 OK");
        let mut rest = [0; 4096];
        assert!(stream.read(&mut rest).expect("the rest") > 0);
        stream
    };
    let slow: Vec<_> = [
        (first, &b"GET / HTTP/1.1\r\nx: "[..]),
        (second, &b"GET / HTTP/1.1\r\nx: "[..]),
        // The beginning of HTTP/2, then nothing that ends.
        (
            connect(&server),
            &b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0"[..],
        ),
    ]
    .into_iter()
    .map(|(stream, text)| std::thread::spawn(move || drip(stream, text)))
    .collect();
    let client = Client::new(&server);
    while slow.iter().any(|slow| !slow.is_finished()) {
        let began = Instant::now();
        client.append_one("key", "value", true).await;
        assert!(began.elapsed() < Duration::from_secs(1), "others wait");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for slow in slow {
        let took = slow.join().expect("no panic");
        assert!(took < Duration::from_secs(8), "cut off after {took:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_comes_drop_by_drop_is_answered_504_after_its_time_and_nothing_is_applied() {
    let env = [
        variable("LOG_TIMEOUTS__BODY", "2s"),
        variable("LOG_TIMEOUTS__LINGER", "1s"),
    ];
    let server = Server::start(&in_memory(), &env);
    let mut stream = connect(&server);
    let head = "POST /api/v1/log/append HTTP/1.1\r\nhost: localhost\r\n\
                content-type: application/protobuf+json\r\ncontent-length: 1000\r\n\r\n";
    let began = Instant::now();
    stream.write_all(head.as_bytes()).expect("written");
    let mut dripping = stream.try_clone().expect("a second handle");
    // White space first: what has come so far could still become a batch.
    let drip = std::thread::spawn(move || {
        while dripping.write_all(b" ").is_ok() {
            std::thread::sleep(Duration::from_millis(100));
            assert!(began.elapsed() < Duration::from_secs(20), "never cut off");
        }
    });
    let mut answer = [0; 512];
    let read = stream.read(&mut answer).expect("an answer");
    let took = began.elapsed();
    let answer = String::from_utf8_lossy(&answer[..read]);
    assert!(answer.starts_with("HTTP/1.1 504 "), "{answer}");
    assert!(
        (Duration::from_secs(2)..Duration::from_secs(6)).contains(&took),
        "{took:?}"
    );
    drip.join()
        .expect("the connection is closed after the answer");
    let metrics = Client::new(&server).metrics().await;
    assert!(
        metrics.contains("\nlog_append_records_total 0\n"),
        "{metrics}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silent_connections_are_closed_and_idle_ones_later() {
    let mut env = headers_within("500ms").to_vec();
    env.push(variable("LOG_TIMEOUTS__IDLE", "2s"));
    let server = Server::start(&in_memory(), &env);
    let began = Instant::now();
    let mut silent = connect(&server);
    let mut idle = connect(&server);
    idle.write_all(b"GET /-/healthy HTTP/1.1\r\nhost: localhost\r\n\r\n")
        .expect("written");
    assert!(cut_off(&mut silent));
    assert!(
        began.elapsed() < Duration::from_millis(1_900),
        "{:?}",
        began.elapsed()
    );
    let mut answer = Vec::new();
    idle.read_to_end(&mut answer).expect("an answer and an end");
    assert!(answer.starts_with(b"HTTP/1.1 200 OK"));
    assert!(
        began.elapsed() >= Duration::from_millis(1_900),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_poll_is_not_an_idle_connection() {
    let mut env = headers_within("300ms").to_vec();
    env.push(variable("LOG_TIMEOUTS__IDLE", "500ms"));
    let server = Server::start(&in_memory(), &env);
    let answer = Client::new(&server)
        .get("/scan?key=k&follow=true&timeout_ms=2000")
        .await;
    assert_eq!(answer.expect("an answer").status, 200);
}

/// A connection that has been answered, and is idle since.
fn idle_connection(address: &str, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).expect("connect");
    let patience = Some(Duration::from_secs(20));
    stream.set_read_timeout(patience).expect("a time-out");
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("written");
    assert!(stream.read(&mut [0; 4096]).expect("an answer") > 0);
    stream
}

/// The answer to `path` on a connection of its own.
fn answer_on_a_new_connection(address: &str, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).expect("connect");
    let patience = Some(Duration::from_secs(20));
    stream.set_read_timeout(patience).expect("a time-out");
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer).filter(|answer| !answer.is_empty())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_the_limit_of_connections_health_is_answered_and_the_longest_idle_one_makes_way() {
    let admin = log_testkit::ports::free_ports::<1>()[0].to_string();
    let env = [
        variable("LOG_LIMITS__CONNECTIONS", "3"),
        variable("LOG_ADMIN__PORT", &admin),
    ];
    let mut server = Server::start(&in_memory(), &env);
    let admin = format!("127.0.0.1:{admin}");
    let operators: Vec<_> = (0..3)
        .map(|_| idle_connection(&admin, "/-/healthy"))
        .collect();
    for path in ["/-/healthy", "/-/ready", "/metrics"] {
        let answer = answer_on_a_new_connection(&admin, path).expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{path}: {answer}");
    }
    drop(operators);

    // Followers are not idle, and keep their connections.
    let address = server.address().to_owned();
    let follow = b"GET /api/v1/log/stream?key=k HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let mut followers: Vec<_> = (0..2).map(|_| connect(&server)).collect();
    for follower in &mut followers {
        follower.write_all(follow).expect("written");
        assert!(follower.read(&mut [0; 4096]).expect("a head") > 0);
    }
    let mut idle = idle_connection(&address, "/api/v1/log/segments");
    let refused = answer_on_a_new_connection(&address, "/api/v1/log/keys").expect("an answer");
    assert!(refused.starts_with("HTTP/1.1 429 "), "{refused}");
    assert!(refused.contains("\r\nretry-after: "), "{refused}");
    server.until_logged("limits.connections").await;
    let began = Instant::now();
    loop {
        let answer = answer_on_a_new_connection(&address, "/api/v1/log/keys");
        if answer.is_some_and(|answer| answer.starts_with("HTTP/1.1 200 OK")) {
            break;
        }
        assert!(
            began.elapsed() < Duration::from_secs(10),
            "no place is freed"
        );
    }
    assert!(cut_off(&mut idle), "the idle one keeps its place");
    for follower in &mut followers {
        let millisecond = Some(Duration::from_millis(1));
        follower.set_read_timeout(millisecond).expect("a time-out");
        assert!(!cut_off(follower), "a follower lost its place");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_over_the_limit_is_answered_431_and_one_below_is_read() {
    let env = [variable("LOG_LIMITS__HEADER_BYTES", "16KiB")];
    let server = Server::start(&in_memory(), &env);
    for (length, status) in [(12 << 10, "200"), (20 << 10, "431")] {
        let mut stream = connect(&server);
        let filler = "x".repeat(length);
        let head = format!(
            "GET /-/healthy HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nx: {filler}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).expect("written");
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).expect("an answer");
        assert_eq!(
            String::from_utf8_lossy(&answer),
            format!("HTTP/1.1 {status}")
        );
    }
}
