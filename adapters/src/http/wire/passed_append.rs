//! Appends that a node of a cluster passes to another one, many on one request, and their answers.
//!
//! Each is a protobuf message behind its length. They are between nodes of one cluster, and no part of the API for clients: fields are only added,
//! so that nodes of several versions understand each other.

use bytes::Bytes;
use prost::Message;

use super::format::Format;

/// Bytes of the body of an append that is passed on like this. A larger one is a request of its own, so that others do not wait for it.
pub(in crate::http) const BODY_BYTES: usize = 64 << 10;

/// Bytes of the largest message: that, and what is around it.
pub(in crate::http) const MESSAGE_BYTES: usize = 2 * BODY_BYTES;

/// An append.
#[derive(Clone, PartialEq, Message)]
pub(in crate::http) struct PassedAppend {
    /// Its number on this request: one more than that of the append before, from 0.
    #[prost(uint64, tag = "1")]
    pub(in crate::http) number: u64,
    #[prost(uint32, tag = "2")]
    pub(in crate::http) partition: u32,
    /// Whether the body is JSON, and not protobuf.
    #[prost(bool, tag = "3")]
    pub(in crate::http) is_json: bool,
    /// Whether the answer is to be JSON, and not protobuf.
    #[prost(bool, tag = "4")]
    pub(in crate::http) wants_json: bool,
    #[prost(string, tag = "5")]
    pub(in crate::http) request_id: String,
    /// The `AppendRequest`.
    #[prost(bytes = "bytes", tag = "6")]
    pub(in crate::http) body: Bytes,
}

/// The answer to one, in whatever order they come; or what the node says when it stops.
#[derive(Clone, PartialEq, Message)]
pub(in crate::http) struct PassedAnswer {
    /// The number of the append.
    #[prost(uint64, tag = "1")]
    pub(in crate::http) number: u64,
    /// The status of HTTP.
    #[prost(uint32, tag = "2")]
    pub(in crate::http) status: u32,
    /// The header `Retry-After`.
    #[prost(string, optional, tag = "3")]
    pub(in crate::http) retry_after: Option<String>,
    /// The header `log-moved`.
    #[prost(string, optional, tag = "4")]
    pub(in crate::http) moved: Option<String>,
    /// The body, in the format that the append wants.
    #[prost(bytes = "bytes", tag = "5")]
    pub(in crate::http) body: Bytes,
    /// If it is there, this is no answer: no append with this number or a higher one was read, nor will be.
    #[prost(uint64, optional, tag = "6")]
    pub(in crate::http) ends_before: Option<u64>,
}

impl PassedAppend {
    /// The format of its body.
    pub(in crate::http) fn sent(&self) -> Format {
        format(self.is_json)
    }

    /// The format of its answer.
    pub(in crate::http) fn accepted(&self) -> Format {
        format(self.wants_json)
    }
}

fn format(is_json: bool) -> Format {
    match is_json {
        true => Format::Json,
        false => Format::Protobuf,
    }
}
