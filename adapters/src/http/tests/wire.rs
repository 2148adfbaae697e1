//! The bytes on the wire, which must never change.

use prost::Message;

use crate::http::proto::*;

/// Asserts that `message` is `golden` on the wire, both ways.
fn golden<M: Message + Default + PartialEq + std::fmt::Debug>(message: &M, golden: &[u8]) {
    assert_eq!(message.encode_to_vec(), golden);
    assert_eq!(&M::decode(golden).expect("decodes"), message);
}

fn header(name: &str, value: &'static str) -> Header {
    Header {
        name: Some(name.to_owned()),
        value: Some(value.into()),
    }
}

#[test]
fn messages_have_the_bytes_that_log_proto_says() {
    let part = AppendPart {
        partition: 1,
        outcome: "o".into(),
        count: 2,
        start_sequence: Some(0),
        code: Some("c".into()),
        message: Some("m".into()),
        conflict: Some(Conflict {
            key: "k".into(),
            ..Conflict::default()
        }),
    };
    golden(
        &AppendRequest {
            records: vec![
                Record {
                    key: Some("k".into()),
                    value: Some("v".into()),
                    headers: vec![header("h", "w"), header("h", "")],
                },
                Record {
                    key: Some("k".into()),
                    value: Some("".into()),
                    headers: Vec::new(),
                },
            ],
            await_durable: true,
            ..AppendRequest::default()
        },
        b"\x0a\x15\x0a\x01k\x12\x01v\x1a\x06\x0a\x01h\x12\x01w\x1a\x05\x0a\x01h\x12\x00\x0a\x05\x0a\x01k\x12\x00\x10\x01",
    );
    golden(
        &Record {
            key: None,
            value: None,
            headers: Vec::new(),
        },
        b"",
    );
    golden(
        &AppendResponse {
            status: SUCCESS.into(),
            records_appended: 2,
            start_sequence: 300,
            duplicate: true,
            parts: vec![part.clone()],
        },
        b"\x0a\x07success\x10\x02\x18\xac\x02\x20\x01\x2a\x14\x08\x01\x12\x01o\x18\x02\x20\x00\x2a\x01c\x32\x01m\x3a\x03\x0a\x01k",
    );
    golden(
        &AppendRequest {
            atomic: Some(false),
            ..AppendRequest::default()
        },
        b"\x30\x00",
    );
    golden(
        &AppendRequest {
            preconditions: vec![Precondition {
                key: "k".into(),
                no_record_since: 300,
            }],
            producer: Some(Producer {
                id: "p".into(),
                epoch: 1,
                sequence: 2,
            }),
            ..AppendRequest::default()
        },
        b"\x1a\x06\x0a\x01k\x10\xac\x02\x22\x07\x0a\x01p\x10\x01\x18\x02",
    );
    let moved = CursorMove {
        name: "c".into(),
        position: 300,
        expected: Some(0),
    };
    golden(
        &AppendRequest {
            cursors: vec![moved],
            ..AppendRequest::default()
        },
        b"\x2a\x08\x0a\x01c\x10\xac\x02\x18\x00",
    );
    golden(
        &PutCursorRequest {
            position: Some(0),
            expected: Some(1),
        },
        b"\x08\x00\x10\x01",
    );
    golden(
        &CursorResponse {
            status: SUCCESS.into(),
            name: "c".into(),
            position: 1,
            updated_ms: 2,
            lag: 3,
        },
        b"\x0a\x07success\x12\x01c\x18\x01\x20\x02\x28\x03",
    );
    golden(
        &CursorsResponse {
            status: SUCCESS.into(),
            cursors: vec![Cursor {
                name: "c".into(),
                position: 1,
                updated_ms: 2,
                lag: 3,
            }],
            next_start_after: Some("c".into()),
        },
        b"\x0a\x07success\x12\x09\x0a\x01c\x10\x01\x18\x02\x20\x03\x1a\x01c",
    );
    golden(
        &DeleteCursorResponse {
            status: SUCCESS.into(),
            deleted: true,
        },
        b"\x0a\x07success\x10\x01",
    );
    let value = Value {
        sequence: 1,
        value: "v".into(),
        timestamp_ms: 2,
        headers: vec![header("h", "w")],
        key: Some("z".into()),
    };
    let position = Position {
        partition: 1,
        next_sequence: 300,
        trimmed_before: Some(0),
    };
    golden(
        &ScanRequest {
            key: Some("k".into()),
            keys: vec!["a".into(), "b".into()],
            prefix: Some("".into()),
            start_seq: Some(1),
            end_seq: Some(2),
            limit: Some(3),
            follow: Some(true),
            timeout_ms: Some(4),
            start_time_ms: Some(5),
            visibility: Some("v".into()),
            format: Some("f".into()),
            cursor: Some("c".into()),
            last: Some(6),
            at_least: Some(7),
            order: Some("o".into()),
            positions: vec![position],
        },
        b"\x0a\x01k\x12\x01a\x12\x01b\x1a\x00\x20\x01\x28\x02\x30\x03\x38\x01\x40\x04\x48\x05\x52\x01v\x5a\x01f\x62\x01c\x68\x06\x70\x07\x7a\x01o\x82\x01\x07\x08\x01\x10\xac\x02\x18\x00",
    );
    golden(
        &ScanResponse {
            status: SUCCESS.into(),
            key: "k".into(),
            values: vec![value],
            next_sequence: 2,
            trimmed_before: Some(2),
            more: true,
            positions: vec![position],
        },
        b"\x0a\x07success\x12\x01k\x1a\x12\x08\x01\x12\x01v\x18\x02\x22\x06\x0a\x01h\x12\x01w\x2a\x01z\x20\x02\x28\x02\x30\x01\x3a\x07\x08\x01\x10\xac\x02\x18\x00",
    );
    golden(
        &KeysResponse {
            status: SUCCESS.into(),
            keys: vec![Key { key: "k".into() }],
            next_start_after: Some("k".into()),
        },
        b"\x0a\x07success\x12\x03\x0a\x01k\x1a\x01k",
    );
    golden(
        &SegmentsResponse {
            status: SUCCESS.into(),
            segments: vec![Segment {
                id: 1,
                start_seq: 2,
                start_time_ms: 3,
            }],
        },
        b"\x0a\x07success\x12\x06\x08\x01\x10\x02\x18\x03",
    );
    golden(
        &CountResponse {
            status: SUCCESS.into(),
            count: 5,
            trimmed_before: Some(0),
        },
        b"\x0a\x07success\x10\x05\x18\x00",
    );
    golden(
        &TrimRequest {
            before_sequence: Some(0),
            before_time_ms: Some(1),
        },
        b"\x08\x00\x10\x01",
    );
    golden(
        &TrimResponse {
            status: SUCCESS.into(),
            trimmed_before: 3,
        },
        b"\x0a\x07success\x10\x03",
    );
    golden(
        &DeleteKeyResponse {
            status: SUCCESS.into(),
            trimmed_before: 4,
        },
        b"\x0a\x07success\x10\x04",
    );
    golden(
        &ErrorResponse {
            status: ERROR.into(),
            message: "m".into(),
            code: "c".into(),
            conflict: Some(Conflict {
                key: "k".into(),
                last_sequence: Some(0),
                trimmed_before: Some(4),
                cursor: Some("c".into()),
                position: Some(5),
            }),
            expected_sequence: Some(0),
            parts: vec![part],
        },
        b"\x0a\x05error\x12\x01m\x1a\x01c\x22\x0c\x0a\x01k\x10\x00\x18\x04\x22\x01c\x28\x05\x28\x00\x32\x14\x08\x01\x12\x01o\x18\x02\x20\x00\x2a\x01c\x32\x01m\x3a\x03\x0a\x01k",
    );
}

#[test]
fn log_proto_has_every_field_with_its_number() {
    let proto = include_str!("../../../../openapi/log.proto");
    for declared in [
        "repeated Precondition preconditions = 3;",
        "repeated CursorMove cursors = 5;",
        "optional uint64 expected = 3;",
        "optional string cursor = 4;",
        "optional uint64 position = 5;",
        "Producer producer = 4;",
        "uint64 no_record_since = 2;",
        "string id = 1;",
        "uint64 epoch = 2;",
        "uint64 sequence = 3;",
        "bool duplicate = 4;",
        "Conflict conflict = 4;",
        "optional uint64 expected_sequence = 5;",
        "optional uint64 last_sequence = 2;",
        "optional bytes key = 1;",
        "optional bytes value = 2;",
        "repeated Header headers = 3;",
        "optional string name = 1;",
        "repeated Header headers = 4;",
        "repeated Record records = 1;",
        "bool await_durable = 2;",
        "int32 records_appended = 2;",
        "uint64 start_sequence = 3;",
        "uint64 sequence = 1;",
        "bytes value = 2;",
        "int64 timestamp_ms = 3;",
        "repeated Value values = 3;",
        "uint64 next_sequence = 4;",
        "repeated Key keys = 2;",
        "optional bytes next_start_after = 3;",
        "uint32 id = 1;",
        "uint64 start_seq = 2;",
        "int64 start_time_ms = 3;",
        "repeated Segment segments = 2;",
        "uint64 count = 2;",
        "string message = 2;",
        "string code = 3;",
    ] {
        assert!(proto.contains(&format!("  {declared}\n")), "{declared}");
    }
}
