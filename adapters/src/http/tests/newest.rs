//! `scan` with `last`.

use prost::Message;

use super::*;
use crate::http::proto;

/// The sequences of a page, and where the key continues.
async fn page<S: LogStore>(server: &Server<S>, query: &str) -> (Vec<u64>, u64) {
    let page = server.get(&format!("/api/v1/log/scan?{query}")).await;
    assert_eq!(page.status, StatusCode::OK, "{query}: {page:?}");
    let page = page.json();
    let values = page["values"].as_array().expect("values").iter();
    let sequences = values.map(|value| value["sequence"].as_u64().expect("a number"));
    (
        sequences.collect(),
        page["nextSequence"].as_u64().expect("a number"),
    )
}

#[tokio::test]
async fn the_last_records_come_in_order_with_the_position_of_a_follower() {
    let server = memory_server();
    assert_eq!(page(&server, "key=k&last=3").await, (vec![], 0));
    server.append("k", &["0", "1", "2"]).await;
    server.append("other", &["3", "4"]).await;
    server.append("k", &["5"]).await;
    server.append("other", &["6"]).await;
    for (query, sequences, next) in [
        ("key=k&last=1", vec![5], 7),
        ("key=k&last=3", vec![1, 2, 5], 7),
        ("key=k&last=100", vec![0, 1, 2, 5], 7),
        ("key=k&last=2&end_seq=5", vec![1, 2], 5),
        (
            "key=k&last=18446744073709551615&visibility=durable",
            vec![0, 1, 2, 5],
            7,
        ),
        ("key=k&last=2&start_time_ms=0", vec![2, 5], 7),
        ("key=k&last=2&start_time_ms=99999999999999", vec![], 7),
        // As generated clients send it, with every default.
        (
            "key=k&last=1&start_seq=0&limit=32&follow=false&timeout_ms=30000",
            vec![5],
            7,
        ),
    ] {
        assert_eq!(page(&server, query).await, (sequences, next), "{query}");
    }
    let answer = get(
        "/api/v1/log/scan?key=k&last=2",
        &[("accept", "application/protobuf")],
    );
    let answer = server.send(answer).await.body;
    let answer = proto::ScanResponse::decode(answer).expect("the message");
    let sequences: Vec<u64> = answer.values.iter().map(|value| value.sequence).collect();
    assert_eq!((sequences, answer.next_sequence), (vec![2, 5], 7));
}

#[tokio::test]
async fn the_last_records_are_limited_like_any_page_and_the_newest_come() {
    let limits = Limits {
        page_records: 3,
        page_bytes: 100,
        ..Limits::default()
    };
    let server = memory_server_with(limits, HttpOptions::default());
    server.append("k", &["0", "1", "2", "3"]).await;
    assert_eq!(page(&server, "key=k&last=50").await, (vec![1, 2, 3], 4));
    let long = "x".repeat(60);
    server.append("k", &[&long, &long]).await;
    assert_eq!(page(&server, "key=k&last=2").await, (vec![5], 6));
    server.append("k", &[&"x".repeat(200)]).await;
    assert_eq!(page(&server, "key=k&last=2").await, (vec![6], 7));
}

#[tokio::test]
async fn last_excludes_what_says_where_a_page_begins() {
    let server = memory_server();
    for (query, says) in [
        ("last=0", "last must be at least 1"),
        ("last=-1", "last: expected a number"),
        ("last=", "last: expected a number"),
        ("last=2&last=3", "last: given more than once"),
        ("last=2&start_seq=1", "last and start_seq exclude"),
        ("last=2&limit=3", "last and limit exclude"),
        ("last=2&follow=true", "last and follow exclude"),
        ("last=0&follow=true", "last and follow exclude"),
    ] {
        let uri = format!("/api/v1/log/scan?key=k&{query}");
        let message = server.get(&uri).await.error(400, "invalid_argument");
        assert!(message.contains(says), "{query}: {message}");
    }
    let answer = server.get("/api/v1/log/stream?key=k&last=1").await;
    let message = answer.error(400, "invalid_argument");
    assert!(message.contains("\"last\""), "{message}");
}
