//! Read-only servers: what they refuse; and reads that wait for what a client knows.

use prost::Message;

use super::*;
use crate::http::proto;

fn read_only() -> Server {
    let options = HttpOptions {
        read_only: true,
        ..HttpOptions::default()
    };
    memory_server_with(Limits::default(), options)
}

#[tokio::test]
async fn what_would_change_the_log_is_refused_before_its_body_is_read() {
    let server = read_only();
    for request in [
        post("/api/v1/log/append", &[]).body("{ this is no JSON"),
        post("/api/v1/log/trim", &[]).body("neither"),
        delete("/api/v1/log/key", &[]),
        put("/api/v1/log/cursors/c", &[]).body(""),
        delete("/api/v1/log/cursors/c", &[]),
    ] {
        let answer = server.send(request).await;
        let message = answer.error(421, "not_writer");
        assert!(
            message.contains("the server that writes this log"),
            "{message}"
        );
    }
    // A method that the route does not have gets 405, as on a writer.
    let wrong = server.get("/api/v1/log/append").await;
    assert_eq!(wrong.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn reads_are_answered_and_say_how_far_the_log_is_shown() {
    let server = read_only();
    for (read, status) in [
        ("scan?key=k", 200),
        ("scan?prefix=", 200),
        ("keys", 200),
        ("segments", 200),
        ("count?key=k", 200),
        ("cursors", 200),
        ("cursors/c", 404),
        ("stream?key=k&end_seq=0", 200),
        ("scan?key=k&limit=0", 400),
    ] {
        let answer = server
            .response(get(&format!("/api/v1/log/{read}"), &[]))
            .await;
        assert_eq!(answer.status().as_u16(), status, "{read}");
        assert_eq!(answer.headers()["log-durable-sequence"], "0", "{read}");
    }
    let server = memory_server();
    server.append("k", &["0", "1"]).await;
    let answer = server.get("/api/v1/log/scan?key=k").await;
    assert_eq!(answer.header("log-durable-sequence"), "2");
    let other = server.get("/openapi.json").await;
    assert!(!other.headers.contains_key("log-durable-sequence"));
}

#[tokio::test(start_paused = true)]
async fn a_read_that_waits_in_vain_is_told_how_far_the_server_is() {
    let server = memory_server();
    server.append("k", &["0", "1"]).await;
    for (read, waited) in [
        ("scan?key=k&at_least=3&timeout_ms=700", "700 ms"),
        ("scan?key=k&at_least=3&timeout_ms=0", "0 ms"),
        ("count?key=k&at_least=3", "30000 ms"),
        ("keys?at_least=3", "30000 ms"),
        ("stream?key=k&at_least=3", "30000 ms"),
    ] {
        let answer = server.get(&format!("/api/v1/log/{read}")).await;
        let message = answer.error(503, "behind");
        assert!(
            message.contains(waited) && message.contains("sequence 2"),
            "{message}"
        );
        assert_eq!(answer.header("retry-after"), "1");
        assert_eq!(answer.header("log-durable-sequence"), "2");
    }
    let reached = server
        .get("/api/v1/log/scan?key=k&at_least=2&timeout_ms=0")
        .await;
    assert_eq!(reached.status, StatusCode::OK, "{reached:?}");
}

#[tokio::test(start_paused = true)]
async fn a_read_waits_until_the_server_shows_what_it_requires() {
    let server = Arc::new(memory_server());
    server.append("k", &["0"]).await;
    let request = proto::ScanRequest {
        key: Some("k".into()),
        at_least: Some(3),
        ..proto::ScanRequest::default()
    };
    let json = post("/api/v1/log/scan", &[]).body(r#"{"keyText": "k", "atLeast": 3}"#);
    let sent = [("content-type", "application/protobuf")];
    let protobuf = post("/api/v1/log/scan", &sent).body(request.encode_to_vec());
    let reads = [
        get("/api/v1/log/scan?key=k&at_least=3", &[]),
        get("/api/v1/log/scan?key=k&at_least=3&visibility=durable", &[]),
        get("/api/v1/log/count?key=k&at_least=3", &[]),
        get("/api/v1/log/keys?at_least=3", &[]),
        json,
        protobuf,
    ];
    let reads = reads.map(|read| {
        let server = Arc::clone(&server);
        tokio::spawn(async move { server.send(read).await })
    });
    tokio::time::sleep(Duration::from_secs(5)).await;
    server.append("other", &["1"]).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(reads.iter().all(|read| !read.is_finished()));
    assert_eq!(
        server.service.followers(),
        0,
        "they are not followers of a key"
    );
    server.append("other", &["2"]).await;
    for read in reads {
        let answer = read.await.expect("no panic");
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        assert_eq!(answer.header("log-durable-sequence"), "3");
    }
}
