//! Requests that two servers could read differently, such as a proxy and the server behind it: none is served, and what one of the two
//! could take for another request is never executed. Written to bare sockets, as no proper client sends them.

use crate::malformed::{exchange, exchange_broken, serve, serves_others};
use crate::support::client::Client;
use crate::support::server::Server;

const APPEND: &str = "POST /api/v1/log/append HTTP/1.1\r\nhost: localhost\r\n";
const RECORD: &str = r#"{"records":[{"key":"aw==","value":"dg=="}]}"#;

/// A request that must not be executed.
fn hidden() -> String {
    let body = r#"{"records":[{"key":"aGlkZGVu","value":""}]}"#;
    format!("{APPEND}content-length: {}\r\n\r\n{body}", body.len())
}

/// An append whose body is in one chunk, with these lines in its head, and the hidden request behind it.
fn chunked(lines: &str) -> String {
    format!("{APPEND}{lines}\r\n{}{}", one_chunk(), hidden())
}

fn one_chunk() -> String {
    format!("{:x}\r\n{RECORD}\r\n0\r\n\r\n", RECORD.len())
}

/// An append whose body is as long as it says, with these lines in its head, and the hidden request behind it.
fn counted(lines: &str) -> String {
    format!(
        "{APPEND}{lines}content-length: {}\r\n\r\n{RECORD}{}",
        RECORD.len(),
        hidden()
    )
}

/// What must be refused as a whole.
fn ambiguous() -> Vec<(&'static str, String)> {
    let te = "transfer-encoding: chunked\r\n";
    let chunk = one_chunk().len();
    let short = format!("content-length: {chunk}\r\n");
    let long = format!("content-length: {}\r\n", chunk + hidden().len());
    let length = RECORD.len();
    let good = hidden();
    vec![
        ("a length, then chunked", chunked(&format!("{short}{te}"))),
        ("chunked, then a length", chunked(&format!("{te}{short}"))),
        (
            "a length over both, then chunked",
            chunked(&format!("{long}{te}")),
        ),
        (
            "chunked, then a length over both",
            chunked(&format!("{te}{long}")),
        ),
        (
            "chunked and no length",
            chunked(&format!("{te}content-length: 0\r\n")),
        ),
        (
            "chunked between lengths",
            chunked(&format!("{short}{te}{long}")),
        ),
        (
            "other letters",
            chunked(&format!("{short}{te}").to_uppercase()),
        ),
        (
            "two lengths",
            counted(&format!("content-length: {}\r\n", length + good.len())),
        ),
        (
            "a list of lengths",
            counted(&format!("content-length: {length}, {length}\r\n")),
        ),
        (
            "a signed length",
            counted(&format!("content-length: +{length}\r\n")),
        ),
        ("an empty length", counted("content-length: \r\n")),
        ("a hexadecimal length", counted("content-length: 0x2b\r\n")),
        (
            "gzip and chunked",
            chunked("transfer-encoding: gzip, chunked\r\n"),
        ),
        (
            "gzip, then chunked",
            chunked(&format!("transfer-encoding: gzip\r\n{te}")),
        ),
        ("chunked twice", chunked(&format!("{te}{te}"))),
        (
            "chunked, then gzip",
            chunked("transfer-encoding: chunked, gzip\r\n"),
        ),
        (
            "chunked, then identity",
            chunked("transfer-encoding: chunked, identity\r\n"),
        ),
        ("gzip", chunked("transfer-encoding: gzip\r\n")),
        ("identity", counted("transfer-encoding: identity\r\n")),
        ("no coding", counted("transfer-encoding:\r\n")),
        (
            "a coding that is none",
            counted("transfer-encoding: xchunked\r\n"),
        ),
        (
            "a vertical tab",
            chunked("transfer-encoding: \x0bchunked\r\n"),
        ),
        (
            "chunked in HTTP/1.0",
            chunked(te).replacen("HTTP/1.1", "HTTP/1.0", 1),
        ),
        (
            "a folded coding",
            chunked("transfer-encoding:\r\n chunked\r\n"),
        ),
        ("a folded line", counted("x: a\r\n b\r\n")),
        ("a line that begins with a space", counted(" x: a\r\n")),
        (
            "a first line that begins with a space",
            counted("").replacen("host", " host", 1),
        ),
        (
            "a space before the colon of a coding",
            chunked("transfer-encoding : chunked\r\n"),
        ),
        ("a space before the colon", counted("x : a\r\n")),
        ("a tab before the colon", counted("x\t: a\r\n")),
        ("no colon", counted("x\r\n")),
        ("no name", counted(": a\r\n")),
        ("CR in a value", counted("x: a\rcontent-length: 0\r\n")),
        ("CR in a name", counted("x\ry: a\r\n")),
        (
            "CR after the target",
            counted("").replacen(" HTTP/1.1\r\n", " HTTP/1.1\r", 1),
        ),
        ("NUL in a value", counted("x: a\0b\r\n")),
        ("LF in a value", counted("x: a\ny: b\r\n")),
        ("LF after a coding", chunked("transfer-encoding: chunked\n")),
        (
            "LF after the target",
            counted("").replacen("HTTP/1.1\r\n", "HTTP/1.1\n", 1),
        ),
        (
            "LF at the end of a head",
            counted("").replacen("\r\n\r\n", "\r\n\n", 1),
        ),
        ("LF alone", counted("").replace("\r\n", "\n")),
        (
            "a space in the target",
            counted("").replacen("append ", "append x ", 1),
        ),
        (
            "two spaces before the target",
            counted("").replacen("POST ", "POST  ", 1),
        ),
        (
            "a tab for a space",
            counted("").replacen("POST ", "POST\t", 1),
        ),
        (
            "two spaces before the version",
            counted("").replacen("append ", "append  ", 1),
        ),
        (
            "a version that is none",
            counted("").replacen("HTTP/1.1", "HTTP/1.2", 1),
        ),
        ("no version", counted("").replacen(" HTTP/1.1", "", 1)),
        (
            "nothing of a chunk's size",
            chunked(te).replacen("2b\r\n", "\r\n", 1),
        ),
        (
            "a size with a prefix",
            chunked(te).replacen("2b\r\n", "0x2b\r\n", 1),
        ),
        (
            "a signed size",
            chunked(te).replacen("2b\r\n", "+2b\r\n", 1),
        ),
        (
            "a size after a space",
            chunked(te).replacen("2b\r\n", " 2b\r\n", 1),
        ),
        ("two sizes", chunked(te).replacen("2b\r\n", "2b 2b\r\n", 1)),
        (
            "a size beyond all",
            chunked(te).replacen("2b\r\n", "1000000000000002b\r\n", 1),
        ),
        ("LF after a size", chunked(te).replacen("2b\r\n", "2b\n", 1)),
        (
            "LF in an extension",
            chunked(te).replacen("2b\r\n", "2b;a\nb\r\n", 1),
        ),
        (
            "LF after a chunk",
            chunked(te).replacen("}\r\n0", "}\n0", 1),
        ),
        (
            "a chunk that is longer than its size",
            chunked(te).replacen("2b\r\n", "2a\r\n", 1),
        ),
    ]
}

/// The statuses of all answers.
fn statuses(received: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(received);
    let answers = text.split("HTTP/1.1 ").skip(1);
    answers.map(|answer| answer[..3].to_owned()).collect()
}

async fn keys(server: &Server) -> Vec<Vec<u8>> {
    Client::new(server).all_keys(10).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_two_servers_could_read_differently_is_refused_and_none_hides_in_it() {
    assert_eq!(RECORD.len(), 0x2b);
    let mut server = serve();
    serves_others(&server).await;
    let others = keys(&server).await;
    let mut wrong = Vec::new();
    for (what, sent) in ambiguous() {
        let alone = statuses(&exchange(&server, sent.as_bytes()).await);
        if !alone.is_empty() && alone != ["400"] {
            wrong.push(format!("{what}: {alone:?}"));
        }
        // After another on the same connection, and in one piece with it.
        let before = "GET /-/healthy HTTP/1.1\r\nhost: localhost\r\n\r\n";
        let second = statuses(&exchange(&server, format!("{before}{sent}").as_bytes()).await);
        if second != ["200"] && second != ["200", "400"] {
            wrong.push(format!("{what}, after another: {second:?}"));
        }
        let found = keys(&server).await;
        if found != others {
            wrong.push(format!("{what}: executed, {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    serves_others(&server).await;
    server.assert_no_panic();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_says_what_is_wrong_with_the_framing() {
    let server = serve();
    for (sent, why) in [
        (
            chunked("content-length: 5\r\ntransfer-encoding: chunked\r\n"),
            "either Transfer-Encoding or Content-Length",
        ),
        (counted("x: a\ny: b\r\n"), "ends with CR LF"),
    ] {
        let received = exchange(&server, sent.as_bytes()).await;
        let text = String::from_utf8_lossy(&received);
        assert!(text.contains(why), "{text}");
        assert!(text.contains("\"code\":\"invalid_argument\""), "{text}");
        assert!(text.contains("\r\nconnection: close\r\n"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_in_one_piece_are_each_answered_whatever_their_framing() {
    let server = serve();
    let chunked = format!("{APPEND}transfer-encoding: chunked\r\n\r\n");
    let size = RECORD.len();
    let rest = &RECORD[3..];
    let sent = [
        "GET /-/healthy HTTP/1.1\r\nhost: localhost\r\n\r\n".to_owned(),
        format!("{APPEND}content-length: {size}\r\n\r\n{RECORD}"),
        // Empty lines before a request are skipped, and a length may be said twice.
        format!("\r\n\r\n{APPEND}content-length: {size}\r\nContent-Length:{size} \r\n\r\n{RECORD}"),
        format!("{chunked}{}", one_chunk()),
        format!(
            "{chunked}3;a=b\r\n{{\"r\r\n{:x} \r\n{rest}\r\n000\r\nx: y\r\n\r\n",
            rest.len()
        ),
        "GET /-/healthy HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n".to_owned(),
    ];
    let received = exchange(&server, sent.concat().as_bytes()).await;
    assert_eq!(statuses(&received), ["200"; 6]);
    assert_eq!(Client::new(&server).count(b"k").await, 4);
    // Without an end, and with more than its length.
    let cut = format!("{APPEND}content-length: {}\r\n\r\n{RECORD}", size + 1);
    let received = exchange_broken(&server, cut.as_bytes()).await;
    assert!(statuses(&received).iter().all(|status| status != "200"));
    assert_eq!(Client::new(&server).count(b"k").await, 4);
}
