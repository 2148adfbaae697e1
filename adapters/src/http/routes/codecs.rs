//! The codecs of appends and pages by themselves, without a request around them.

use bytes::Bytes;
use log_domain::{Append, Error, Limits, Page};

use super::scan_answer::ScanAnswer;
use crate::http::wire::append_request;
use crate::http::wire::format::Format;
use crate::http::wire::json::ByteFormat;
use crate::http::wire::reply;

/// One of the two formats of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    /// ProtoJSON, with bytes as base64.
    Json,
    /// Binary protobuf.
    Protobuf,
}

impl Codec {
    /// The `AppendRequest` in `body`, or `None` if it is rejected.
    pub fn decode_append(self, body: Bytes, limits: &Limits) -> Option<Append> {
        let decoded = append_request::decode(self.format(), body, limits);
        decoded.ok().map(|asked| asked.append)
    }

    /// The `ScanResponse` of a page of `key`.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when a run of the page is damaged.
    pub fn encode_page(self, key: Bytes, page: Page) -> Result<Vec<u8>, Error> {
        let answer = ScanAnswer {
            key,
            page,
            bytes: ByteFormat::Base64,
            positions: Vec::new(),
        };
        reply::encode(self.format(), &answer)
    }

    fn format(self) -> Format {
        match self {
            Self::Json => Format::Json,
            Self::Protobuf => Format::Protobuf,
        }
    }
}
