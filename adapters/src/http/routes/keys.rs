//! `GET /api/v1/log/keys`.

use std::sync::Arc;
use std::time::Duration;

use log_domain::budget::Budget;
use log_domain::{Error, Key, KeysPage, KeysQuery, LogReader, LogService, Visibility};
use poem_openapi::OpenApi;
use prost::Message;

use super::at_least::reached;
use super::peer::Peer;
use super::read_limit::ReadLimit;
use super::selection::{default_limit, page_limit};
use crate::http::document::Tag;
use crate::http::wire::failure::Failure;
use crate::http::wire::format::Format;
use crate::http::wire::json::{ByteFormat, JsonText, base64_len};
use crate::http::wire::param::{self, Base64, Param, Text};
use crate::http::wire::proto::{self, KeysResponse};
use crate::http::wire::reply::{Encode, Reply};

pub(in crate::http) struct Keys<S> {
    pub(in crate::http) service: Arc<LogService<S>>,
    pub(in crate::http) read_timeout: Duration,
    /// Bytes of answers that were not written out yet.
    pub(in crate::http) answers: Budget,
    pub(in crate::http) read_limit: ReadLimit,
}

#[OpenApi]
impl<S: LogReader> Keys<S> {
    /// List keys
    ///
    /// Returns the distinct keys that have records in a range of segments, in byte order, one page at a time. For the next
    /// page, set `start_after_base64` to `nextStartAfter`, until a page has none. A page ends after `limit` keys or at the
    /// server's byte limit (8 MiB by default), whichever comes first, and is read within 30 s (by default). After half of that time, it has what was
    /// found so far, and `nextStartAfter`, also if it is empty.
    #[oai(
        path = "/api/v1/log/keys",
        method = "get",
        operation_id = "listKeys",
        tag = "Tag::Log"
    )]
    #[expect(
        clippy::too_many_arguments,
        reason = "each is a parameter of the route"
    )]
    async fn keys(
        &self,
        format: Format,
        peer: Peer,
        /// First segment to search.
        #[oai(default)]
        start_segment: Param<u32>,
        /// First segment not to search. Default: all segments are searched.
        end_segment: Param<Option<u32>>,
        /// Maximum number of keys, at least 1. The server limits it (to 10,000 by default).
        #[oai(default = "default_limit")]
        limit: Param<u64>,
        /// Only keys that begin with this UTF-8 text.
        prefix: Param<Option<Text>>,
        /// Only keys that begin with these bytes, as base64.
        prefix_base64: Param<Option<Base64>>,
        /// Only keys after this one, as UTF-8 text.
        start_after: Param<Option<Text>>,
        /// Only keys after this one, as base64.
        start_after_base64: Param<Option<Base64>>,
        /// `base64` (the default), or `text`: in JSON, a key that is UTF-8 text is returned in `keyText`, and the next
        /// `start_after` in `nextStartAfterText`. A key that is not, or that is mostly control characters, is returned as base64
        /// in its usual field. For people and shells.
        #[oai(name = "format")]
        byte_format: Param<Option<ByteFormat>>,
        /// Wait until the server shows every record below this sequence: 1 more than the sequence of a record that you appended or read.
        /// A writer has shown what it acknowledged, so it waits only for what is not there yet, or not yet durable. If it takes longer than 30 s (by default), the response is 503 with the code `behind`.
        at_least: Param<Option<u64>>,
    ) -> Result<Reply<KeysResponse>, Failure> {
        let start_segment = start_segment.0;
        let end_segment = end_segment.0.unwrap_or(u32::MAX);
        if start_segment > end_segment {
            return Err(Failure::invalid(format!(
                "start_segment ({start_segment}) must not be greater than end_segment ({end_segment})"
            )));
        }
        let query = KeysQuery {
            start_segment,
            end_segment,
            prefix: param::either("prefix", prefix.0, prefix_base64.0)?.unwrap_or_default(),
            start_after: param::either("start_after", start_after.0, start_after_base64.0)?,
            limit: page_limit(limit.0, self.service.limits())?,
        };
        let bytes = byte_format.0.unwrap_or_default();
        let memory = Visibility::Memory;
        reached(&self.service, at_least.0, memory, self.read_timeout).await?;
        self.read_limit
            .read(self.read_timeout, self.service.keys(&query), |page| {
                Reply::new(format, &KeysAnswer { page, bytes })?.held(peer.answers(&self.answers))
            })
            .await
    }
}

/// A page as a `KeysResponse`.
pub(in crate::http) struct KeysAnswer {
    pub(in crate::http) page: KeysPage,
    pub(in crate::http) bytes: ByteFormat,
}

impl Encode for KeysAnswer {
    type Message = KeysResponse;

    fn json(&self) -> Result<JsonText, Error> {
        let Self { page, bytes } = self;
        let lengths = page.keys.iter().map(|key| base64_len(key.as_bytes().len()));
        let around = r#"{"keyText":""},"#.len();
        let keys = lengths.map(|length| length + around).sum::<usize>();
        let after = page.next_start_after.as_ref();
        let after = after.map_or(0, |after| base64_len(after.as_bytes().len()));
        let mut out = JsonText::with_capacity(keys + after + 128);
        out.raw("{\"status\":\"success\",\"keys\":")
            .list(&page.keys, |out, key| {
                out.raw("{").field("key", key.as_bytes(), *bytes).raw("}");
            });
        if let Some(after) = &page.next_start_after {
            out.raw(",");
            out.field("nextStartAfter", after.as_bytes(), *bytes);
        }
        out.raw("}");
        Ok(out)
    }

    fn protobuf(&self) -> Result<Vec<u8>, Error> {
        let Self { page, .. } = self;
        let key = |key: &Key| proto::Key {
            key: key.as_bytes().clone(),
        };
        let answer = KeysResponse {
            status: proto::SUCCESS.to_owned(),
            next_start_after: page
                .next_start_after
                .as_ref()
                .map(|after| after.as_bytes().clone()),
            keys: page.keys.iter().map(key).collect(),
        };
        Ok(answer.encode_to_vec())
    }
}
