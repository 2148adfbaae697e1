//! What an append is made of and what it answers.

use bytes::Bytes;

use crate::{Error, Headers, Key, Limits, Result, Sequence};

/// One record before it has a sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The stream it goes to.
    pub key: Key,
    /// What it says; may be empty.
    pub value: Bytes,
    /// What it carries beside the value; mostly nothing.
    pub headers: Headers,
}

impl Record {
    /// Checks both parts against `limits`. The record has no headers, see [`Record::with_headers`].
    ///
    /// # Errors
    /// [`Error::Invalid`] or [`Error::TooLarge`], saying which part.
    pub fn parse(key: Bytes, value: Bytes, limits: &Limits) -> Result<Self> {
        if value.len() > limits.value_bytes {
            return Err(Error::TooLarge {
                what: "record value in bytes",
                actual: value.len() as u64,
                limit: limits.value_bytes as u64,
            });
        }
        Ok(Self {
            key: Key::parse(key, limits)?,
            value,
            headers: Headers::default(),
        })
    }

    /// The same record with `headers`.
    #[must_use]
    pub fn with_headers(mut self, headers: Headers) -> Self {
        self.headers = headers;
        self
    }

    /// Bytes of the value and of the headers, as they are stored.
    pub fn content_bytes(&self) -> usize {
        self.value.len() + self.headers.encoded().len()
    }
}

/// The records of one append: at least one, applied whole or not at all, in one segment, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    records: Vec<Record>,
    bytes: u64,
    header_bytes: u64,
}

impl Batch {
    /// Takes `records` for one append.
    ///
    /// # Errors
    /// [`Error::Invalid`] when empty, [`Error::TooLarge`] when there are more than [`Limits::batch_records`].
    pub fn new(records: Vec<Record>, limits: &Limits) -> Result<Self> {
        if records.is_empty() {
            return Err(Error::invalid(
                "records is empty: an append needs at least one record",
            ));
        }
        if records.len() > limits.batch_records {
            return Err(Error::TooLarge {
                what: "batch in records",
                actual: records.len() as u64,
                limit: limits.batch_records as u64,
            });
        }
        let (mut bytes, mut header_bytes) = (0, 0);
        for record in &records {
            bytes += (record.key.as_ref().len() + record.value.len()) as u64;
            header_bytes += record.headers.encoded().len() as u64;
        }
        Ok(Self {
            records,
            bytes: bytes + header_bytes,
            header_bytes,
        })
    }

    /// The records, in the order of their sequences to come.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// How many records there are; never 0.
    pub fn count(&self) -> u64 {
        self.records.len() as u64
    }

    /// Bytes of all keys, values and headers together; of the headers, as they are stored.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Bytes of all headers together, as they are stored. Keys and values are slices of what they arrived in, headers are not.
    pub fn header_bytes(&self) -> u64 {
        self.header_bytes
    }
}

/// When an append is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Once it can be read on this server. A crash may lose it; a graceful stop does not.
    Applied,
    /// Once it is on object storage. Nothing loses it.
    Durable,
}

/// What an append was given: the sequences `start .. start + count`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// Sequence of the first record.
    pub start: Sequence,
    /// How many records; they have consecutive sequences in the order of the request.
    pub count: u64,
}
