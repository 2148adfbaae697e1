//! The messages of the HTTP API, as in `openapi/log.proto`.

use bytes::Bytes;

/// The content type of these messages.
pub const PROTOBUF: &str = "application/protobuf";
/// The `status` of an answer that is a success.
pub const SUCCESS: &str = "success";
/// The `status` of an [`ErrorResponse`].
pub const ERROR: &str = "error";

/// One record to append. Both fields must be present on the wire; an empty value is a value.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Record {
    /// The stream it belongs to.
    #[prost(bytes = "bytes", optional, tag = "1")]
    pub key: Option<Bytes>,
    /// Its content.
    #[prost(bytes = "bytes", optional, tag = "2")]
    pub value: Option<Bytes>,
    /// What it carries beside the value.
    #[prost(message, repeated, tag = "3")]
    pub headers: Vec<Header>,
}

/// One header of a record. Both fields must be present on the wire; an empty value is a value.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Header {
    /// 1 to 256 characters, no control characters.
    #[prost(string, optional, tag = "1")]
    pub name: Option<String>,
    /// Its content.
    #[prost(bytes = "bytes", optional, tag = "2")]
    pub value: Option<Bytes>,
}

/// The body of `POST /api/v1/log/append`.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct AppendRequest {
    /// At least one; applied whole or not at all, in this order.
    #[prost(message, repeated, tag = "1")]
    pub records: Vec<Record>,
    /// Answer only once the records are on object storage.
    #[prost(bool, tag = "2")]
    pub await_durable: bool,
    /// What must be so for the records to be applied.
    #[prost(message, repeated, tag = "3")]
    pub preconditions: Vec<Precondition>,
    /// Who sends it, so that it is applied once.
    #[prost(message, optional, tag = "4")]
    pub producer: Option<Producer>,
}

/// No record of a key has this sequence or a higher one.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Precondition {
    /// The key; it need not be one that the batch writes to.
    #[prost(bytes = "bytes", tag = "1")]
    pub key: Bytes,
    /// The `next_sequence` that a reader of the key holds; 0 for a key without records.
    #[prost(uint64, tag = "2")]
    pub no_record_since: u64,
}

/// A request of a producer.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Producer {
    /// The name of the producer.
    #[prost(string, tag = "1")]
    pub id: String,
    /// A higher one takes over from a lower one.
    #[prost(uint64, tag = "2")]
    pub epoch: u64,
    /// The number of the request within the epoch, from 0.
    #[prost(uint64, tag = "3")]
    pub sequence: u64,
}

/// The answer of `POST /api/v1/log/append`.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct AppendResponse {
    /// [`SUCCESS`].
    #[prost(string, tag = "1")]
    pub status: String,
    /// How many records were appended: all of them.
    #[prost(int32, tag = "2")]
    pub records_appended: i32,
    /// Sequence of the first; the others follow it without a gap.
    #[prost(uint64, tag = "3")]
    pub start_sequence: u64,
    /// Whether the request had been applied before: it is the answer of then.
    #[prost(bool, tag = "4")]
    pub duplicate: bool,
}

/// One record as it is read.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Value {
    /// Its place in the log.
    #[prost(uint64, tag = "1")]
    pub sequence: u64,
    /// Its content.
    #[prost(bytes = "bytes", tag = "2")]
    pub value: Bytes,
    /// When it was appended (Unix ms).
    #[prost(int64, tag = "3")]
    pub timestamp_ms: i64,
    /// What was appended with it beside the value.
    #[prost(message, repeated, tag = "4")]
    pub headers: Vec<Header>,
}

/// The answer of `GET /api/v1/log/scan`.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct ScanResponse {
    /// [`SUCCESS`].
    #[prost(string, tag = "1")]
    pub status: String,
    /// The key that was asked for.
    #[prost(bytes = "bytes", tag = "2")]
    pub key: Bytes,
    /// Its records, in order.
    #[prost(message, repeated, tag = "3")]
    pub values: Vec<Value>,
    /// The `start_seq` to continue with.
    #[prost(uint64, tag = "4")]
    pub next_sequence: u64,
}

/// One key of a listing.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Key {
    /// Its bytes.
    #[prost(bytes = "bytes", tag = "1")]
    pub key: Bytes,
}

/// The answer of `GET /api/v1/log/keys`.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct KeysResponse {
    /// [`SUCCESS`].
    #[prost(string, tag = "1")]
    pub status: String,
    /// Distinct keys in byte order.
    #[prost(message, repeated, tag = "2")]
    pub keys: Vec<Key>,
    /// The `start_after` to continue with; absent when there are no more keys.
    #[prost(bytes = "bytes", optional, tag = "3")]
    pub next_start_after: Option<Bytes>,
}

/// One segment of the log.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Segment {
    /// Its number.
    #[prost(uint32, tag = "1")]
    pub id: u32,
    /// The first sequence that can be in it.
    #[prost(uint64, tag = "2")]
    pub start_seq: u64,
    /// When it began (Unix ms).
    #[prost(int64, tag = "3")]
    pub start_time_ms: i64,
}

/// The answer of `GET /api/v1/log/segments`.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct SegmentsResponse {
    /// [`SUCCESS`].
    #[prost(string, tag = "1")]
    pub status: String,
    /// The segments that overlap the range, in order.
    #[prost(message, repeated, tag = "2")]
    pub segments: Vec<Segment>,
}

/// The answer of `GET /api/v1/log/count`.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct CountResponse {
    /// [`SUCCESS`].
    #[prost(string, tag = "1")]
    pub status: String,
    /// How many records there are, exactly.
    #[prost(uint64, tag = "2")]
    pub count: u64,
}

/// Every answer that is not a success.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct ErrorResponse {
    /// [`ERROR`].
    #[prost(string, tag = "1")]
    pub status: String,
    /// What went wrong, for people.
    #[prost(string, tag = "2")]
    pub message: String,
    /// What went wrong, for programs.
    #[prost(string, tag = "3")]
    pub code: String,
    /// Which precondition failed.
    #[prost(message, optional, tag = "4")]
    pub conflict: Option<Conflict>,
    /// The sequence that the producer's next request must have.
    #[prost(uint64, optional, tag = "5")]
    pub expected_sequence: Option<u64>,
}

/// Why a request was refused with `conflict`.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Conflict {
    /// The key of the precondition.
    #[prost(bytes = "bytes", tag = "1")]
    pub key: Bytes,
    /// The sequence of its last record.
    #[prost(uint64, optional, tag = "2")]
    pub last_sequence: Option<u64>,
    /// Records below this one may have been deleted.
    #[prost(uint64, optional, tag = "3")]
    pub trimmed_before: Option<u64>,
}
