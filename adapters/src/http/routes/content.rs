//! Static content that responses share.

use std::sync::OnceLock;

use bytes::Bytes;
use poem::Response;
use poem::http::{HeaderMap, HeaderValue, header};

use crate::http::wire::coding::Coding;
use crate::http::wire::encoder::{self, VARIES};

/// A content, with one compressed copy for each coding that was asked for. Compressing it for each client would let anybody, without a
/// token, take the memory for answers.
pub(super) struct Content {
    content_type: &'static str,
    plain: Bytes,
    gzip: OnceLock<Option<Bytes>>,
    zstd: OnceLock<Option<Bytes>>,
}

impl Content {
    pub(super) fn new(content_type: &'static str, plain: Bytes) -> Self {
        Self {
            content_type,
            plain,
            gzip: OnceLock::new(),
            zstd: OnceLock::new(),
        }
    }

    /// The answer to a request with these headers: compressed if that is asked for, and worth it.
    pub(super) fn answer(&self, headers: &HeaderMap) -> Response {
        let coding = Coding::accepted(headers);
        let compressed = coding.and_then(|coding| Some((coding.name(), self.compressed(coding)?)));
        let answer = Response::builder().content_type(self.content_type);
        let Some((name, compressed)) = compressed else {
            return answer.body(self.plain.clone());
        };
        answer
            .header(header::CONTENT_ENCODING, HeaderValue::from_static(name))
            .header(header::VARY, HeaderValue::from_static(VARIES))
            .body(compressed)
    }

    fn compressed(&self, coding: Coding) -> Option<Bytes> {
        let copy = match coding {
            Coding::Gzip => &self.gzip,
            Coding::Zstd => &self.zstd,
        };
        copy.get_or_init(|| encoder::compressed(coding, &self.plain))
            .clone()
    }
}
