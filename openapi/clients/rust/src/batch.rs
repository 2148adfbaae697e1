//! Records that are encoded as they come, for programs that append many: without a value for each.

use bytes::Bytes;
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint};

use crate::arguments;
use crate::error::Error;
use crate::partition::About;

// The numbers of the fields in `log.proto`.
const RECORDS_OF_REQUEST: u32 = 1;
const KEY_OF_RECORD: u32 = 1;
const VALUE_OF_RECORD: u32 = 2;
const HEADERS_OF_RECORD: u32 = 3;
const NAME_OF_HEADER: u32 = 1;
const VALUE_OF_HEADER: u32 = 2;

/// Encoded records for [`LogClient::append_batch`](crate::LogClient::append_batch). A clone shares the bytes.
#[derive(Debug, Clone)]
pub struct Batch {
    body: Bytes,
    records: u64,
    about: About,
}

/// Encodes records into a [`Batch`].
#[derive(Debug, Default)]
pub struct BatchBuilder {
    body: Vec<u8>,
    records: u64,
    /// What the first record is about.
    about: About,
}

impl Batch {
    /// How many records it has.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// The length of the request that it makes, but for some bytes: a server takes 16 MiB by default.
    pub fn bytes(&self) -> usize {
        self.body.len()
    }

    pub(crate) fn about(&self) -> About {
        self.about.clone()
    }

    pub(crate) fn body(&self) -> Bytes {
        self.body.clone()
    }
}

impl BatchBuilder {
    /// One without records, with room for so many bytes.
    pub fn with_capacity(bytes: usize) -> Self {
        Self {
            body: Vec::with_capacity(bytes),
            records: 0,
            about: About::default(),
        }
    }

    /// Adds a record after those that are there.
    ///
    /// # Errors
    /// [`crate::ErrorKind::InvalidArgument`] for a key without bytes. Nothing is added then.
    pub fn push(
        &mut self,
        key: &[u8],
        value: &[u8],
        headers: &[(&str, &[u8])],
    ) -> Result<(), Error> {
        arguments::key(key)?;
        let of_headers = headers.iter().map(|header| field(header_length(header)));
        let length = field(key.len()) + field(value.len()) + of_headers.sum::<usize>();
        let body = &mut self.body;
        begin(RECORDS_OF_REQUEST, length, body);
        put(KEY_OF_RECORD, key, body);
        put(VALUE_OF_RECORD, value, body);
        for header in headers {
            begin(HEADERS_OF_RECORD, header_length(header), body);
            put(NAME_OF_HEADER, header.0.as_bytes(), body);
            put(VALUE_OF_HEADER, header.1, body);
        }
        if self.records == 0 {
            self.about = About::key(&Bytes::copy_from_slice(key));
        }
        self.records += 1;
        Ok(())
    }

    /// How many records it has.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// The length of what is encoded.
    pub fn bytes(&self) -> usize {
        self.body.len()
    }

    /// The batch.
    pub fn finish(self) -> Batch {
        Batch {
            body: self.body.into(),
            records: self.records,
            about: self.about,
        }
    }
}

fn header_length((name, value): &(&str, &[u8])) -> usize {
    field(name.len()) + field(value.len())
}

/// The length of a field with so many bytes. The number of each is below 16: its tag is one byte.
fn field(bytes: usize) -> usize {
    1 + encoded_len_varint(bytes as u64) + bytes
}

fn begin(number: u32, bytes: usize, body: &mut Vec<u8>) {
    encode_key(number, WireType::LengthDelimited, body);
    encode_varint(bytes as u64, body);
}

fn put(number: u32, bytes: &[u8], body: &mut Vec<u8>) {
    begin(number, bytes.len(), body);
    body.extend_from_slice(bytes);
}
