//! `DELETE /api/v1/log/key`, and what readers and writers are told of it.

use futures::StreamExt;
use prost::Message;

use super::*;
use crate::http::proto::{CountResponse, DeleteKeyResponse, PROTOBUF, ScanResponse};

const KEY: &str = "/api/v1/log/key";

async fn protobuf<M: Message + Default>(server: &Server, uri: &str) -> M {
    let answer = server.send(get(uri, &[("accept", PROTOBUF)])).await;
    assert_eq!(answer.status, StatusCode::OK);
    M::decode(answer.body).expect("the message")
}

async fn deleted(server: &Server, query: &str) -> u64 {
    let answer = server.send(delete(&format!("{KEY}?{query}"), &[])).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    answer.json()["trimmedBefore"].as_u64().expect("a floor")
}

/// The keys that are listed, as base64.
async fn listed(server: &Server) -> Vec<String> {
    let keys = server.get("/api/v1/log/keys?limit=1000").await.json();
    let keys = keys["keys"].as_array().expect("keys").clone();
    let key = |listed: Json| listed["key"].as_str().expect("a key").to_owned();
    keys.into_iter().map(key).collect()
}

#[tokio::test]
async fn the_records_of_a_deleted_key_are_gone_and_its_readers_are_told_in_both_formats() {
    let server = memory_server();
    for value in ["0", "1"] {
        server.append("k", &[value]).await;
        server.append("other", &[value]).await;
    }
    // k: 0 and 2; other: 1 and 3.
    let answer = server.send(delete(&format!("{KEY}?key=k&before_seq=1"), &[]));
    assert_eq!(
        answer.await.line(),
        r#"{"status":"success","trimmedBefore":1}"#
    );
    let lower = delete(
        &format!("{KEY}?key_base64=aw==&before_seq=0"),
        &[("accept", PROTOBUF)],
    );
    let lower = DeleteKeyResponse::decode(server.send(lower).await.body).expect("the message");
    assert_eq!((&lower.status[..], lower.trimmed_before), ("success", 1));
    for (query, trimmed, records) in [
        ("key=k", Some(1), 1),
        ("key=k&start_seq=1", None, 1),
        ("key=k&end_seq=1", Some(1), 0),
        ("key=other", None, 2),
        ("key=none", None, 0),
    ] {
        let uri = format!("/api/v1/log/scan?{query}");
        let json = server.get(&uri).await.json();
        assert_eq!(json["trimmedBefore"].as_u64(), trimmed, "{query}");
        let page: ScanResponse = protobuf(&server, &uri).await;
        assert_eq!(page.trimmed_before, trimmed, "{query}");
        assert_eq!(page.values.len(), records, "{query}");
        let uri = format!("/api/v1/log/count?{query}");
        let json = server.get(&uri).await.json();
        assert_eq!(json["trimmedBefore"].as_u64(), trimmed, "{query}");
        let count: CountResponse = protobuf(&server, &uri).await;
        assert_eq!(count.trimmed_before, trimmed, "{query}");
        assert_eq!(count.count, records as u64, "{query}");
    }
    assert_eq!(listed(&server).await, ["aw==", "b3RoZXI="]);

    assert_eq!(deleted(&server, "key=k").await, 4, "all that it has");
    assert_eq!(listed(&server).await, ["b3RoZXI="]);
    let page: ScanResponse = protobuf(&server, "/api/v1/log/scan?key=k").await;
    assert_eq!((page.values.len(), page.trimmed_before), (0, Some(4)));
    assert_eq!(server.service.floor(), Sequence::ZERO, "of the log");
    // It can be written again, and what is new is not deleted.
    server.append("k", &["2"]).await;
    let page: ScanResponse = protobuf(&server, "/api/v1/log/scan?key=k").await;
    assert_eq!(page.values[0].sequence, 4);
    assert_eq!(listed(&server).await, ["aw==", "b3RoZXI="]);
    // The floor of the log is in force for the key, too.
    let trim = post("/api/v1/log/trim", &[]).body(r#"{"beforeSequence":5}"#);
    assert_eq!(server.send(trim).await.json()["trimmedBefore"], 5);
    assert_eq!(deleted(&server, "key=k&before_seq=3").await, 5);
}

#[tokio::test]
async fn a_key_is_named_as_everywhere_and_one_without_records_can_be_deleted() {
    let server = memory_server();
    let bytes = r#"{"records":[{"key":"/w==","value":""},{"keyText":"a b/ü","value":""}]}"#;
    assert_eq!(server.append_json(bytes).await.status, StatusCode::OK);
    assert_eq!(deleted(&server, "key=none").await, 2);
    for key in ["key_base64=%2Fw%3D%3D", "key_base64=_w"] {
        assert_eq!(deleted(&server, key).await, 2, "{key}");
        assert_eq!(listed(&server).await, ["YSBiL8O8"], "{key}");
    }
    assert_eq!(deleted(&server, "key=a+b%2F%C3%BC").await, 2);
    assert_eq!(listed(&server).await, [""; 0]);
}

#[tokio::test]
async fn a_deletion_that_is_not_clear_or_beyond_the_end_is_refused_and_deletes_nothing() {
    let server = memory_server();
    server.append("k", &["0", "1"]).await;
    for (query, says) in [
        ("", "key: missing (or key_base64)"),
        ("before_seq=1", "key: missing (or key_base64)"),
        ("key=", "key: "),
        ("key=k&key_base64=aw", "exclude each other"),
        ("key=k&key=k", "key: given more than once"),
        ("key_base64=%21", "key_base64: expected base64"),
        ("key=%ff", "key: not UTF-8"),
        (
            "key=k&before_seq=3",
            "the end of the log, 2: send at most 2",
        ),
        ("key=k&before_seq=18446744073709551615", "send at most 2"),
        (
            "key=k&before_seq=18446744073709551616",
            "before_seq: expected a number",
        ),
        ("key=k&before_seq=-1", "before_seq: expected a number"),
        ("key=k&before_seq=", "before_seq: expected a number"),
        ("key=k&before=1", "unknown query parameter"),
        ("key=k&beforeSeq=1", "did you mean before_seq?"),
    ] {
        let answer = server.send(delete(&format!("{KEY}?{query}"), &[])).await;
        let message = answer.error(400, "invalid_argument");
        assert!(message.contains(says), "{query}: {message}");
    }
    let long = format!("{KEY}?key={}", "k".repeat(10_000));
    let answer = server.send(delete(&long, &[])).await;
    answer.error(413, "too_large");
    let page: ScanResponse = protobuf(&server, "/api/v1/log/scan?key=k").await;
    assert_eq!((page.values.len(), page.trimmed_before), (2, None));
}

#[tokio::test]
async fn a_conflict_about_what_was_deleted_has_the_floor_of_the_key() {
    let server = memory_server();
    server.append("orders", &["0", "1"]).await;
    server.append("others", &["2"]).await;
    assert_eq!(deleted(&server, "key=orders").await, 3);
    let conditional = |key: &str, since: u64| {
        format!(
            r#"{{"records":[{{"keyText":"new","valueText":"v"}}],"preconditions":[{{"keyText":"{key}","noRecordSince":{since}}}]}}"#
        )
    };
    let answer = server.append_json(conditional("orders", 1)).await;
    answer.error(409, "conflict");
    let conflict = serde_json::json!({"key": "b3JkZXJz", "trimmedBefore": 3});
    assert_eq!(answer.json()["conflict"], conflict);
    for (key, since) in [("orders", 0), ("orders", 3), ("others", 3)] {
        let answer = server.append_json(conditional(key, since)).await;
        assert_eq!(answer.status, StatusCode::OK, "{key} {since}");
    }
}

#[tokio::test]
async fn a_stream_says_what_was_deleted_before_the_next_record() {
    let server = memory_server();
    let large = "v".repeat(60 << 10);
    server.append("k", &["0", "1"]).await;
    assert_eq!(deleted(&server, "key=k&before_seq=1").await, 1);
    for value in [&large[..], &large, "4"] {
        server.append("k", &[value]).await;
    }
    let response = server.response(get("/api/v1/log/stream?key=k", &[])).await;
    let mut chunks = Box::pin(response.into_body().into_bytes_stream());
    let mut next = async || {
        let chunk = chunks.next().await.expect("open").expect("a chunk");
        String::from_utf8(chunk.to_vec()).expect("UTF-8")
    };
    let first = next().await;
    let events: Vec<&str> = first.split_terminator("\n\n").collect();
    assert_eq!(events[0], "event: trimmed\ndata: {\"trimmedBefore\":1}");
    assert!(events[1].starts_with("id: 1\ndata: "), "{first}");
    // The client is slow, and the floor of the key overtakes it.
    assert_eq!(deleted(&server, "key=k&before_seq=4").await, 4);
    let rest = next().await;
    let events: Vec<&str> = rest.split_terminator("\n\n").collect();
    assert_eq!(events[0], "event: trimmed\ndata: {\"trimmedBefore\":4}");
    assert!(events[1].starts_with("id: 4\ndata: "), "{rest}");
    assert_eq!(events.len(), 2);
}

#[tokio::test]
async fn a_deletion_with_an_unknown_outcome_can_be_repeated() {
    let server = failing_server(Error::DeletionUnknown(
        "another writer took over".to_owned(),
    ));
    let message = server.send(delete(&format!("{KEY}?key=k"), &[])).await;
    let message = message.error(504, "deadline_exceeded");
    assert!(message.contains("send the deletion again"), "{message}");
}

#[tokio::test]
async fn only_the_right_admin_deletes_and_pages_of_allowed_origins_may_ask_for_it() {
    let open = memory_server();
    let options = HttpOptions::default();
    let service = Arc::clone(&open.service);
    let server = serve(service, options, Ready(Ok(())), Some(Arc::new(NamedRights)));
    open.append("k", &["0"]).await;
    let uri = format!("{KEY}?key=k");
    let refused = server.send(delete(&uri, &[])).await;
    refused.error(401, "unauthenticated");
    for right in ["read", "append"] {
        let token = format!("Bearer {right}");
        let refused = server
            .send(delete(&uri, &[("authorization", &token)]))
            .await;
        let message = refused.error(403, "permission_denied");
        assert!(message.contains("admin"), "{message}");
    }
    let keys: ScanResponse = protobuf(&open, "/api/v1/log/scan?key=k").await;
    assert_eq!(keys.values.len(), 1);
    let done = server.send(delete(&uri, &[("authorization", "Bearer admin")]));
    assert_eq!(done.await.status, StatusCode::OK);

    let preflight = [
        ("origin", "http://localhost"),
        ("access-control-request-method", "DELETE"),
    ];
    let preflight = request(Method::OPTIONS, KEY, &preflight).finish();
    let answer = server.send(preflight).await;
    assert_eq!(answer.header("access-control-allow-methods"), "DELETE");
    // A page of another origin cannot delete with the cookies or the network of its reader.
    let foreign = [("origin", "http://evil.example")];
    let refused = open.send(delete(&uri, &foreign)).await;
    refused.error(403, "permission_denied");
}
