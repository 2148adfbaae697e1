//! The error table, on every path and in both formats; request ids; health.

use log_domain::Cause;
use prost::Message;

use super::*;
use crate::http::proto::ErrorResponse;
use crate::http::wire::route_table::{NODE_APPENDS, ROUTES, WAKE};

fn cause() -> Option<Cause> {
    Some(Arc::new(std::io::Error::other("secret")))
}

fn table() -> Vec<(Error, u16, &'static str, bool, &'static str)> {
    let internal = "internal error, see the server's log for request id r-1";
    let unknown = Error::OutcomeUnknown {
        message: "the flush failed".into(),
        cause: cause(),
    };
    let unavailable = Error::Unavailable {
        message: "no store".into(),
        cause: cause(),
    };
    let bug = Error::Internal {
        message: "secret".into(),
        cause: cause(),
    };
    let too_large = Error::TooLarge {
        what: "thing in bytes",
        actual: 3,
        limit: 2,
    };
    let overloaded = Error::Overloaded {
        what: "the queue",
        limit: 5,
    };
    vec![
        (
            Error::invalid("that is wrong"),
            400,
            "invalid_argument",
            false,
            "that is wrong",
        ),
        (
            too_large,
            413,
            "too_large",
            false,
            "thing in bytes is 3, over the limit of 2",
        ),
        (
            overloaded,
            429,
            "overloaded",
            true,
            "the queue is full (limit 5)",
        ),
        (
            Error::Full("delete some".into()),
            429,
            "overloaded",
            false,
            "delete some",
        ),
        (unavailable, 503, "unavailable", true, "no store"),
        (
            Error::Fenced,
            503,
            "fenced",
            false,
            "another writer has taken over",
        ),
        (
            Error::DeadlineExceeded(9),
            504,
            "deadline_exceeded",
            false,
            "9 ms",
        ),
        (unknown, 504, "deadline_exceeded", false, "outcome unknown"),
        (
            Error::Corrupt("secret".into()),
            500,
            "internal",
            false,
            internal,
        ),
        (bug, 500, "internal", false, internal),
    ]
}

fn requests(accept: &str) -> Vec<Request> {
    let headers = [("accept", accept), ("x-request-id", "r-1")];
    let append = post("/api/v1/log/append", &headers);
    let mut requests = vec![append.body(r#"{"records":[{"key":"aw","value":""}]}"#)];
    for path in [
        "scan?key=k",
        "scan?key=k&follow=true",
        "keys",
        "segments",
        "count?key=k",
    ] {
        requests.push(get(&format!("/api/v1/log/{path}"), &headers));
    }
    requests.push(delete("/api/v1/log/key?key=k", &headers));
    requests
}

#[tokio::test]
async fn every_error_of_the_domain_is_answered_by_the_table_on_every_route_in_both_formats() {
    for (error, status, code, retry, says) in table() {
        let server = failing_server(error);
        for request in requests("application/json") {
            let answer = server.send(request).await;
            let message = answer.error(status, code);
            assert!(
                message.contains(says) && !message.contains("secret"),
                "{message}"
            );
            assert_eq!(answer.headers.contains_key("retry-after"), retry);
            assert_eq!(answer.header("x-request-id"), "r-1");
        }
        for request in requests("application/protobuf") {
            let answer = server.send(request).await;
            assert_eq!(answer.status.as_u16(), status);
            assert_eq!(answer.header("content-type"), "application/protobuf");
            let error = ErrorResponse::decode(answer.body).expect("an ErrorResponse");
            assert_eq!(
                (error.status.as_str(), error.code.as_str()),
                ("error", code)
            );
            assert!(error.message.contains(says), "{}", error.message);
        }
    }
}

#[tokio::test]
async fn a_path_that_is_not_there_is_an_error_response_too() {
    let server = memory_server();
    for path in [
        "/api/v1/log",
        "/api/v1/log/scan/",
        "/docs/x",
        "/%00",
        "/api/v2/log/scan",
    ] {
        server.get(path).await.error(404, "not_found");
        let request = get(path, &[("accept", "application/protobuf")]);
        let error =
            ErrorResponse::decode(server.send(request).await.body).expect("an ErrorResponse");
        assert_eq!(error.code, "not_found");
    }
}

#[tokio::test]
async fn a_method_that_a_route_does_not_take_is_told_which_it_takes() {
    let server = memory_server();
    let of_nodes = [WAKE, NODE_APPENDS];
    for route in ROUTES
        .iter()
        .filter(|route| !of_nodes.contains(&route.path))
    {
        for method in [
            Method::PATCH,
            Method::OPTIONS,
            Method::from_bytes(b"BREW").expect("a method"),
        ] {
            let answer = server.send(request(method, route.path, &[]).finish()).await;
            answer.error(405, "method_not_allowed");
            assert_eq!(answer.header("allow"), route.allow);
        }
    }
    let answer = server.get("/api/v1/log/append").await;
    answer.error(405, "method_not_allowed");
}

#[tokio::test]
async fn head_is_answered_as_get_without_a_body() {
    let request = request(Method::HEAD, "/api/v1/log/scan?key=k", &[]).finish();
    let answer = memory_server().send(request).await;
    assert_eq!((answer.status, answer.body.len()), (StatusCode::OK, 0));
}

#[tokio::test(start_paused = true)]
async fn a_read_that_takes_too_long_ends_as_deadline_exceeded() {
    struct Stuck;
    impl LogReader for Stuck {
        async fn scan(&self, _: &Scan) -> Result<Page> {
            std::future::pending().await
        }
        async fn keys(&self, _: &KeysQuery) -> Result<KeysPage> {
            std::future::pending().await
        }
        async fn segments(&self, _: SequenceRange) -> Result<Vec<Segment>> {
            std::future::pending().await
        }
        async fn count(&self, key: &Key, _: SequenceRange) -> Result<Counted> {
            if key.as_bytes().as_ref() == b"bug" {
                panic!("a bug with a secret")
            }
            std::future::pending().await
        }
        async fn cursor(&self, _: &CursorName) -> Result<Option<Cursor>> {
            std::future::pending().await
        }
        async fn cursors(&self, _: &CursorsQuery) -> Result<CursorsPage> {
            std::future::pending().await
        }
        fn watermarks(&self) -> Watermarks {
            Watermarks::default()
        }
        fn floor(&self) -> Sequence {
            Sequence::ZERO
        }
        fn prefix_floor(&self, _: &Key) -> Sequence {
            Sequence::ZERO
        }
        fn status(&self) -> Status {
            Status::default()
        }
        async fn check(&self) -> Result<()> {
            Ok(())
        }
        async fn stopped(&self) -> Stopped {
            std::future::pending().await
        }
    }
    impl LogWriter for Stuck {
        async fn append(&self, _: Append, _: Durability) -> Result<Appended> {
            std::future::pending().await
        }
        async fn trim(&self, _: Trim) -> Result<Sequence> {
            std::future::pending().await
        }
        async fn delete(&self, _: Deletion) -> Result<Sequence> {
            std::future::pending().await
        }
        async fn apply_rules(&self, _: &PrefixRules) -> Result<Vec<PrefixFloor>> {
            std::future::pending().await
        }
        async fn move_cursor(&self, _: CursorMove) -> Result<Cursor> {
            std::future::pending().await
        }
        async fn delete_cursor(&self, _: &CursorName) -> Result<bool> {
            std::future::pending().await
        }
        fn stored(&self) -> Vec<StoredSegment> {
            Vec::new()
        }

        async fn close(&self, _within: Duration) -> Result<()> {
            Ok(())
        }
    }
    let limits = Limits::default();
    let followers = Arc::new(Followers::new(&limits));
    let server = server(
        Stuck,
        followers,
        limits,
        HttpOptions::default(),
        Ready(Ok(())),
    );
    for path in [
        "scan?key=k",
        "scan?key=k&follow=true&timeout_ms=10",
        "keys",
        "segments",
        "cursors",
        "cursors/c",
    ] {
        let begun = tokio::time::Instant::now();
        let answer = server.get(&format!("/api/v1/log/{path}")).await;
        answer.error(504, "deadline_exceeded");
        assert_eq!(begun.elapsed(), Duration::from_secs(30), "{path}");
    }
    let late = server.get("/api/v1/log/count?key=k").await;
    let message = late.error(503, "unavailable");
    assert!(message.contains("longer than 30000 ms"), "{message}");
    let message = server
        .get("/api/v1/log/count?key=bug")
        .await
        .error(500, "internal");
    assert!(!message.contains("secret"), "{message}");
}

#[tokio::test]
async fn readiness_says_why_not() {
    let ready = memory_server().get("/-/ready").await;
    assert_eq!(
        (ready.status, &ready.body[..]),
        (StatusCode::OK, &b"OK"[..])
    );
    let answer = failing_server(Error::Fenced).get("/-/ready").await;
    assert_eq!(
        answer.error(503, "unavailable"),
        "the store is not reachable"
    );
    let alive = failing_server(Error::Fenced).get("/-/healthy").await;
    assert_eq!(
        (alive.status, &alive.body[..]),
        (StatusCode::OK, &b"OK"[..])
    );
}

#[tokio::test]
async fn metrics_are_rendered_as_prometheus_text() {
    let answer = memory_server().get("/metrics").await;
    assert_eq!(answer.body, "# metrics\n");
    assert_eq!(
        answer.header("content-type"),
        "text/plain; version=0.0.4; charset=utf-8"
    );
}

/// What is logged.
#[derive(Clone, Default)]
struct Log(Arc<parking_lot::Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn what_a_client_is_not_told_is_logged_with_its_request_id() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(move || writer.clone())
        .with_ansi(false)
        .finish();
    // For the whole process: with one for this thread alone, whether a line is wanted may be decided, once and for all, by
    // another thread that has none.
    tracing::subscriber::set_global_default(subscriber).expect("the only one of this process");
    let bug = Error::Internal {
        message: "while counting".into(),
        cause: cause(),
    };
    let request = get("/api/v1/log/count?key=k", &[("x-request-id", "r-42")]);
    failing_server(bug)
        .send(request)
        .await
        .error(500, "internal");
    let logged = String::from_utf8(log.0.lock().clone()).expect("UTF-8");
    let line = logged.lines().find(|line| line.contains("r-42"));
    let line = line.unwrap_or_else(|| panic!("no line with the request's id in {logged}"));
    for part in ["ERROR", "while counting", "secret"] {
        assert!(line.contains(part), "{part} in {line}");
    }
}
