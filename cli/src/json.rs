//! Answers as JSON, an object a line, with the names of the API. Bytes are base64.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use opendata_log::{Cursor, Header, Segment, SequencedRecord};
use serde::Serialize;

/// Appends a record and a newline to `line`; `key` is that of a read of one key, `partition` that of a read of several.
pub(crate) fn push_record(
    record: &SequencedRecord,
    key: &Bytes,
    partition: Option<u32>,
    line: &mut String,
) {
    let key = record.key.as_ref().unwrap_or(key);
    line.push_str("{\"sequence\":");
    line.push_str(&record.sequence.to_string());
    line.push_str(",\"key\":\"");
    STANDARD.encode_string(key, line);
    line.push_str("\",\"value\":\"");
    STANDARD.encode_string(&record.value, line);
    line.push_str("\",\"timestampMs\":");
    line.push_str(&record.timestamp_ms.to_string());
    if let Some(partition) = partition {
        line.push_str(",\"partition\":");
        line.push_str(&partition.to_string());
    }
    if !record.headers.is_empty() {
        line.push_str(",\"headers\":");
        let headers: Vec<HeaderOut<'_>> = record.headers.iter().map(HeaderOut::of).collect();
        line.push_str(&text(&headers));
    }
    line.push_str("}\n");
}

/// JSON without a newline.
pub(crate) fn text(value: &impl Serialize) -> String {
    // It fails for maps whose keys are no texts, and there are none.
    serde_json::to_string(value).unwrap_or_default()
}

/// A header of a record.
#[derive(Debug, Serialize)]
struct HeaderOut<'a> {
    name: &'a str,
    value: String,
}

impl<'a> HeaderOut<'a> {
    fn of(header: &'a Header) -> Self {
        Self {
            name: &header.name,
            value: STANDARD.encode(&header.value),
        }
    }
}

/// A key.
#[derive(Debug, Serialize)]
pub(crate) struct KeyOut {
    key: String,
}

impl KeyOut {
    pub(crate) fn of(key: &[u8]) -> Self {
        Self {
            key: STANDARD.encode(key),
        }
    }
}

/// A segment.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SegmentOut {
    id: u32,
    start_seq: u64,
    start_time_ms: i64,
}

impl SegmentOut {
    pub(crate) fn of(segment: &Segment) -> Self {
        Self {
            id: segment.id,
            start_seq: segment.start_sequence,
            start_time_ms: segment.start_time_ms,
        }
    }
}

/// A cursor.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CursorOut<'a> {
    name: &'a str,
    position: u64,
    updated_ms: i64,
    lag: u64,
}

impl<'a> CursorOut<'a> {
    pub(crate) fn of(cursor: &'a Cursor) -> Self {
        Self {
            name: &cursor.name,
            position: cursor.position,
            updated_ms: cursor.updated_ms,
            lag: cursor.lag,
        }
    }
}

/// The floor that a trim or a deletion leaves.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FloorOut {
    pub(crate) trimmed_before: u64,
}
