//! The messages as the OpenAPI document describes them.

use log_domain::append::MAX_PRECONDITIONS;
use poem_openapi::registry::{MetaMediaType, MetaSchema, MetaSchemaRef, Registry};
use serde_json::{Value as Json, json};

use crate::http::wire::proto::{
    AppendRequest, AppendResponse, Conflict, CountResponse, ErrorResponse, Key, KeysResponse,
    Precondition, Producer, Record, ScanResponse, Segment, SegmentsResponse, Value,
};
use header::headers;

mod conditions;
mod header;

/// A message with a schema of its own.
pub(in crate::http) trait Described: Send + Sync + 'static {
    /// Its name in the document.
    const NAME: &'static str;

    /// Its schema. Messages inside it are registered on the way.
    fn schema(registry: &mut Registry) -> MetaSchema;
}

/// Puts `M` into the document.
pub(in crate::http) fn register<M: Described>(registry: &mut Registry) {
    registry.create_schema::<M, _>(M::NAME.to_owned(), M::schema);
}

/// `M` as the content of a body, in both formats.
pub(in crate::http) fn in_both_formats<M: Described>() -> Vec<MetaMediaType> {
    let media_type = |content_type, schema| MetaMediaType {
        content_type,
        schema,
    };
    let binary = MetaSchema {
        description: Some("The message of this name in openapi/log.proto."),
        title: Some(M::NAME.to_owned()),
        ..MetaSchema::new_with_format("string", "binary")
    };
    vec![
        media_type("application/json", reference::<M>()),
        media_type(
            "application/protobuf",
            MetaSchemaRef::Inline(Box::new(binary)),
        ),
    ]
}

pub(in crate::http) fn reference<M: Described>() -> MetaSchemaRef {
    MetaSchemaRef::Reference(M::NAME.to_owned())
}

type Field = (&'static str, MetaSchemaRef);

fn object(
    description: &'static str,
    required: &[&'static str],
    fields: impl IntoIterator<Item = Field>,
    example: Json,
) -> MetaSchema {
    MetaSchema {
        description: Some(description),
        required: required.to_vec(),
        properties: fields.into_iter().collect(),
        example: Some(example),
        ..MetaSchema::new("object")
    }
}

fn field(name: &'static str, schema: MetaSchema, description: &'static str) -> Field {
    let schema = MetaSchema {
        description: Some(description),
        ..schema
    };
    (name, MetaSchemaRef::Inline(Box::new(schema)))
}

fn base64() -> MetaSchema {
    MetaSchema::new_with_format("string", "byte")
}

/// Text in place of another field. That field stays required in the document: text is for people and shells, and the
/// clients that are made of the document always have bytes.
fn as_text(name: &'static str, description: &'static str) -> Field {
    field(name, MetaSchema::new("string"), description)
}

fn one_byte_or_more() -> MetaSchema {
    MetaSchema {
        // One byte without padding.
        min_length: Some(2),
        ..base64()
    }
}

/// Generators know `int64` and not `uint64`, and take a format that they do not know for 32 bits. No sequence and no
/// count comes near the end of it.
pub(in crate::http) fn unsigned_64() -> MetaSchema {
    MetaSchema {
        minimum: Some(0.0),
        ..MetaSchema::new_with_format("integer", "int64")
    }
}

pub(in crate::http) fn unsigned_32() -> MetaSchema {
    MetaSchema {
        maximum: Some(f64::from(u32::MAX)),
        ..unsigned_64()
    }
}

pub(in crate::http) fn unix_ms() -> MetaSchema {
    MetaSchema::new_with_format("integer", "int64")
}

fn list_of<M: Described>(registry: &mut Registry) -> MetaSchema {
    register::<M>(registry);
    MetaSchema {
        items: Some(Box::new(reference::<M>())),
        ..MetaSchema::new("array")
    }
}

fn status(value: &'static str) -> Field {
    let schema = MetaSchema {
        enum_items: vec![value.into()],
        ..MetaSchema::new("string")
    };
    field("status", schema, "Which kind of answer this is.")
}

/// One of the events that a stream is made of.
pub(in crate::http) fn event() -> MetaSchemaRef {
    let text = || MetaSchema::new("string");
    let event = MetaSchema {
        enum_items: vec!["message".into(), "error".into()],
        default: Some("message".into()),
        ..text()
    };
    let schema = object(
        "One event of the stream.",
        &["data"],
        [
            field("id", text(), "The record's sequence, for Last-Event-ID."),
            field(
                "event",
                event,
                "Not sent for records; `error` is the last event.",
            ),
            field(
                "data",
                text(),
                "A `Value` as JSON; for an `error`, an `ErrorResponse`.",
            ),
        ],
        json!({
            "id": "0",
            "data": "{\"sequence\":0,\"value\":\"Zmlyc3Q=\",\"timestampMs\":1795385000000}"
        }),
    );
    MetaSchemaRef::Inline(Box::new(schema))
}

impl Described for Record {
    const NAME: &'static str = "Record";

    fn schema(registry: &mut Registry) -> MetaSchema {
        object(
            "One record to append: exactly one of `key` and `keyText`, and exactly one of `value` and `valueText`. \
             Unknown fields are refused.",
            &["key", "value"],
            [
                field(
                    "key",
                    one_byte_or_more(),
                    "The stream it goes to; 1 B to 8 KiB (by default) before it is base64.",
                ),
                field(
                    "value",
                    base64(),
                    "What it says; up to 8 MiB (by default) before it is base64. An empty value is a value; a missing one is \
                     an error.",
                ),
                as_text(
                    "keyText",
                    "The key as text, in place of `key`; stored as UTF-8.",
                ),
                as_text(
                    "valueText",
                    "The value as text, in place of `value`; stored as UTF-8.",
                ),
                headers(
                    registry,
                    "What it carries beside the value. Up to 64, and 8 KiB of names and values together (by default).",
                ),
            ],
            json!({"key": "b3JkZXJz", "value": "Zmlyc3Q="}),
        )
    }
}

impl Described for AppendRequest {
    const NAME: &'static str = "AppendRequest";

    fn schema(registry: &mut Registry) -> MetaSchema {
        let records = MetaSchema {
            min_items: Some(1),
            ..list_of::<Record>(registry)
        };
        let preconditions = MetaSchema {
            max_items: Some(MAX_PRECONDITIONS),
            ..list_of::<Precondition>(registry)
        };
        register::<Producer>(registry);
        let durable = MetaSchema {
            default: Some(false.into()),
            ..MetaSchema::new("boolean")
        };
        object(
            "Records to append, whole or not at all. Unknown fields are refused.",
            &["records"],
            [
                field(
                    "records",
                    records,
                    "They get consecutive sequences in this order.",
                ),
                field(
                    "awaitDurable",
                    durable,
                    "Answer only once the records are on object storage.",
                ),
                field(
                    "preconditions",
                    preconditions,
                    "The records are applied only if all of these hold, up to 1,000.",
                ),
                ("producer", reference::<Producer>()),
            ],
            json!({
                "records": [
                    {"key": "b3JkZXJz", "value": "Zmlyc3Q="},
                    {
                        "key": "b3JkZXJz",
                        "value": "c2Vjb25k",
                        "headers": [{"name": "content-type", "value": "dGV4dC9wbGFpbg=="}]
                    }
                ],
                "awaitDurable": true
            }),
        )
    }
}

impl Described for AppendResponse {
    const NAME: &'static str = "AppendResponse";

    fn schema(_registry: &mut Registry) -> MetaSchema {
        object(
            "The sequences startSequence .. startSequence + recordsAppended were given to the records.",
            &["status", "recordsAppended", "startSequence"],
            [
                status("success"),
                field(
                    "recordsAppended",
                    MetaSchema::new_with_format("integer", "int32"),
                    "How many records were appended: all of them.",
                ),
                field(
                    "startSequence",
                    unsigned_64(),
                    "Sequence of the first record.",
                ),
                field(
                    "duplicate",
                    MetaSchema {
                        default: Some(false.into()),
                        ..MetaSchema::new("boolean")
                    },
                    "Whether this is the answer to an earlier request of the producer with the same sequence: nothing was \
                     applied now. Absent if not.",
                ),
            ],
            json!({"status": "success", "recordsAppended": 2, "startSequence": 0}),
        )
    }
}

impl Described for Value {
    const NAME: &'static str = "Value";

    fn schema(registry: &mut Registry) -> MetaSchema {
        object(
            "One record as it is read.",
            &["sequence", "value", "timestampMs"],
            [
                field(
                    "sequence",
                    unsigned_64(),
                    "Its place in the log: one counter for all keys.",
                ),
                field("value", base64(), "What it says."),
                as_text(
                    "valueText",
                    "With `format=text`, in place of `value`, if it is text.",
                ),
                field(
                    "timestampMs",
                    unix_ms(),
                    "When it was appended, in milliseconds since the Unix epoch.",
                ),
                headers(
                    registry,
                    "What was appended with it beside the value; absent if nothing was.",
                ),
            ],
            json!({"sequence": 0, "value": "Zmlyc3Q=", "timestampMs": 1_795_385_000_000_u64}),
        )
    }
}

impl Described for ScanResponse {
    const NAME: &'static str = "ScanResponse";

    fn schema(registry: &mut Registry) -> MetaSchema {
        object(
            "One page of a key.",
            &["status", "key", "values", "nextSequence"],
            [
                status("success"),
                field("key", base64(), "The key that was asked for."),
                as_text(
                    "keyText",
                    "With `format=text`, in place of `key`, if it is text.",
                ),
                field(
                    "values",
                    list_of::<Value>(registry),
                    "Its records, in order.",
                ),
                field(
                    "nextSequence",
                    unsigned_64(),
                    "The start_seq to go on with. It also moves past ranges where the key has nothing.",
                ),
            ],
            json!({
                "status": "success",
                "key": "b3JkZXJz",
                "values": [{"sequence": 0, "value": "Zmlyc3Q=", "timestampMs": 1_795_385_000_000_u64}],
                "nextSequence": 1
            }),
        )
    }
}

impl Described for Key {
    const NAME: &'static str = "Key";

    fn schema(_registry: &mut Registry) -> MetaSchema {
        object(
            "One key.",
            &["key"],
            [
                field("key", base64(), "Its bytes."),
                as_text(
                    "keyText",
                    "With `format=text`, in place of `key`, if it is text.",
                ),
            ],
            json!({"key": "b3JkZXJz"}),
        )
    }
}

impl Described for KeysResponse {
    const NAME: &'static str = "KeysResponse";

    fn schema(registry: &mut Registry) -> MetaSchema {
        object(
            "One page of the distinct keys.",
            &["status", "keys"],
            [
                status("success"),
                field("keys", list_of::<Key>(registry), "In byte order."),
                field(
                    "nextStartAfter",
                    base64(),
                    "The start_after_base64 to go on with; absent when there are no more keys.",
                ),
                as_text(
                    "nextStartAfterText",
                    "The start_after to go on with: with `format=text`, in place of `nextStartAfter`, if it is text.",
                ),
            ],
            json!({"status": "success", "keys": [{"key": "b3JkZXJz"}]}),
        )
    }
}

impl Described for Segment {
    const NAME: &'static str = "Segment";

    fn schema(_registry: &mut Registry) -> MetaSchema {
        object(
            "A window of the log, across all keys. It ends where the next one starts.",
            &["id", "startSeq", "startTimeMs"],
            [
                field("id", unsigned_32(), "Its number."),
                field(
                    "startSeq",
                    unsigned_64(),
                    "The first sequence that can be in it.",
                ),
                field(
                    "startTimeMs",
                    unix_ms(),
                    "When it began, in milliseconds since the Unix epoch.",
                ),
            ],
            json!({"id": 1, "startSeq": 0, "startTimeMs": 1_795_385_000_000_u64}),
        )
    }
}

impl Described for SegmentsResponse {
    const NAME: &'static str = "SegmentsResponse";

    fn schema(registry: &mut Registry) -> MetaSchema {
        object(
            "The segments that overlap a range.",
            &["status", "segments"],
            [
                status("success"),
                field("segments", list_of::<Segment>(registry), "In order."),
            ],
            json!({
                "status": "success",
                "segments": [{"id": 1, "startSeq": 0, "startTimeMs": 1_795_385_000_000_u64}]
            }),
        )
    }
}

impl Described for CountResponse {
    const NAME: &'static str = "CountResponse";

    fn schema(_registry: &mut Registry) -> MetaSchema {
        object(
            "How many records of a key there are.",
            &["status", "count"],
            [
                status("success"),
                field("count", unsigned_64(), "Exactly how many."),
            ],
            json!({"status": "success", "count": 2}),
        )
    }
}

impl Described for ErrorResponse {
    const NAME: &'static str = "ErrorResponse";

    fn schema(registry: &mut Registry) -> MetaSchema {
        register::<Conflict>(registry);
        object(
            "Why something was not done.",
            &["status", "message", "code"],
            [
                status("error"),
                field(
                    "message",
                    MetaSchema::new("string"),
                    "What went wrong, for people.",
                ),
                field(
                    "code",
                    MetaSchema::new("string"),
                    "What went wrong, for programs: invalid_argument, unauthenticated, permission_denied, not_found, method_not_allowed, too_large, \
                     unsupported_media_type, conflict, producer_out_of_order, producer_sequence_too_old, producer_sequence_reused, \
                     producer_fenced, producer_unknown, overloaded, unavailable, fenced, deadline_exceeded or internal.",
                ),
                ("conflict", reference::<Conflict>()),
                field(
                    "expectedSequence",
                    unsigned_64(),
                    "With code producer_out_of_order: the sequence of the request that is applied next.",
                ),
            ],
            json!({
                "status": "error",
                "message": "limit must be at least 1",
                "code": "invalid_argument"
            }),
        )
    }
}
