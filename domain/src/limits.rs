//! The limits for clients, with their defaults.

use std::time::Duration;

/// Maximum sizes and numbers for client requests. All of them are configurable (section `limits:`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Length of a request body, in bytes.
    pub request_bytes: usize,
    /// Length of a key, in bytes. Keys have at least one byte.
    pub key_bytes: usize,
    /// Length of a record's value, in bytes. Empty values are values.
    pub value_bytes: usize,
    /// Headers of one record.
    pub record_headers: usize,
    /// Names and values of all headers of a record together, in bytes.
    pub record_header_bytes: usize,
    /// Records in one append.
    pub batch_records: usize,
    /// Records in one page of a scan, and keys in one page of a listing.
    pub page_records: usize,
    /// Bytes in one page of a scan. A single record over it is returned alone.
    pub page_bytes: usize,
    /// How long a page of a scan or a listing is read for. Then it has what was found. Half of the time in which a read is answered
    /// (`timeouts.read`).
    pub page_time: Duration,
    /// Appends that wait or are being written at the same time.
    pub append_queue_requests: usize,
    /// Bytes of appends that are being received, wait, or are being written at the same time.
    pub append_queue_bytes: usize,
    /// Requests that follow a key at the same time, long polls and streams together.
    pub followers: usize,
    /// Bytes of records that wait for their followers, all together. What does not fit is read from the store instead.
    pub follower_bytes: usize,
    /// Cursors. Each has a row in storage and about 1 KiB of memory.
    pub cursors: usize,
}

impl Default for Limits {
    fn default() -> Self {
        const KIB: usize = 1024;
        const MIB: usize = 1024 * KIB;
        Self {
            request_bytes: 16 * MIB,
            key_bytes: 8 * KIB,
            value_bytes: 8 * MIB,
            record_headers: 64,
            record_header_bytes: 8 * KIB,
            batch_records: 100_000,
            page_records: 10_000,
            page_bytes: 8 * MIB,
            page_time: Duration::from_secs(15),
            append_queue_requests: 8_192,
            append_queue_bytes: 128 * MIB,
            followers: 10_000,
            follower_bytes: 128 * MIB,
            cursors: 10_000,
        }
    }
}
