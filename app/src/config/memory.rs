//! How much memory the server takes for what.

use bytesize::ByteSize;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Memory for caches, requests in flight and responses.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Memory {
    /// The cache of data blocks.
    #[schemars(with = "String")]
    pub block_cache: ByteSize,
    /// The cache of indexes and filters of data files.
    #[schemars(with = "String")]
    pub meta_cache: ByteSize,
    /// The writer's table of keys. The state of keys that do not fit is read from the store when it is needed.
    #[schemars(with = "String")]
    pub key_table: ByteSize,
    /// The heads of requests in flight, plus 8 KiB for each request. Requests beyond it are answered 429. At least 8
    /// times `limits.header_bytes`.
    #[schemars(with = "String")]
    pub requests: ByteSize,
    /// Pages of records and keys that are not sent yet. Requests beyond it are answered 429. One connection can use a
    /// quarter of it. Reading pages uses the same amount again, and what reads of many keys fetch ahead of their pages up to half of it more.
    #[schemars(with = "String")]
    pub answers: ByteSize,
    /// Events of streams that are not sent yet. A stream that finds no room for 10 s ends. One connection can use a
    /// quarter of it. The same amount again is used for records that wait for followers; records that do not fit are
    /// read from the store.
    #[schemars(with = "String")]
    pub streams: ByteSize,
    /// Data that is not written to data files yet. Appends wait when it is full. In a cluster, partitions write data files when they have more
    /// than half of it together.
    #[schemars(with = "String")]
    pub unflushed: ByteSize,
}
