//! Preconditions and producers over HTTP.

use prost::Message;
use serde_json::json;

use super::*;
use crate::http::proto;

fn append(body: &Json) -> Request {
    let json = [("content-type", "application/json")];
    post("/api/v1/log/append", &json).body(body.to_string())
}

fn record(value: &str) -> Json {
    json!({"keyText": "orders", "valueText": value})
}

fn from(id: &str, epoch: u64, sequence: u64, value: &str) -> Request {
    append(&json!({
        "records": [record(value)],
        "producer": {"id": id, "epoch": epoch, "sequence": sequence},
    }))
}

#[tokio::test]
async fn every_rejection_is_answered_as_the_document_shows() {
    let server = memory_server();
    for (sequence, expected) in (0..2).zip(0..) {
        let answer = server.send(from("a", 0, sequence, "v")).await.json();
        let applied = json!({"status": "success", "recordsAppended": 1, "startSequence": expected});
        assert_eq!(answer, applied);
    }
    let again = server.send(from("a", 0, 1, "v")).await.json();
    assert_eq!(
        (&again["duplicate"], &again["startSequence"]),
        (&json!(true), &json!(1))
    );
    let conflict = append(&json!({
        "records": [record("w")],
        "preconditions": [{"keyText": "orders", "noRecordSince": 0}],
    }));
    let moved = put("/api/v1/log/cursors/orders-projection", &[]).body(r#"{"position":1}"#);
    assert_eq!(server.send(moved).await.status, 200);
    let of_cursor = append(&json!({
        "records": [record("w")],
        "cursors": [{"name": "orders-projection", "position": 2, "expected": 0}],
    }));
    let found = [
        ("conflict", server.send(conflict).await),
        ("conflict_cursor", server.send(of_cursor).await),
        (
            "producer_out_of_order",
            server.send(from("a", 0, 3, "v")).await,
        ),
        (
            "producer_sequence_reused",
            server.send(from("a", 0, 1, "w")).await,
        ),
        ("producer_unknown", server.send(from("b", 0, 1, "v")).await),
    ];
    server.send(from("a", 1, 0, "v")).await.json();
    let fenced = server.send(from("a", 0, 2, "v")).await;
    for sequence in 0..7 {
        server.send(from("c", 0, sequence, "v")).await.json();
    }
    let late = [
        ("producer_fenced", fenced),
        (
            "producer_sequence_too_old",
            server.send(from("c", 0, 1, "v")).await,
        ),
    ];
    let document = server.get("/openapi.json").await.json();
    let responses = &document["paths"]["/api/v1/log/append"]["post"]["responses"];
    let examples = responses["409"]["content"]["application/json"]["examples"].clone();
    let mut answered = 0;
    for (code, answer) in found.into_iter().chain(late) {
        assert_eq!(answer.status, 409, "{code}");
        assert_eq!(answer.json(), examples[code]["value"], "{code}");
        answered += 1;
    }
    // The one about what was trimmed is in `trimming`, the one of a cluster in `cluster::split`.
    assert_eq!(
        examples.as_object().map(serde_json::Map::len),
        Some(answered + 2)
    );
    let count = server.get("/api/v1/log/count?key=orders").await.json();
    assert_eq!(count["count"], 2 + 1 + 7);
}

#[tokio::test]
async fn preconditions_and_producers_are_the_same_in_protobuf() {
    let server = memory_server();
    let request = |since, sequence| {
        let request = proto::AppendRequest {
            records: vec![proto::Record {
                key: Some("k".into()),
                value: Some("v".into()),
                headers: Vec::new(),
            }],
            preconditions: vec![proto::Precondition {
                key: "k".into(),
                no_record_since: since,
            }],
            producer: Some(proto::Producer {
                id: "p".into(),
                epoch: 7,
                sequence,
            }),
            await_durable: true,
            cursors: Vec::new(),
            ..Default::default()
        };
        let protobuf = "application/protobuf";
        let headers = [("content-type", protobuf), ("accept", protobuf)];
        post("/api/v1/log/append", &headers).body(request.encode_to_vec())
    };
    for duplicate in [false, true] {
        let answer = server.send(request(0, 0)).await;
        let answer = proto::AppendResponse::decode(answer.body).expect("an AppendResponse");
        assert_eq!((answer.start_sequence, answer.duplicate), (0, duplicate));
    }
    let refused = server.send(request(0, 1)).await;
    assert_eq!(refused.status, 409);
    let refused = proto::ErrorResponse::decode(refused.body).expect("an ErrorResponse");
    let conflict = refused.conflict.expect("a conflict");
    assert_eq!(
        (refused.code.as_str(), conflict.key.as_ref()),
        ("conflict", &b"k"[..])
    );
    assert_eq!(conflict.last_sequence, Some(0));
    let ahead = server.send(request(1, 5)).await;
    let ahead = proto::ErrorResponse::decode(ahead.body).expect("an ErrorResponse");
    assert_eq!(ahead.expected_sequence, Some(1));
}

#[tokio::test]
async fn what_is_wrong_with_a_condition_is_told() {
    let server = memory_server();
    let too_many: Vec<Json> = (0..1_001)
        .map(|_| json!({"keyText": "k", "noRecordSince": 0}))
        .collect();
    let many_bytes = "p".repeat(129);
    for (field, value, status, says) in [
        (
            "preconditions",
            json!([{"noRecordSince": 1}]),
            400,
            "precondition[0]: key is missing",
        ),
        (
            "preconditions",
            json!([{"keyText": "k"}]),
            400,
            "precondition[0]: noRecordSince is missing",
        ),
        (
            "preconditions",
            json!([{"keyText": "", "noRecordSince": 1}]),
            400,
            "precondition[0]: a key must have at least one byte",
        ),
        (
            "preconditions",
            json!([{"keyText": "k", "noRecordSince": -1}]),
            400,
            "noRecordSince must be a whole number",
        ),
        (
            "preconditions",
            json!([{"keyText": "k", "noRecordSince": 1.5}]),
            400,
            "noRecordSince must be a whole number",
        ),
        (
            "preconditions",
            json!([{"keyText": "k", "noRecordSinc": 1}]),
            400,
            "noRecordSince",
        ),
        ("preconditions", json!({}), 400, "a list of preconditions"),
        (
            "preconditions",
            json!(too_many),
            413,
            "number of preconditions is 1001, over the limit of 1000",
        ),
        ("producer", json!({}), 400, "producer.id is missing"),
        ("producer", json!({"id": ""}), 400, "producer.id is empty"),
        (
            "producer",
            json!({"id": 7}),
            400,
            "producer.id must be a string",
        ),
        (
            "producer",
            json!({"id": many_bytes}),
            413,
            "producer.id in bytes is 129, over the limit of 128",
        ),
        (
            "producer",
            json!({"id": "p", "sequence": "x"}),
            400,
            "producer.sequence must be a whole number",
        ),
        (
            "producer",
            json!({"id": "p", "sequence": u64::MAX}),
            400,
            "producer.sequence must be below",
        ),
        (
            "producer",
            json!({"id": "p", "sequense": 1}),
            400,
            "sequence",
        ),
        ("producer", json!("p"), 400, "as `producer`"),
    ] {
        let mut body = json!({"records": [record("v")]});
        body[field] = value.clone();
        let answer = server.send(append(&body)).await;
        assert_eq!(answer.status, status, "{value}");
        let message = answer.json()["message"].clone();
        assert!(
            message
                .as_str()
                .is_some_and(|message| message.contains(says)),
            "{value}: {message}"
        );
    }
    // Numbers may be in quotes, and null counts as absent.
    for body in [
        json!({"records": [record("v")], "preconditions": null, "producer": null}),
        json!({"records": [record("v")], "producer": {"id": "p", "epoch": "3", "sequence": null}}),
        json!({"records": [record("v")], "preconditions": [{"keyText": "new", "noRecordSince": "0"}]}),
    ] {
        assert_eq!(server.send(append(&body)).await.status, 200, "{body}");
    }
}
