//! Limits: the section `limits:`.

use bytesize::ByteSize;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Limits on requests, records, pages and connections. Sizes are numbers of bytes or texts such as `16MiB`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsSection {
    /// Size of a request body.
    #[schemars(with = "String")]
    pub request_bytes: ByteSize,
    /// Size of a key.
    #[schemars(with = "String")]
    pub key_bytes: ByteSize,
    /// Size of a value.
    #[schemars(with = "String")]
    pub value_bytes: ByteSize,
    /// Headers per record. With `0`, records with headers are rejected.
    pub record_headers: usize,
    /// Total size of the names and values of all headers of a record.
    #[schemars(with = "String")]
    pub record_header_bytes: ByteSize,
    /// Records per append.
    pub batch_records: usize,
    /// Records or keys per page.
    pub page_records: usize,
    /// Size of a page of a scan.
    #[schemars(with = "String")]
    pub page_bytes: ByteSize,
    /// Appends that wait or are being written.
    pub append_queue_requests: usize,
    /// Total size of appends that are being received, wait, or are being written.
    #[schemars(with = "String")]
    pub append_queue_bytes: ByteSize,
    /// Concurrent requests that follow keys, and append sessions.
    pub followers: usize,
    /// Producers whose state is kept, about 500 bytes of memory each. At the limit, a new producer replaces the one
    /// that has been idle longest. If all of them wrote within the last minute, the new producer is answered 429.
    pub producers: usize,
    /// Cursors, about 1 KiB of memory each. At the limit, further cursors are answered 429 until some are deleted. With
    /// `0`, there are none.
    pub cursors: usize,
    /// Concurrent connections per listener. At the limit, the server closes the connections that have been idle
    /// longest. 16 additional connections can request `/-/healthy`, `/-/ready` and `/metrics` only; further connections
    /// are closed immediately.
    pub connections: usize,
    /// Concurrent requests on all connections, each counted until the last byte of its response is sent. Requests
    /// beyond the limit are answered 429.
    pub requests: usize,
    /// Concurrent requests per HTTP/2 connection.
    pub connection_streams: u32,
    /// Size of the head of a request: request line and headers.
    #[schemars(with = "String")]
    pub header_bytes: ByteSize,
}
