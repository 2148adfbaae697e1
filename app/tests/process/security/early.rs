//! Answers that come before the request has arrived: a client that writes all of it before it reads gets them, too.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, StreamBody};
use hyper::Request;
use hyper::body::Frame;
use hyper::client::conn::http2::handshake;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};

use super::files::{Files, in_memory, variable};
use crate::support::place::Place;
use crate::support::server::Server;

/// Bytes of a body that no buffer between client and server can hold.
const BODY: usize = 60 << 20;
const PIECE: usize = 1 << 20;
const READER: &str = "read-token-0123456789abcdef";
const WRITER: &str = "append-token-0123456789abcdef";
/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.address()).expect("connect");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
    stream
}

/// The head of a request with a body of [`BODY`] bytes.
fn head(method_and_path: &str, token: &str, more: &str) -> String {
    format!(
        "{method_and_path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n{more}content-length: {BODY}\r\n\r\n"
    )
}

/// Writes everything, then reads until the end: the answer.
fn answer(server: &Server, head: &str) -> String {
    let mut stream = connect(server);
    let (piece, mut answer) = (vec![b' '; PIECE], String::new());
    stream.write_all(head.as_bytes()).expect("the head");
    for sent in 0..BODY / PIECE {
        let written = stream.write_all(&piece);
        written.unwrap_or_else(|error| panic!("after {sent} MiB: {error}"));
    }
    stream
        .read_to_string(&mut answer)
        .expect("an answer and its end");
    answer
}

fn server(files: &Files, more: &[(String, String)]) -> Server {
    files.write(
        "tokens",
        &format!("reader read {READER}\nwriter append {WRITER}\n"),
    );
    let mut env = vec![variable("LOG_AUTH__TOKENS", &files.text("tokens"))];
    env.extend(more.iter().cloned());
    Server::start(&in_memory(), &env)
}

const APPEND: &str = "POST /api/v1/log/append";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_early_answer_reaches_a_client_that_sends_sixty_megabytes_before_it_reads() {
    let files = Files::new();
    let server = server(&files, &[]);
    let large = format!("x: {}\r\n", "x".repeat(70 << 10));
    // What the JDK's client and `curl --http2` ask for.
    let h2c = "connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n";
    for (method_and_path, token, more, status) in [
        (APPEND, "nobody's", "", "401"),
        (APPEND, READER, "", "403"),
        ("POST /api/v1/log/appendix", WRITER, "", "404"),
        ("POST /api/v1/log/keys", READER, "", "405"),
        ("POST /api/v1/log/scan", READER, "", "413"),
        (APPEND, WRITER, "", "413"),
        (APPEND, READER, h2c, "403"),
        (APPEND, WRITER, h2c, "413"),
        (APPEND, WRITER, "content-type: text/plain\r\n", "415"),
        (APPEND, WRITER, large.as_str(), "431"),
        (APPEND, WRITER, "no colon\r\n", "400"),
        // Reads have no body, and one that comes nevertheless changes nothing.
        ("GET /api/v1/log/count?key=k", READER, "", "200"),
    ] {
        let answer = answer(&server, &head(method_and_path, token, more));
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{method_and_path}, {status}: {answer}"
        );
        assert!(
            answer.to_lowercase().contains("\r\nconnection: close\r\n"),
            "{answer}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_budget_and_a_server_that_is_starting_are_told_to_such_a_client() {
    let files = Files::new();
    let server = server(
        &files,
        &[
            variable("LOG_LIMITS__REQUEST_BYTES", "4MiB"),
            variable("LOG_LIMITS__APPEND_QUEUE_BYTES", "8MiB"),
        ],
    );
    // Two appends that never end hold all but a few bytes of the budget.
    let hold = || {
        let mut stream = connect(&server);
        let length = 4 << 20;
        let head = format!(
            "{APPEND} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {WRITER}\r\ncontent-length: {length}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).expect("the head");
        stream.write_all(&vec![b' '; length - 1]).expect("the rest");
        stream
    };
    let head = head(APPEND, WRITER, "");
    let length = format!("content-length: {BODY}");
    let chunk = format!("transfer-encoding: chunked\r\n\r\n{BODY:x}");
    let chunked = head.replace(&format!("{length}\r\n"), &chunk);
    let deadline = Instant::now() + PATIENCE;
    // If not all of the two has arrived yet, it is they who are refused.
    let refused = loop {
        let _held = [hold(), hold()];
        tokio::time::sleep(Duration::from_millis(100)).await;
        let refused = answer(&server, &chunked);
        if !refused.starts_with("HTTP/1.1 413 ") {
            break refused;
        }
        assert!(Instant::now() < deadline, "there is always room");
    };
    assert!(refused.starts_with("HTTP/1.1 429 "), "{refused}");
    assert!(refused.contains("\r\nretry-after: "), "{refused}");

    let place = Place::s3();
    place.pause();
    let starting = place.begin();
    let deadline = Instant::now() + PATIENCE;
    while TcpStream::connect(starting.address()).is_err() {
        assert!(Instant::now() < deadline, "it does not listen");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let answer = answer(&starting, &head);
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_early_answer_reaches_clients_of_tls_and_of_http_2() {
    let files = Files::new();
    let server = server(&files, &files.tls());
    let mut roots = RootCertStore::empty();
    let authority = CertificateDer::from_pem_file(files.path("ca.pem")).expect("a certificate");
    roots.add(authority).expect("an authority");
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut config = [config.clone(), config];
    config[1].alpn_protocols = vec![b"h2".to_vec()];
    let connect = async |config: &ClientConfig| {
        let tcp = tokio::net::TcpStream::connect(server.address()).await;
        let name = ServerName::try_from("localhost").expect("a name");
        let connector = TlsConnector::from(Arc::new(config.clone()));
        let tls = connector.connect(name, tcp.expect("connect")).await;
        tls.expect("a handshake")
    };

    let mut tls = connect(&config[0]).await;
    let head = head(APPEND, "nobody's", "");
    tls.write_all(head.as_bytes()).await.expect("the head");
    let piece = vec![b' '; PIECE];
    for sent in 0..BODY / PIECE {
        let written = tls.write_all(&piece).await;
        written.unwrap_or_else(|error| panic!("after {sent} MiB: {error}"));
    }
    let mut answer = String::new();
    let read = timeout(PATIENCE, tls.read_to_string(&mut answer)).await;
    read.expect("in time")
        .expect("an answer, and a close_notify");
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");

    let tls = connect(&config[1]).await;
    let io = TokioIo::new(tls);
    let (mut sender, connection) = handshake(TokioExecutor::new(), io).await.expect("HTTP/2");
    tokio::spawn(connection);
    for status in [401, 413] {
        let pieces = std::iter::repeat_n(Bytes::from(piece.clone()), BODY / PIECE);
        let frames = pieces.map(|piece| Ok::<_, std::io::Error>(Frame::data(piece)));
        let body = StreamBody::new(futures::stream::iter(frames));
        let token = if status == 401 { "nobody's" } else { WRITER };
        let request = Request::post("https://localhost/api/v1/log/append")
            .header("authorization", format!("Bearer {token}"))
            .header("content-length", BODY)
            .body(body)
            .expect("a request");
        // The connection is used again, whatever became of the body before.
        sender.ready().await.expect("the connection stays open");
        let answer = timeout(PATIENCE, sender.send_request(request)).await;
        let answer = answer.expect("in time").expect("an answer");
        assert_eq!(answer.status(), status);
        let body = answer.into_body().collect().await.expect("a whole answer");
        assert!(!body.to_bytes().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_small_body_that_is_refused_leaves_the_connection_open() {
    let files = Files::new();
    let server = server(&files, &[]);
    let mut stream = connect(&server);
    for _ in 0..3 {
        let (length, rest) = (10_000, 4_000);
        let head = format!(
            "{APPEND} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer nobody's\r\ncontent-length: {length}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).expect("the head");
        stream
            .write_all(&vec![b' '; length - rest])
            .expect("a part");
        let mut answer = [0; 4096];
        let read = stream.read(&mut answer).expect("an answer");
        let answer = String::from_utf8_lossy(&answer[..read]);
        assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
        assert!(!answer.contains("connection: close"), "{answer}");
        stream.write_all(&vec![b' '; rest]).expect("the rest");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_never_ends_its_request_is_closed_and_delays_no_stop() {
    let files = Files::new();
    let env = [variable("LOG_TIMEOUTS__LINGER", "1s")];
    let server_of_a_second = server(&files, &env);
    let mut stream = connect(&server_of_a_second);
    let head = head(APPEND, "nobody's", "");
    let began = Instant::now();
    stream.write_all(head.as_bytes()).expect("the head");
    loop {
        match stream.write_all(&[b' '; 16]) {
            Ok(()) => tokio::time::sleep(Duration::from_millis(20)).await,
            Err(error) => {
                let closed = [ErrorKind::BrokenPipe, ErrorKind::ConnectionReset];
                assert!(closed.contains(&error.kind()), "{error}");
                break;
            }
        }
        assert!(began.elapsed() < PATIENCE, "never closed");
    }
    assert!(began.elapsed() > Duration::from_secs(1), "closed at once");

    let server = server(&files, &[]);
    let mut stream = connect(&server);
    stream.write_all(head.as_bytes()).expect("the head");
    // The server has half-closed the connection when all of the answer is there.
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    let told = Instant::now();
    assert_eq!(server.terminate().await.code, Some(0));
    let took = told.elapsed();
    assert!(took < Duration::from_secs(4), "{took:?}");
    let _ = stream.shutdown(Shutdown::Both);
}
