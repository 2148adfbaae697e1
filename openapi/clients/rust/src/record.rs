//! What is appended and what is read.

use bytes::Bytes;

use crate::wire;

/// One record to append.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The stream it belongs to; at least one byte.
    pub key: Bytes,
    /// Its content; it may be empty.
    pub value: Bytes,
    /// What it carries beside the value.
    pub headers: Vec<Header>,
}

/// What a record carries beside its value, such as a trace id or a content type. Several headers of a record may have the same name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// 1 to 256 characters, no control characters.
    pub name: String,
    /// Its content; it may be empty.
    pub value: Bytes,
}

impl Record {
    /// A record of `key`. Strings, vectors and static slices become [`Bytes`] without a copy.
    pub fn new(key: impl Into<Bytes>, value: impl Into<Bytes>) -> Self {
        Self {
            key: key.into(),
            value: value.into(),
            headers: Vec::new(),
        }
    }

    /// Adds a header after those that it has.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Bytes>) -> Self {
        self.headers.push(Header {
            name: name.into(),
            value: value.into(),
        });
        self
    }

    pub(crate) fn into_wire(self) -> wire::Record {
        wire::Record {
            key: Some(self.key),
            value: Some(self.value),
            headers: self.headers.into_iter().map(Header::into_wire).collect(),
        }
    }
}

impl Header {
    fn into_wire(self) -> wire::Header {
        wire::Header {
            name: Some(self.name),
            value: Some(self.value),
        }
    }
}

impl From<wire::Header> for Header {
    fn from(header: wire::Header) -> Self {
        Self {
            name: header.name.unwrap_or_default(),
            value: header.value.unwrap_or_default(),
        }
    }
}

impl<K: Into<Bytes>, V: Into<Bytes>> From<(K, V)> for Record {
    fn from((key, value): (K, V)) -> Self {
        Self::new(key, value)
    }
}

/// One record as it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SequencedRecord {
    /// Its place in the log: one counter for all keys.
    pub sequence: u64,
    /// Its content.
    pub value: Bytes,
    /// When it was appended, in milliseconds since the Unix epoch.
    pub timestamp_ms: i64,
    /// What was appended with it beside the value, in the same order.
    pub headers: Vec<Header>,
    /// The key that it is of, in reads of several keys. `None` in those of one key.
    pub key: Option<Bytes>,
}

impl From<wire::Value> for SequencedRecord {
    fn from(value: wire::Value) -> Self {
        Self {
            sequence: value.sequence,
            value: value.value,
            timestamp_ms: value.timestamp_ms,
            headers: value.headers.into_iter().map(Into::into).collect(),
            key: value.key,
        }
    }
}

/// What an append was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Appended {
    /// The sequence of the first record; the others follow it without a gap, in their order. `None` if the server had forgotten it by the
    /// time that an append was sent again, which takes other clients that use the same producer.
    pub start: Option<u64>,
    /// How many records were appended: all of them.
    pub count: u64,
}

/// How many records there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counted {
    /// The number of records that are left.
    pub count: u64,
    /// If records that were to be counted may have been trimmed or deleted: the first sequence that can still be there.
    pub trimmed_before: Option<u64>,
}

impl From<wire::CountResponse> for Counted {
    fn from(answer: wire::CountResponse) -> Self {
        Self {
            count: answer.count,
            trimmed_before: answer.trimmed_before,
        }
    }
}

/// A window of the log, across all keys. It ends where the next one begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Segment {
    /// Its number.
    pub id: u32,
    /// The first sequence that can be in it.
    pub start_sequence: u64,
    /// When it began, in milliseconds since the Unix epoch.
    pub start_time_ms: i64,
}

impl From<wire::Segment> for Segment {
    fn from(segment: wire::Segment) -> Self {
        Self {
            id: segment.id,
            start_sequence: segment.start_seq,
            start_time_ms: segment.start_time_ms,
        }
    }
}
