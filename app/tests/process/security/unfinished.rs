//! What clients begin and never end: heads of HTTP/2, handshakes, records of TLS. None of it holds more than the settings say.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::time::{Instant, sleep};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::ServerName;

use super::files::{Files, in_memory};
use crate::support::client::ready;
use crate::support::server::{Server, variable, variables};

const MIB: u64 = 1 << 20;
const PATIENCE: Duration = Duration::from_secs(30);

const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const CONTINUATION: u8 = 9;

fn frame(kind: u8, stream: u8, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).expect("a short frame");
    let [_, high, middle, low] = length.to_be_bytes();
    // None of them ends the head.
    let header = [high, middle, low, kind, 0, 0, 0, 0, stream];
    [&header[..], content].concat()
}

/// The beginning of a head that is small on the wire and never ends.
pub(super) fn head_without_end() -> Vec<u8> {
    // GET, http, /, then a field of an empty value that is indexed, and the index many times.
    let mut fields = b"\x82\x86\x84\x40\x01x\x00".to_vec();
    fields.extend([0xbe; 900]);
    [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        frame(SETTINGS, 0, b""),
        frame(HEADERS, 1, &fields),
        frame(CONTINUATION, 1, &[0xbe; 900]),
    ]
    .concat()
}

/// So much of a [`greeting`] is sent to leave it unfinished.
pub(super) const GREETED: usize = 12 << 10;

/// The first record of a handshake, which says that more come.
pub(super) fn greeting() -> Vec<u8> {
    let mut whole = b"\x16\x03\x01\x40\x00\x01\x00\xff\xf0\x03\x03".to_vec();
    whole.resize(5 + (16 << 10), 7);
    whole
}

/// A record of TLS without its last byte.
pub(super) fn record_without_end() -> Vec<u8> {
    let mut record = b"\x17\x03\x03\x40\x10".to_vec();
    record.resize(5 + (16 << 10), 7);
    record
}

fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.address()).expect("connect");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
    stream
}

/// The memory of the server when it grows no more.
pub(super) async fn settled(server: &Server) -> u64 {
    let mut held = server.memory();
    let deadline = Instant::now() + PATIENCE;
    loop {
        sleep(Duration::from_millis(700)).await;
        let now = server.memory();
        if now <= held + MIB / 4 || Instant::now() > deadline {
            return held.max(now);
        }
        held = now;
    }
}

fn is_ended(stream: &mut TcpStream) -> bool {
    let mut rest = Vec::new();
    match stream.read_to_end(&mut rest) {
        Ok(_) => true,
        Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heads_of_http_2_that_never_end_are_charged_and_have_their_time() {
    const CLIENTS: u64 = 1_000;
    const REQUESTS: u64 = 8;
    let env = variables(&[
        ("LOG_MEMORY__REQUESTS", "8MiB"),
        ("LOG_TIMEOUTS__HEADERS", "6s"),
    ]);
    let server = Server::start(&in_memory(), &env);
    let before = settled(&server).await;
    let began = Instant::now();
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        let mut stream = connect(&server);
        // The server may have ended it already.
        drop(stream.write_all(&head_without_end()));
        clients.push(stream);
    }
    let held = settled(&server).await.saturating_sub(before);
    assert_eq!(ready(&server).await.0, 200);
    let most = REQUESTS * MIB + CLIENTS * (48 << 10);
    println!("{} KiB of {} KiB", held >> 10, most >> 10);
    assert!(held <= most, "{} KiB, of {} KiB", held >> 10, most >> 10);
    for stream in &mut clients {
        assert!(is_ended(stream), "not ended");
    }
    assert!(began.elapsed() < PATIENCE, "{:?}", began.elapsed());
}

async fn shake_hands(
    server: &Server,
    connector: &TlsConnector,
) -> TlsStream<tokio::net::TcpStream> {
    let tcp = tokio::net::TcpStream::connect(server.address()).await;
    let name = ServerName::try_from("localhost").expect("a name");
    let shaken = connector.connect(name, tcp.expect("connect")).await;
    shaken.expect("a handshake")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handshakes_and_records_of_tls_that_never_end_hold_what_the_docs_say() {
    const CLIENTS: u64 = 250;
    /// What docs/operations.md says of a connection over TLS, HTTP/2 included.
    const CONNECTION: u64 = 64 << 10;
    let files = Files::new();
    let mut env = files.tls();
    env.push(variable("LOG_TIMEOUTS__HEADERS", "60s"));
    let server = Server::start(&in_memory(), &env);
    let connector = TlsConnector::from(files.trusting());
    drop(shake_hands(&server, &connector).await);
    let before = settled(&server).await;

    let mut whole = greeting();
    let greeting = &whole.clone()[..GREETED];
    let mut greetings = Vec::new();
    let mut records = Vec::new();
    for _ in 0..CLIENTS {
        let mut stream = connect(&server);
        stream.write_all(greeting).expect("written");
        greetings.push(stream);
        let mut shaken = shake_hands(&server, &connector).await;
        let tcp = shaken.get_mut().0;
        tcp.write_all(&record_without_end()).await.expect("written");
        records.push(shaken);
    }
    let held = settled(&server).await.saturating_sub(before);
    let each = held / (2 * CLIENTS);
    println!("{} KiB for each connection over TLS", each >> 10);
    assert!(each <= CONNECTION, "{} KiB for each", each >> 10);

    // One that sends more than any handshake takes is ended.
    let mut long = connect(&server);
    whole.extend_from_slice(b"\x16\x03\x01\x10\x00");
    whole.resize(whole.len() + (4 << 10), 7);
    drop(long.write_all(&whole));
    let began = Instant::now();
    assert!(is_ended(&mut long), "not ended");
    assert!(began.elapsed() < PATIENCE / 2);

    drop((greetings, records));
    let answer = files.client().get(format!("{}/-/healthy", server.url()));
    assert_eq!(answer.send().await.expect("an answer").status(), 200);
}
