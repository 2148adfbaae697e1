//! The messages on the wire, as in `openapi/log.proto`.

use bytes::Bytes;

/// One record to append. Both fields must be present on the wire; an empty value is a value.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Record {
    /// The stream it goes to.
    #[prost(bytes = "bytes", optional, tag = "1")]
    pub key: Option<Bytes>,
    /// What it says.
    #[prost(bytes = "bytes", optional, tag = "2")]
    pub value: Option<Bytes>,
    /// What it carries beside the value.
    #[prost(message, repeated, tag = "3")]
    pub headers: Vec<Header>,
}

/// One header of a record. Both fields must be present on the wire; an empty value is a value.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Header {
    /// What it is called.
    #[prost(string, optional, tag = "1")]
    pub name: Option<String>,
    /// What it says.
    #[prost(bytes = "bytes", optional, tag = "2")]
    pub value: Option<Bytes>,
}

/// What `POST /api/v1/log/append` takes.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct AppendRequest {
    /// At least one; applied whole or not at all, in this order.
    #[prost(message, repeated, tag = "1")]
    pub records: Vec<Record>,
    /// Answer only once the records are on object storage.
    #[prost(bool, tag = "2")]
    pub await_durable: bool,
    /// What must hold for the records to be applied.
    #[prost(message, repeated, tag = "3")]
    pub preconditions: Vec<Precondition>,
    /// Who sends the request, and which of its requests it is.
    #[prost(message, optional, tag = "4")]
    pub producer: Option<Producer>,
}

/// That a key has no record at or above a sequence.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Precondition {
    /// The key.
    #[prost(bytes = "bytes", tag = "1")]
    pub key: Bytes,
    /// No record of it has this sequence or a higher one.
    #[prost(uint64, tag = "2")]
    pub no_record_since: u64,
}

/// Who sends a request, and which of its requests it is.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Producer {
    /// Its name, 1 to 128 bytes.
    #[prost(string, tag = "1")]
    pub id: String,
    /// Its instance; a higher one takes over.
    #[prost(uint64, tag = "2")]
    pub epoch: u64,
    /// The number of the request in its epoch, from 0.
    #[prost(uint64, tag = "3")]
    pub sequence: u64,
}

/// What `POST /api/v1/log/append` answers.
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
    /// Whether this is the answer to an earlier request of the producer: nothing was applied now.
    #[prost(bool, tag = "4")]
    pub duplicate: bool,
}

/// One record as it is read.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Value {
    /// Its place in the log.
    #[prost(uint64, tag = "1")]
    pub sequence: u64,
    /// What it says.
    #[prost(bytes = "bytes", tag = "2")]
    pub value: Bytes,
    /// When it was appended (Unix ms).
    #[prost(int64, tag = "3")]
    pub timestamp_ms: i64,
    /// What it carries beside the value.
    #[prost(message, repeated, tag = "4")]
    pub headers: Vec<Header>,
}

/// What `GET /api/v1/log/scan` answers.
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
    /// The `start_seq` to go on with.
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

/// What `GET /api/v1/log/keys` answers.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct KeysResponse {
    /// [`SUCCESS`].
    #[prost(string, tag = "1")]
    pub status: String,
    /// Distinct keys in byte order.
    #[prost(message, repeated, tag = "2")]
    pub keys: Vec<Key>,
    /// The `start_after` to go on with; absent when there are no more keys.
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

/// What `GET /api/v1/log/segments` answers.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct SegmentsResponse {
    /// [`SUCCESS`].
    #[prost(string, tag = "1")]
    pub status: String,
    /// The segments that overlap the range, in order.
    #[prost(message, repeated, tag = "2")]
    pub segments: Vec<Segment>,
}

/// What `GET /api/v1/log/count` answers.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct CountResponse {
    /// [`SUCCESS`].
    #[prost(string, tag = "1")]
    pub status: String,
    /// Exactly how many records there are.
    #[prost(uint64, tag = "2")]
    pub count: u64,
}

/// What every route answers when it could not do what it was asked for.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct ErrorResponse {
    /// [`ERROR`].
    #[prost(string, tag = "1")]
    pub status: String,
    /// What went wrong, for people.
    #[prost(string, tag = "2")]
    pub message: String,
    /// What went wrong, for programs: one of the codes of the table in `failure.rs`.
    #[prost(string, tag = "3")]
    pub code: String,
    /// The precondition that does not hold, if that is it.
    #[prost(message, optional, tag = "4")]
    pub conflict: Option<Conflict>,
    /// The sequence of the producer's next request, if this one came before its turn.
    #[prost(uint64, optional, tag = "5")]
    pub expected_sequence: Option<u64>,
}

/// A precondition that does not hold.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Conflict {
    /// The key.
    #[prost(bytes = "bytes", tag = "1")]
    pub key: Bytes,
    /// The sequence of its last record.
    #[prost(uint64, optional, tag = "2")]
    pub last_sequence: Option<u64>,
}

/// The `status` of an answer.
pub const SUCCESS: &str = "success";
/// The `status` of an [`ErrorResponse`].
pub const ERROR: &str = "error";
