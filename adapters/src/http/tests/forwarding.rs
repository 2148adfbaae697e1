//! Read-only servers that forward changes to the server that writes the log.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::http::{ForwardLimits, HttpWriter, Writer, WriterUrl};

mod commits;
pub(super) mod writers;

use writers::{At, Scripted};

/// What every kind of change is, and what is said if its outcome is unknown.
fn changes() -> [(Request, &'static str); 6] {
    let none: &[(&str, &str)] = &[];
    [
        (
            post("/api/v1/log/append", none).body("{}"),
            "read the key to find out",
        ),
        (
            post("/api/v1/log/trim", none).body("{}"),
            "send the trim again",
        ),
        (
            delete("/api/v1/log/key?key=k", none),
            "send the deletion again",
        ),
        (
            put("/api/v1/log/cursors/c", none).body("{}"),
            "read the cursor",
        ),
        (delete("/api/v1/log/cursors/c", none), "read the cursor"),
        // A name like the last part of another path.
        (
            put("/api/v1/log/cursors/trim", none).body("{}"),
            "read the cursor",
        ),
    ]
}

fn read_only(writer: impl Writer, forward: ForwardLimits) -> Server {
    read_only_for(None, writer, forward)
}

fn read_only_for(
    authorizer: Option<Arc<dyn Authorizer>>,
    writer: impl Writer,
    forward: ForwardLimits,
) -> Server {
    let options = HttpOptions {
        read_only: true,
        body_timeout: Duration::from_secs(10),
        forward,
        ..HttpOptions::default()
    };
    let server = memory_server();
    let meter = SdkMeterProvider::default().meter("test");
    let api = HttpApi::starting(&meter, authorizer, options).forwarding_to(Arc::new(writer));
    api.open(HttpParts {
        service: Arc::clone(&server.service),
        readiness: Arc::new(Ready(Ok(()))),
        render_metrics: Arc::new(String::new),
        feed: None,
    });
    Server {
        endpoint: Arc::new(api.endpoint(Side::Only).boxed()),
        ..server
    }
}

/// A port where each connection reads a part of a request and is then answered with this.
async fn port_that_answers(bytes: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("listens");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            let mut some = [0; 64];
            let _ = connection.read(&mut some).await;
            let _ = connection.write_all(bytes).await;
        }
    });
    address
}

fn writer_at(address: SocketAddr) -> HttpWriter {
    let url = WriterUrl::parse(&format!("http://{address}/")).expect("a URL");
    HttpWriter::new(url).expect("a client")
}

#[tokio::test]
async fn changes_are_made_by_the_writer_and_its_answers_are_passed_back() {
    let writer = memory_server();
    let service = Arc::clone(&writer.service);
    let server = read_only(At(writer), ForwardLimits::default());
    server.append("k", &["0", "1", "2"]).await;
    assert_eq!(service.watermarks().tip.get(), 3);
    assert_eq!(
        server.service.watermarks().tip.get(),
        0,
        "nothing is written here"
    );
    let moved = put("/api/v1/log/cursors/c", &[]).body(r#"{"position": 2}"#);
    let moved = server.send(moved).await;
    assert_eq!(moved.json()["position"], 2, "{moved:?}");
    let moved = put("/api/v1/log/cursors/c", &[]).body(r#"{"position": 3, "expected": 1}"#);
    server.send(moved).await.error(409, "conflict");
    let trimmed = post("/api/v1/log/trim", &[]).body(r#"{"beforeSequence": 1}"#);
    let trimmed = server.send(trimmed).await;
    assert_eq!(trimmed.status, StatusCode::OK, "{trimmed:?}");
    let deleted = server.send(delete("/api/v1/log/key?key=k", &[])).await;
    assert_eq!(deleted.status, StatusCode::OK, "{deleted:?}");
    assert_eq!(service.floor().get(), 1);
    let gone = server.send(delete("/api/v1/log/cursors/c", &[])).await;
    assert_eq!(gone.status, StatusCode::OK, "{gone:?}");
    let invalid = post("/api/v1/log/append", &[]).body("no JSON");
    server.send(invalid).await.error(400, "invalid_argument");
    // Reads, and what no route takes, are answered here.
    let read = server.get("/api/v1/log/count?key=k").await;
    assert_eq!(read.json()["count"], 0, "{read:?}");
    assert_eq!(read.header("log-durable-sequence"), "0");
    server
        .get("/api/v1/log/append")
        .await
        .error(405, "method_not_allowed");
}

#[tokio::test]
async fn a_request_is_forwarded_as_it_came_without_what_is_of_its_connection() {
    let writer = Scripted::answering(
        299,
        &[
            ("content-type", "text/x"),
            ("retry-after", "7"),
            ("log-anything", "1"),
            ("connection", "close"),
            ("set-cookie", "a=b"),
            ("x-request-id", "another"),
        ],
        "an answer",
    );
    let seen = Arc::clone(&writer.seen);
    let server = read_only(writer, ForwardLimits::default());
    let headers = [
        ("authorization", "Bearer one"),
        ("authorization", "Bearer two"),
        ("content-type", "application/x-any"),
        ("content-encoding", "zstd"),
        ("accept", "application/protobuf"),
        ("x-request-id", "of-the-client"),
        ("connection", "x-hop"),
        ("x-hop", "1"),
        ("te", "trailers"),
        ("cookie", "a=b"),
        ("accept-encoding", "gzip"),
        ("x-forwarded-for", "10.0.0.1"),
    ];
    let request = put("/api/v1/log/cursors/a%2Fb\\c?x=%20y&x=z", &headers).body("not decompressed");
    let answer = server.send(request).await;
    assert_eq!(answer.status.as_u16(), 299);
    assert_eq!(answer.body, "an answer");
    assert_eq!(answer.header("content-type"), "text/x");
    assert_eq!(answer.header("retry-after"), "7");
    assert_eq!(answer.header("log-anything"), "1");
    assert_eq!(answer.header("x-request-id"), "of-the-client");
    for name in ["connection", "set-cookie"] {
        assert!(!answer.headers.contains_key(name), "{name}");
    }
    let sent = std::mem::take(&mut *seen.lock());
    let [sent] = &sent[..] else {
        panic!("one request")
    };
    assert_eq!(sent.method(), Method::PUT);
    assert_eq!(sent.uri(), "/api/v1/log/cursors/a%2Fb%5Cc?x=%20y&x=z");
    assert_eq!(sent.body(), "not decompressed");
    let mut names: Vec<_> = sent
        .headers()
        .iter()
        .map(|(name, value)| (name.as_str(), value.to_str().expect("text")))
        .collect();
    names.sort_unstable();
    let product = concat!("opendata-log/", env!("CARGO_PKG_VERSION"));
    assert_eq!(
        names,
        [
            ("accept", "application/protobuf"),
            ("authorization", "Bearer one"),
            ("authorization", "Bearer two"),
            ("content-encoding", "zstd"),
            ("content-type", "application/x-any"),
            ("log-forwarded-by", product),
            ("x-request-id", "of-the-client"),
        ]
    );
    // No client of HTTP may take it for another path.
    for name in [".", "..", "%2e%2E", ".%2e"] {
        let request = delete(&format!("/api/v1/log/cursors/{name}"), &[]);
        server.send(request).await.error(400, "invalid_argument");
    }
    assert!(seen.lock().is_empty());
}

#[tokio::test]
async fn refusals_of_the_writer_are_passed_back() {
    for (status, headers, body) in [
        (400, &[][..], "a"),
        (421, &[], "b"),
        (429, &[("retry-after", "1")], "c"),
        (503, &[("retry-after", "1")], "d"),
        (500, &[], "e"),
        (502, &[], "<html>"),
    ] {
        let writer = Scripted::answering(status, headers, body);
        let server = read_only(writer, ForwardLimits::default());
        for (request, _) in changes() {
            let answer = server.send(request).await;
            assert_eq!(answer.status.as_u16(), status);
            assert_eq!(answer.body, body);
            for (name, value) in headers {
                assert_eq!(answer.header(name), *value);
            }
        }
    }
}

#[tokio::test]
async fn without_a_connection_nothing_was_applied() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("listens");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let tls = WriterUrl::parse(&format!("https://{}", port_that_answers(b"no TLS").await));
    let tls = HttpWriter::new(tls.expect("a URL")).expect("a client");
    for writer in [writer_at(address), tls] {
        let server = read_only(writer, ForwardLimits::default());
        for (request, _) in changes() {
            let answer = server.send(request).await;
            let message = answer.error(503, "unavailable");
            assert!(message.contains("nothing was applied"), "{message}");
            assert!(
                !message.contains("127.0.0.1"),
                "the writer is not named: {message}"
            );
            assert_eq!(answer.header("retry-after"), "1");
        }
    }
}

#[tokio::test]
async fn after_a_request_was_sent_the_outcome_is_unknown_without_a_whole_answer() {
    for part in [
        &b""[..],
        b"HTTP/1.1 200 OK\r\ncontent-le",
        b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{\"sta",
        b"no HTTP\r\n\r\n",
    ] {
        let server = read_only(
            writer_at(port_that_answers(part).await),
            ForwardLimits::default(),
        );
        for (request, advice) in changes() {
            let answer = server.send(request).await;
            let message = answer.error(504, "deadline_exceeded");
            assert!(message.contains("outcome unknown"), "{message}");
            assert!(message.contains(advice), "{message}");
            assert!(!message.contains("nothing was applied"), "{message}");
            assert!(!answer.headers.contains_key("retry-after"));
        }
    }
    let large = Box::leak(vec![b'a'; 2 << 20].into_boxed_slice());
    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 2097152\r\n\r\n";
    let large = Box::leak([&head[..], large].concat().into_boxed_slice());
    let server = read_only(
        writer_at(port_that_answers(large).await),
        ForwardLimits::default(),
    );
    let answer = server.append_json("{}").await;
    answer.error(504, "deadline_exceeded");
}

#[tokio::test(start_paused = true)]
async fn a_writer_that_does_not_answer_is_waited_for_no_longer_than_its_time() {
    let server = read_only(Scripted::default(), ForwardLimits::default());
    for (request, advice) in changes() {
        let began = tokio::time::Instant::now();
        let message = server.send(request).await.error(504, "deadline_exceeded");
        assert!(message.contains(advice), "{message}");
        assert_eq!(began.elapsed().as_secs(), 35);
    }
}

#[tokio::test(start_paused = true)]
async fn requests_on_their_way_are_bounded_in_number() {
    let writer = Scripted::default();
    let seen = Arc::clone(&writer.seen);
    let limits = ForwardLimits {
        timeout: Duration::from_secs(5),
        ..ForwardLimits::default()
    };
    let server = Arc::new(read_only(writer, limits));
    let sent: Vec<_> = (0..200)
        .map(|_| {
            let server = Arc::clone(&server);
            tokio::spawn(async move { server.append_json("{}").await.status.as_u16() })
        })
        .collect();
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(seen.lock().len(), 128);
    let mut late = 0;
    for sent in sent {
        match sent.await.expect("no panic") {
            504 => late += 1,
            429 => {}
            other => panic!("{other}"),
        }
    }
    assert!(late >= 128, "{late}");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_too_large_or_late_is_not_forwarded() {
    let writer = Scripted::answering(200, &[], "");
    let seen = Arc::clone(&writer.seen);
    let limits = ForwardLimits {
        request_bytes: 10,
        all_bytes: 9,
        ..ForwardLimits::default()
    };
    let server = read_only(writer, limits);
    let large = server.append_json("12345678901").await;
    large.error(413, "too_large");
    let many = server.append_json("1234567890").await;
    many.error(429, "overloaded");
    let never = futures::stream::pending::<std::io::Result<Bytes>>();
    let late = server
        .append_json(Body::from_bytes_stream(never))
        .await
        .error(504, "deadline_exceeded");
    assert!(late.contains("10000 ms; nothing was applied"), "{late}");
    let broken = futures::stream::iter([Err::<Bytes, _>(std::io::Error::other("gone"))]);
    let broken = server.append_json(Body::from_bytes_stream(broken)).await;
    broken.error(400, "invalid_argument");
    assert!(seen.lock().is_empty());
    assert_eq!(server.append_json("123456789").await.status, 200);
}

#[tokio::test]
async fn a_request_is_forwarded_once() {
    let end = memory_server_with(
        Limits::default(),
        HttpOptions {
            read_only: true,
            ..HttpOptions::default()
        },
    );
    let unaware = read_only(At(end), ForwardLimits::default());
    let last = read_only(At(memory_server()), ForwardLimits::default());
    let aware = read_only(At(last), ForwardLimits::default());
    for server in [unaware, aware] {
        for (request, _) in changes() {
            let message = server.send(request).await.error(421, "not_writer");
            assert!(
                message.contains("reader.writer_url") && message.contains("nothing was changed"),
                "{message}"
            );
        }
    }
}

#[tokio::test]
async fn a_read_only_server_that_opens_the_log_forwards_already() {
    let options = HttpOptions {
        read_only: true,
        ..HttpOptions::default()
    };
    let writer = Scripted::answering(200, &[], "made");
    let meter = SdkMeterProvider::default().meter("test");
    let api = HttpApi::starting(&meter, None, options).forwarding_to(Arc::new(writer));
    let answer = api.endpoint(Side::Only);
    let answer = answer
        .call(post("/api/v1/log/append", &[]).body("{}"))
        .await;
    assert_eq!(answer.expect("answered").status(), 200);
}

#[tokio::test]
async fn the_read_only_server_checks_the_token_first_and_the_writer_decides() {
    let writer = Scripted::answering(403, &[], "the writer's");
    let seen = Arc::clone(&writer.seen);
    let tokens: Arc<dyn Authorizer> = Arc::new(NamedRights);
    let server = read_only_for(Some(tokens), writer, ForwardLimits::default());
    let append = |token: &str| {
        let token = format!("Bearer {token}");
        let headers = [("authorization", token.as_str())];
        post("/api/v1/log/append", &headers).body("{}")
    };
    let unknown = server.send(append("unknown")).await;
    unknown.error(401, "unauthenticated");
    let appender = [("authorization", "Bearer append")];
    let trim = server.send(post("/api/v1/log/trim", &appender).body("{}"));
    trim.await.error(403, "permission_denied");
    assert!(seen.lock().is_empty());
    let answer = server.send(append("append")).await;
    assert_eq!(
        (answer.status.as_u16(), &answer.body[..]),
        (403, &b"the writer's"[..])
    );
    assert_eq!(seen.lock()[0].headers()["authorization"], "Bearer append");
}
