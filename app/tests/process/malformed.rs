//! Nothing that a client sends may harm the server or another client. Spoken over bare sockets, since a proper
//! client would refuse to send most of it.

use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::support::client::Client;
use crate::support::server::Server;

const ANSWER: Duration = Duration::from_secs(10);
const BODY_LIMIT: usize = 65_536;
const KEY_LIMIT: usize = 1_024;
const VALUE_LIMIT: usize = 32_768;

pub(super) fn serve() -> Server {
    let limit = |name: &str, value: usize| (format!("LOG_LIMITS__{name}"), value.to_string());
    Server::start(
        &["--in-memory".to_owned()],
        &[
            limit("REQUEST_BYTES", BODY_LIMIT),
            limit("KEY_BYTES", KEY_LIMIT),
            limit("VALUE_BYTES", VALUE_LIMIT),
            limit("BATCH_RECORDS", 10),
        ],
    )
}

/// Sends a whole request, which asks for the connection to be closed, and reads until it is.
pub(super) async fn exchange(server: &Server, sent: &[u8]) -> Vec<u8> {
    talk(server, sent, None).await
}

/// Sends what is no whole request, reads what the server may say to it, then closes and reads to the end. A server
/// drops what it has of a request when the client closes, so closing at once would hide its answer.
pub(super) async fn exchange_broken(server: &Server, sent: &[u8]) -> Vec<u8> {
    talk(server, sent, Some(Duration::from_millis(300))).await
}

async fn talk(server: &Server, sent: &[u8], close_after: Option<Duration>) -> Vec<u8> {
    let socket = TcpStream::connect(server.address()).await.expect("connect");
    let (mut reader, mut writer) = socket.into_split();
    let mut received = Vec::new();
    let write = async {
        // The server may close before it has read everything; what it answered still counts.
        let _ = writer.write_all(sent).await;
        match close_after {
            Some(pause) => sleep(pause).await,
            None => std::future::pending().await,
        }
        let _ = writer.shutdown().await;
        std::future::pending::<()>().await;
    };
    let read = async {
        tokio::select! {
            _ = reader.read_to_end(&mut received) => {}
            () = write => {}
        }
    };
    let ended = timeout(ANSWER, read).await.is_ok();
    let start = String::from_utf8_lossy(&sent[..sent.len().min(120)]);
    assert!(ended, "the server kept the connection open after {start:?}");
    received
}

struct Response {
    status: u16,
    head: String,
    body: Vec<u8>,
}

fn parse(received: &[u8]) -> Option<Response> {
    let end = received.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&received[..end]).to_lowercase();
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(Response {
        status,
        head,
        body: received[end + 4..].to_vec(),
    })
}

fn request(method: &str, target: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = format!(
        "{method} {target} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{headers}content-length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// A request without a body and with these headers only.
fn raw(headers: &str) -> Vec<u8> {
    format!("GET /-/healthy HTTP/1.1\r\n{headers}\r\n").into_bytes()
}

/// A good append whose body is in one chunk, with these headers beside its own.
fn chunked(headers: &str) -> Vec<u8> {
    let body = r#"{"records":[{"key":"aw==","value":"dg=="}]}"#;
    format!(
        "POST /api/v1/log/append HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{headers}\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
        body.len()
    )
    .into_bytes()
}

fn append(content_type: &str, body: &[u8]) -> Vec<u8> {
    let header = format!("content-type: {content_type}\r\n");
    request("POST", "/api/v1/log/append", &header, body)
}

fn encoded(coding: &str, body: &[u8]) -> Vec<u8> {
    let header = format!("content-encoding: {coding}\r\n");
    request("POST", "/api/v1/log/append", &header, body)
}

fn json(body: &str) -> Vec<u8> {
    append("application/protobuf+json", body.as_bytes())
}

fn get(path_and_query: &str) -> Vec<u8> {
    request("GET", &format!("/api/v1/log/{path_and_query}"), "", b"")
}

/// One record with a key and a value of these lengths, `A` being a letter of base64.
fn record(key: usize, value: usize) -> String {
    let (key, value) = ("AAAA".repeat(key / 3), "AAAA".repeat(value / 3));
    format!(r#"{{"key":"{key}","value":"{value}"}}"#)
}

/// What is sent, and the status and code that must come back.
fn error_table() -> Vec<(Vec<u8>, u16, &'static str)> {
    let invalid = [
        json(""),
        json("{"),
        json("[]"),
        json("null"),
        json("\u{feff}{}"),
        append("application/json", b"\xff\xfe"),
        json("{}"),
        json(r#"{"records":[]}"#),
        json(r#"{"records":{}}"#),
        json(r#"{"records":[null]}"#),
        json(r#"{"records":[{}]}"#),
        json(r#"{"records":[{"key":"aw=="}]}"#),
        json(r#"{"records":[{"value":"dg=="}]}"#),
        json(r#"{"records":[{"key":"","value":"dg=="}]}"#),
        json(r#"{"records":[{"key":"!","value":"dg=="}]}"#),
        json(r#"{"records":[{"key":7,"value":"dg=="}]}"#),
        json(r#"{"records":[{"key":"aw==","value":"dg==","vlaue":""}]}"#),
        json(r#"{"records":[{"key":"aw==","keyText":"k","value":"dg=="}]}"#),
        json(r#"{"records":[{"key":"aw==","value":"dg=="}],"awaitDurbale":true}"#),
        json(r#"{"records":[{"key":"aw==","value":"dg=="}],"awaitDurable":"perhaps"}"#),
        json(&"[".repeat(60_000)),
        append(
            "application/protobuf",
            b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
        ),
        append("application/protobuf", b"\x0a\x7f\x0a"),
        append("application/protobuf", b""),
        append("application/x-protobuf", b"\x0a\x03\x0a\x01k"),
        encoded("gzip", b"{}"),
        encoded("gzip", b""),
        encoded("zstd", b"\x28\xb5\x2f\xfd"),
        append(
            "application/protobuf",
            b"\x0a\x06\x0a\x01k\x12\x01v\x1a\x00",
        ),
        get("scan"),
        get("scan?key="),
        get("scan?key=%FF"),
        get("scan?key=k&key_base64=aw"),
        get("scan?key_base64=!"),
        get("scan?key=k&startseq=1"),
        get("scan?key=k&limit=0"),
        get("scan?key=k&limit=many"),
        get("scan?key=k&limit=-1"),
        get("scan?key=k&start_seq=2&end_seq=1"),
        get("scan?key=k&start_seq=18446744073709551616"),
        get("scan?key=k&follow=perhaps"),
        get("scan?key=k&visibility=partial"),
        get("scan?key=k&timeout_ms=soon"),
        get("scan?key=k&start_time_ms=today"),
        get("scan?key=k&last=0"),
        get("scan?key=k&last=1&start_seq=1"),
        get("keys?limit=0"),
        get("keys?start_after=a&start_after_base64=YQ"),
        get("keys?prefix=a&prefix_base64=YQ"),
        get("keys?start_segment=first"),
        get("segments?start_seq=2&end_seq=1"),
        get("count"),
        get("count?key=k&start_seq=2&end_seq=1"),
        get("stream"),
        get("stream?key=k&start_seq=x"),
        raw("connection: close\r\n"),
        raw("host: localhost\r\nhost: localhost\r\nconnection: close\r\n"),
        raw("host: localhost\r\nhost: other\r\nconnection: close\r\n"),
        raw("host: local host\r\nconnection: close\r\n"),
        raw("host: localhost/\r\nconnection: close\r\n"),
        chunked("transfer-encoding: gzip, chunked\r\n"),
        chunked("transfer-encoding: identity\r\ntransfer-encoding: chunked\r\n"),
        chunked("transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n"),
    ];
    let large_key = format!(r#"{{"records":[{}]}}"#, record(KEY_LIMIT + 3, 3));
    let large_value = format!(r#"{{"records":[{}]}}"#, record(3, VALUE_LIMIT + 3));
    let large_batch = format!(r#"{{"records":[{}]}}"#, vec![record(3, 3); 11].join(","));
    let large_body = json(&" ".repeat(BODY_LIMIT + 1));
    let mut table: Vec<_> = invalid.map(|sent| (sent, 400, "invalid_argument")).into();
    table.extend([
        (json(&large_key), 413, "too_large"),
        (json(&large_value), 413, "too_large"),
        (json(&large_batch), 413, "too_large"),
        (large_body, 413, "too_large"),
        (append("text/plain", b"x"), 415, "unsupported_media_type"),
        (encoded("br", b"x"), 415, "unsupported_media_type"),
        (encoded("gzip, zstd", b"x"), 415, "unsupported_media_type"),
        (
            append("application/xml", b"<x/>"),
            415,
            "unsupported_media_type",
        ),
        (get("nothing"), 404, "not_found"),
        (request("GET", "/docs/nothing", "", b""), 404, "not_found"),
        (request("POST", "/", "", b""), 405, "method_not_allowed"),
        (
            request("GET", "/api/v2/log/scan?key=k", "", b""),
            404,
            "not_found",
        ),
        (
            request("GET", "/api/v1/log/append", "", b""),
            405,
            "method_not_allowed",
        ),
        (
            request("DELETE", "/api/v1/log/scan?key=k", "", b""),
            405,
            "method_not_allowed",
        ),
        (
            request("POST", "/api/v1/log/keys", "", b""),
            405,
            "method_not_allowed",
        ),
        (
            request("PUT", "/metrics", "", b""),
            405,
            "method_not_allowed",
        ),
    ]);
    table
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_malformed_request_is_answered_with_its_status_and_code() {
    let mut server = serve();
    let mut wrong = Vec::new();
    for (sent, status, code) in error_table() {
        let received = exchange(&server, &sent).await;
        if let Err(why) = is_error_response(&received, status, code) {
            let start = String::from_utf8_lossy(&sent[..sent.len().min(300)]);
            wrong.push(format!("{start:?}\n   expected {status} {code}: {why}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    serves_others(&server).await;
    server.assert_no_panic();
}

fn is_error_response(received: &[u8], status: u16, code: &str) -> Result<(), String> {
    let response = parse(received).ok_or("no HTTP answer")?;
    let body = String::from_utf8_lossy(&response.body);
    if response.status != status {
        return Err(format!("{} {body}", response.status));
    }
    let json: Value =
        serde_json::from_slice(&response.body).map_err(|e| format!("not JSON: {e}: {body}"))?;
    let message = json["message"].as_str().unwrap_or_default();
    if json["status"] != "error" || json["code"] != code || message.is_empty() {
        return Err(format!("not the ErrorResponse: {body}"));
    }
    if !response.head.contains("\r\nx-request-id: ") {
        return Err("no x-request-id".to_owned());
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_comes_in_the_format_that_the_answer_would_have_had() {
    let server = serve();
    let accept = "accept: application/protobuf\r\n";
    let sent = request("GET", "/api/v1/log/scan?key=k&limit=0", accept, b"");
    let response = parse(&exchange(&server, &sent).await).expect("an answer");
    assert_eq!(response.status, 400);
    assert!(
        response.head.contains("content-type: application/protobuf"),
        "{}",
        response.head
    );
    // status = 1, a string of 5 bytes; code = 3, a string of 16.
    assert!(
        response.body.starts_with(b"\x0a\x05error"),
        "{:?}",
        response.body
    );
    let code = b"\x1a\x10invalid_argument";
    assert!(
        response.body.windows(code.len()).any(|part| part == code),
        "{:?}",
        response.body
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_connection_or_a_broken_protocol_harms_nobody_else() {
    let mut server = serve();
    // One that never goes on stays open beside all the others.
    let mut stalled = TcpStream::connect(server.address()).await.unwrap();
    stalled
        .write_all(b"POST /api/v1/log/append HTTP/1.1\r\nhost:")
        .await
        .unwrap();

    let good = json(r#"{"records":[{"key":"aw==","value":"dg=="}]}"#);
    for cut in [1, 4, 20, 60, good.len() - 30, good.len() - 1] {
        let received = exchange_broken(&server, &good[..cut]).await;
        not_acknowledged(&received, &format!("a request cut after {cut} bytes"));
        serves_others(&server).await;
    }
    let garbage: Vec<u8> = (0..4_096_u32).map(|i| (i * 167 + 13) as u8).collect();
    let mut large_header = b"GET /-/healthy HTTP/1.1\r\nhost: localhost\r\nx-large: ".to_vec();
    large_header.extend(vec![b'x'; 2 << 20]);
    large_header.extend(b"\r\n\r\n");
    let mut many_headers = b"GET /-/healthy HTTP/1.1\r\nhost: localhost\r\n".to_vec();
    many_headers.extend("x: y\r\n".repeat(50_000).into_bytes());
    many_headers.extend(b"\r\n");
    let broken: [(&str, Vec<u8>); 9] = [
        ("nothing", Vec::new()),
        ("garbage", garbage),
        (
            "a TLS greeting",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
        ),
        ("a large header", large_header),
        ("many headers", many_headers),
        ("a length below zero", broken_length("-1")),
        (
            "a length beyond all",
            broken_length("99999999999999999999999999"),
        ),
        ("two lengths", broken_length("3\r\ncontent-length: 5")),
        ("a bad chunk", bad_chunk()),
    ];
    for (what, sent) in broken {
        let received = exchange_broken(&server, &sent).await;
        not_acknowledged(&received, what);
        serves_others(&server).await;
    }
    drop(stalled);
    server.assert_no_panic();
    assert_eq!(server.terminate().await.code, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_longer_than_its_length_is_one_good_request_and_one_bad_one() {
    let mut server = serve();
    let body = r#"{"records":[{"key":"aw==","value":"dg=="}]}"#;
    let head = format!(
        "content-type: application/json\r\ncontent-length: {}\r\n",
        body.len()
    );
    let sent = format!(
        "POST /api/v1/log/append HTTP/1.1\r\nhost: localhost\r\n{head}\r\n{body} and more\r\n\r\n"
    );
    let received = exchange_broken(&server, sent.as_bytes()).await;
    let text = String::from_utf8_lossy(&received);
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    assert_eq!(text.matches("HTTP/1.1 200").count(), 1, "{text}");
    serves_others(&server).await;
    server.assert_no_panic();
}

fn broken_length(length: &str) -> Vec<u8> {
    format!("POST /api/v1/log/append HTTP/1.1\r\nhost: localhost\r\ncontent-length: {length}\r\n\r\n{{}}")
        .into_bytes()
}

fn bad_chunk() -> Vec<u8> {
    b"POST /api/v1/log/append HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n".to_vec()
}

/// Whatever the server makes of a broken request, it does not say that it did what it was asked.
fn not_acknowledged(received: &[u8], what: &str) {
    if let Some(response) = parse(received) {
        assert!(
            response.status >= 400,
            "{what} was answered with {}",
            response.status
        );
        assert_ne!(response.status, 500, "{what} is not a bug of the server");
    }
}

pub(super) async fn serves_others(server: &Server) {
    Client::new(server)
        .append_one("others", "are served", true)
        .await;
}
