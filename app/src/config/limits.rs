//! Limits: the section `limits:`.

use bytesize::ByteSize;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The largest things clients may send or ask for. Sizes are numbers of bytes or texts such as `16MiB`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsSection {
    /// A request body.
    #[schemars(with = "String")]
    pub request_bytes: ByteSize,
    /// A key.
    #[schemars(with = "String")]
    pub key_bytes: ByteSize,
    /// A record's value.
    #[schemars(with = "String")]
    pub value_bytes: ByteSize,
    /// Headers of one record; `0`: records with headers are refused.
    pub record_headers: usize,
    /// Names and values of all headers of one record together.
    #[schemars(with = "String")]
    pub record_header_bytes: ByteSize,
    /// Records in one append.
    pub batch_records: usize,
    /// Records, or keys, in one page.
    pub page_records: usize,
    /// A page of a scan.
    #[schemars(with = "String")]
    pub page_bytes: ByteSize,
    /// Appends that wait or are being written at the same time.
    pub append_queue_requests: usize,
    /// Bytes of appends that are being received, wait, or are being written at the same time.
    #[schemars(with = "String")]
    pub append_queue_bytes: ByteSize,
    /// Requests that follow a key at the same time.
    pub followers: usize,
    /// Producers that are known at the same time, about 500 bytes of memory each. For a new one beyond them the one that was
    /// idle longest is forgotten; while all of them wrote within the last minute, new ones are answered 429.
    pub producers: usize,
    /// Connections at the same time, on each listener. At the limit those are closed that have been idle for longest, and on 16 more
    /// only `/-/healthy`, `/-/ready` and `/metrics` are answered; further ones are closed at once.
    pub connections: usize,
    /// Requests at the same time on all connections, until the last byte of their answers is sent; more are answered 429.
    pub requests: usize,
    /// Requests at the same time on one HTTP/2 connection.
    pub connection_streams: u32,
    /// The head of a request: its line and headers.
    #[schemars(with = "String")]
    pub header_bytes: ByteSize,
}
