//! What the document has about the messages in JSON that `log.proto` cannot say: which fields are required, their limits,
//! fields for text, and examples.

use log_domain::append::MAX_PRECONDITIONS;
use log_domain::cluster::partition::MAX_PARTITIONS;
use log_domain::cursor::{MAX_MOVES, MAX_NAME_BYTES};
use log_domain::headers::NAME_CHARACTERS;
use log_domain::selection::SELECTED_KEYS;
use poem_openapi::registry::MetaSchema;
use serde_json::{Value as Json, json};

/// What is added to the schema of a message.
pub(super) struct Supplement {
    /// Fields that a request must have, or that every response has. Bytes stay required although text can be sent in
    /// their place: text is for people and shells, and generated clients always have bytes.
    pub(super) required: &'static [&'static str],
    pub(super) texts: Vec<TextField>,
    /// Limits the field of this name.
    pub(super) limit: fn(&str, &mut MetaSchema),
    pub(super) example: Json,
}

/// A field for text in place of bytes.
pub(super) struct TextField {
    pub(super) name: &'static str,
    /// The field of bytes.
    pub(super) of: &'static str,
    pub(super) description: &'static str,
}

fn text(name: &'static str, of: &'static str, description: &'static str) -> TextField {
    TextField {
        name,
        of,
        description,
    }
}

/// The description of the same field in several responses.
const TEXT_OF_KEY: &str = "With `format=text`, in place of `key` if the key is text.";

/// What is added to the message of this name.
#[rustfmt::skip]
pub(super) fn of(message: &str) -> Supplement {
    match message {
        "Record" => with(
            &["key", "value"],
            vec![
                text("keyText", "key", "The key as text, in place of `key`; stored as UTF-8."),
                text("valueText", "value", "The value as text, in place of `value`; stored as UTF-8."),
            ],
            json!({"key": "b3JkZXJz", "value": "Zmlyc3Q="}),
        )
        .limited(key_of_one_byte_or_more),
        "Header" => with(
            &["name", "value"],
            vec![text(
                "valueText", "value",
                "The value as text, in place of `value`: in requests, and in responses with `format=text` if the value is text.",
            )],
            json!({"name": "content-type", "value": "dGV4dC9wbGFpbg=="}),
        )
        .limited(|field, schema| {
            if field == "name" {
                schema.min_length = Some(1);
                schema.max_length = Some(NAME_CHARACTERS);
                schema.pattern = Some(r"^[^\x00-\x1f\x7f-\x9f]+$".to_owned());
            }
        }),
        "AppendRequest" => with(
            &["records"],
            Vec::new(),
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
        .limited(|field, schema| match field {
            "records" => schema.min_items = Some(1),
            "preconditions" => schema.max_items = Some(MAX_PRECONDITIONS),
            "cursors" => schema.max_items = Some(MAX_MOVES),
            _ => {}
        }),
        "Precondition" => with(
            &["key", "noRecordSince"],
            vec![text("keyText", "key", "The key as text, in place of `key`.")],
            json!({"key": "b3JkZXJz", "noRecordSince": 0}),
        )
        .limited(key_of_one_byte_or_more),
        "Producer" => with(
            &["id"],
            Vec::new(),
            json!({"id": "0192f0c1-7d3a-7cc4-8f4e-5d1f0a9b3c21", "epoch": 0, "sequence": 0}),
        )
        .limited(|field, schema| {
            if field == "id" {
                schema.min_length = Some(1);
                schema.max_length = Some(128);
            }
        }),
        "CursorMove" => with(
            &["name", "position"],
            Vec::new(),
            json!({"name": "orders-projection", "position": 1, "expected": 0}),
        )
        .limited(|field, schema| {
            if field == "name" {
                schema.min_length = Some(1);
                schema.max_length = Some(MAX_NAME_BYTES);
            }
        }),
        "PutCursorRequest" => with(&["position"], Vec::new(), json!({"position": 1, "expected": 0})),
        "CursorResponse" => with(
            &["status", "name", "position", "updatedMs", "lag"],
            Vec::new(),
            json!({
                "status": "success",
                "name": "orders-projection",
                "position": 1,
                "updatedMs": 1_795_385_000_000_u64,
                "lag": 1
            }),
        ),
        "DeleteCursorResponse" => with(
            &["status"],
            Vec::new(),
            json!({"status": "success", "deleted": true}),
        ),
        "Cursor" => with(
            &["name", "position", "updatedMs", "lag"],
            Vec::new(),
            json!({"name": "orders-projection", "position": 1, "updatedMs": 1_795_385_000_000_u64, "lag": 1}),
        ),
        "CursorsResponse" => with(
            &["status", "cursors"],
            Vec::new(),
            json!({
                "status": "success",
                "cursors": [{"name": "orders-projection", "position": 1, "updatedMs": 1_795_385_000_000_u64, "lag": 1}]
            }),
        ),
        "AppendResponse" => with(
            &["status", "recordsAppended", "startSequence"],
            Vec::new(),
            json!({"status": "success", "recordsAppended": 2, "startSequence": 0}),
        ),
        "AppendPart" => with(&["partition", "outcome", "count"], Vec::new(), part()).limited(|field, schema| {
            if field == "outcome" {
                schema.enum_items = vec!["applied".into(), "refused".into(), "unknown".into()];
            }
        }),
        "TrimRequest" => with(&[], Vec::new(), json!({"beforeSequence": 1})).limited(|field, schema| {
            if field == "beforeTimeMs" {
                schema.minimum = Some(0.0);
            }
        }),
        "TrimResponse" => with(
            &["status", "trimmedBefore"],
            Vec::new(),
            json!({"status": "success", "trimmedBefore": 1}),
        ),
        "DeleteKeyResponse" => with(
            &["status", "trimmedBefore"],
            Vec::new(),
            json!({"status": "success", "trimmedBefore": 2}),
        ),
        "Value" => with(
            &["sequence", "value", "timestampMs"],
            vec![
                text("valueText", "value", "With `format=text`, in place of `value` if the value is text."),
                text("keyText", "key", TEXT_OF_KEY),
            ],
            json!({"sequence": 0, "value": "Zmlyc3Q=", "timestampMs": 1_795_385_000_000_u64}),
        ),
        "ScanRequest" => with(
            &[],
            vec![
                text("keyText", "key", "The key as text, in place of `key`."),
                text("keysText", "keys", "Keys as text, in addition to those in `keys`."),
                text("prefixText", "prefix", "The prefix as text, in place of `prefix`."),
            ],
            json!({"prefix": "b3JkZXJz"}),
        )
        .limited(|field, schema| match field {
            "key" => schema.min_length = Some(2),
            "keys" => schema.max_items = Some(SELECTED_KEYS),
            "limit" => schema.minimum = Some(1.0),
            "startTimeMs" => schema.minimum = Some(0.0),
            "visibility" => schema.enum_items = vec!["memory".into(), "durable".into()],
            "format" => schema.enum_items = vec!["base64".into(), "text".into()],
            "order" => schema.enum_items = vec!["sequence".into(), "none".into()],
            "positions" => schema.max_items = Some(MAX_PARTITIONS as usize),
            _ => {}
        }),
        "Position" => with(
            &["partition", "nextSequence"],
            Vec::new(),
            json!({"partition": 17, "nextSequence": 12}),
        ),
        "ScanResponse" => with(
            &["status", "key", "values", "nextSequence"],
            vec![text("keyText", "key", TEXT_OF_KEY)],
            json!({
                "status": "success",
                "key": "b3JkZXJz",
                "values": [{"sequence": 0, "value": "Zmlyc3Q=", "timestampMs": 1_795_385_000_000_u64}],
                "nextSequence": 1
            }),
        ),
        "Key" => with(
            &["key"],
            vec![text("keyText", "key", TEXT_OF_KEY)],
            json!({"key": "b3JkZXJz"}),
        ),
        "KeysResponse" => with(
            &["status", "keys"],
            vec![text(
                "nextStartAfterText", "nextStartAfter",
                "The `start_after` of the next page: with `format=text`, in place of `nextStartAfter` if the key is text.",
            )],
            json!({"status": "success", "keys": [{"key": "b3JkZXJz"}]}),
        ),
        "Segment" => with(
            &["id", "startSeq", "startTimeMs"],
            Vec::new(),
            json!({"id": 1, "startSeq": 0, "startTimeMs": 1_795_385_000_000_u64}),
        ),
        "SegmentsResponse" => with(
            &["status", "segments"],
            Vec::new(),
            json!({
                "status": "success",
                "segments": [{"id": 1, "startSeq": 0, "startTimeMs": 1_795_385_000_000_u64}]
            }),
        ),
        "ClusterResponse" => with(
            &["status", "partitions", "nodes"],
            Vec::new(),
            json!({"status": "success", "partitions": [partition()], "nodes": [node()]}),
        ),
        "ClusterPartition" => with(&["partition", "state"], Vec::new(), partition()).limited(|field, schema| {
            if field == "state" {
                schema.enum_items = vec!["serving".into(), "moving".into(), "unserved".into()];
            }
        }),
        "ClusterNode" => with(&["node", "url", "version"], Vec::new(), node()),
        "CountResponse" => with(
            &["status", "count"],
            Vec::new(),
            json!({"status": "success", "count": 2}),
        ),
        "ErrorResponse" => with(
            &["status", "message", "code"],
            Vec::new(),
            json!({
                "status": "error",
                "message": "limit must be at least 1",
                "code": "invalid_argument"
            }),
        ),
        "Conflict" => with(
            &["key"],
            Vec::new(),
            json!({"key": "b3JkZXJz", "lastSequence": 1}),
        ),
        other => unreachable!("{other} has no supplement: give it one"),
    }
}

fn part() -> Json {
    json!({"partition": 17, "outcome": "applied", "count": 2, "startSequence": 0})
}

fn partition() -> Json {
    json!({"partition": 0, "node": "log-0", "url": "http://log-0.log-nodes:8080", "state": "serving", "tip": 2, "durable": 2})
}

fn node() -> Json {
    json!({"node": "log-0", "url": "http://log-0.log-nodes:8080", "zone": "a", "version": "1.0.0", "alive": true})
}

fn with(required: &'static [&'static str], texts: Vec<TextField>, example: Json) -> Supplement {
    Supplement {
        required,
        texts,
        limit: |_, _| {},
        example,
    }
}

impl Supplement {
    fn limited(self, limit: fn(&str, &mut MetaSchema)) -> Self {
        Self { limit, ..self }
    }
}

fn key_of_one_byte_or_more(field: &str, schema: &mut MetaSchema) {
    if field == "key" {
        // One byte as base64 without padding.
        schema.min_length = Some(2);
    }
}
