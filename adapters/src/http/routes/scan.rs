//! `GET /api/v1/log/scan`: one page of a key, now or as soon as there is something.

use std::sync::Arc;
use std::time::Duration;

use log_domain::budget::Budget;
use log_domain::service::Tail;
use log_domain::{Error, Key, LogReader, LogService, Page, Scan, Sequence, Visibility};
use poem_openapi::OpenApi;
use tokio::time::timeout;

use super::deadline::before;
use super::peer::Peer;
use super::read_limit::ReadLimit;
use super::selection::{Selection, default_limit, page_limit};
use crate::http::document::Tag;
use crate::http::wire::failure::Failure;
use crate::http::wire::format::Format;
use crate::http::wire::json::{ByteFormat, JsonText, VALUE_OVERHEAD, base64_len};
use crate::http::wire::param::{self, Base64, Param, Text};
use crate::http::wire::proto::{self, ScanResponse};
use crate::http::wire::reply::{Encode, Reply};

pub(in crate::http) struct ScanRoute<S> {
    pub(in crate::http) service: Arc<LogService<S>>,
    pub(in crate::http) read_timeout: Duration,
    /// Bytes of answers that were not written out yet.
    pub(in crate::http) answers: Budget,
    pub(in crate::http) read_limit: ReadLimit,
    pub(in crate::http) max_follow_timeout: Duration,
}

/// What a follower gets at once: as much as is kept for it while it reads.
const FOLLOWED_BYTES: usize = 256 << 10;

/// A long poll that is over takes at least this long to look once more.
const LAST_LOOK: Duration = Duration::from_secs(1);

fn default_timeout_ms() -> u64 {
    30_000
}

#[OpenApi]
impl<S: LogReader> ScanRoute<S> {
    /// Read records of a key
    ///
    /// Returns the records of one key in the order of their sequences. A page ends after `limit` records or at the
    /// server's byte limit (8 MiB by default), whichever comes first. For the next page, set `start_seq` to `nextSequence`.
    /// A page is read within 30 s (by default).
    ///
    /// With `follow=true`, the server responds immediately if there are records, else when the first record arrives, or
    /// after `timeout_ms` with no values and the `nextSequence` to continue with. Such a page ends at 256 KiB. Up to 10,000
    /// clients (by default) can follow at the same time, including streams.
    ///
    /// If the range begins below the floor of the log, the response has `trimmedBefore`: records before that sequence were
    /// trimmed and are not in the page.
    #[oai(
        path = "/api/v1/log/scan",
        method = "get",
        operation_id = "scan",
        tag = "Tag::Log"
    )]
    #[expect(
        clippy::too_many_arguments,
        reason = "each is a parameter of the route"
    )]
    async fn scan(
        &self,
        format: Format,
        peer: Peer,
        /// The key, as UTF-8 text. Give either `key` or `key_base64`.
        key: Param<Option<Text>>,
        /// The key, as base64 (standard or URL-safe, padded or not).
        key_base64: Param<Option<Base64>>,
        /// First sequence to read. Sequences are below 2^56.
        #[oai(default)]
        start_seq: Param<u64>,
        /// First sequence not to read. Default: the end of the log.
        end_seq: Param<Option<u64>>,
        /// Maximum number of records, at least 1. The server limits it (to 10,000 by default).
        #[oai(default = "default_limit")]
        limit: Param<u64>,
        /// Whether to wait for the first record if there are none.
        #[oai(default)]
        follow: Param<bool>,
        /// Maximum time to wait with `follow=true`, in milliseconds. The server limits it (to 300,000 by default).
        #[oai(default = "default_timeout_ms")]
        timeout_ms: Param<u64>,
        /// Skip the records before the first one that was appended at or after this time (Unix ms).
        start_time_ms: Param<Option<i64>>,
        /// `memory` (the default): all applied records. `durable`: only records that are durable on object storage.
        visibility: Param<Option<Visibility>>,
        /// `base64` (the default), or `text`: in JSON, a key or value that is UTF-8 text is returned in `keyText` or `valueText`.
        /// A key or value that is not, or that is mostly control characters, is returned as base64 in its usual field. For people and shells.
        #[oai(name = "format")]
        byte_format: Param<Option<ByteFormat>>,
    ) -> Result<Reply<ScanResponse>, Failure> {
        let limits = self.service.limits();
        let scan = Selection {
            key: param::key(key.0, key_base64.0, limits)?,
            start_seq: start_seq.0,
            end_seq: end_seq.0,
            start_time_ms: start_time_ms.0,
            visibility: visibility.0,
        };
        let mut scan = scan.into_scan(page_limit(limit.0, limits)?)?;
        let key = scan.key.clone();
        let bytes = byte_format.0.unwrap_or_default();
        let answers = peer.answers(&self.answers);
        let answer = |page| Reply::new(format, &ScanAnswer { key, page, bytes })?.held(answers);
        if follow.0 {
            let wait = Duration::from_millis(timeout_ms.0).min(self.max_follow_timeout);
            scan.limit.bytes = scan.limit.bytes.min(FOLLOWED_BYTES);
            return Ok(answer(self.follow(scan, wait).await?)?);
        }
        let read = self.service.scan(&scan);
        self.read_limit.read(self.read_timeout, read, answer).await
    }
}

impl<S: LogReader> ScanRoute<S> {
    async fn follow(&self, scan: Scan, wait: Duration) -> Result<Page, Error> {
        let mut tail = self.service.tail(scan.clone())?;
        let mut trimmed_before = None;
        match timeout(wait, next(&mut tail, &mut trimmed_before)).await {
            Ok(page) => {
                let page = page?;
                Ok(page.unwrap_or_else(|| nothing(tail.position(), trimmed_before)))
            }
            Err(_) if tail.is_caught_up() => Ok(nothing(tail.position(), trimmed_before)),
            // The wait was shorter than the store takes to say what is there already. What is there is answered
            // whatever the wait, and a store that does not answer is not "nothing new".
            Err(_) => {
                before(
                    self.read_timeout.saturating_sub(wait).max(LAST_LOOK),
                    self.service.scan(&scan),
                )
                .await
            }
        }
    }
}

/// The next page with records. News of a trim alone is kept for it in `trimmed_before`: clients that do not know of trims
/// would ask again without a pause.
async fn next<S: LogReader>(
    tail: &mut Tail<S>,
    trimmed_before: &mut Option<Sequence>,
) -> Result<Option<Page>, Error> {
    loop {
        let Some(mut page) = tail.next().await? else {
            return Ok(None);
        };
        *trimmed_before = page.trimmed_before.or(*trimmed_before);
        if !page.is_empty() {
            page.trimmed_before = *trimmed_before;
            return Ok(Some(page));
        }
    }
}

fn nothing(next: Sequence, trimmed_before: Option<Sequence>) -> Page {
    Page {
        runs: Vec::new(),
        records: 0,
        bytes: 0,
        next,
        complete: true,
        trimmed_before,
    }
}

/// A page as a `ScanResponse`.
struct ScanAnswer {
    key: Key,
    page: Page,
    bytes: ByteFormat,
}

impl Encode for ScanAnswer {
    type Message = ScanResponse;

    fn json(&self) -> Result<JsonText, Error> {
        let Self { key, page, bytes } = self;
        let records = page.records as usize;
        let values = base64_len(page.bytes as usize) + records * (VALUE_OVERHEAD + 4);
        let mut out = JsonText::with_capacity(values + base64_len(key.as_ref().len()) + 128);
        out.raw("{\"status\":\"success\",")
            .field("key", key.as_ref(), *bytes)
            .raw(",\"values\":[");
        let mut separator = "";
        for run in &page.runs {
            for entry in run.entries() {
                let entry = entry?;
                out.raw(separator);
                out.value(&entry, run.timestamp_ms(), *bytes)?;
                separator = ",";
            }
        }
        out.raw("],\"nextSequence\":").number(page.next.get());
        if let Some(floor) = page.trimmed_before {
            out.raw(",\"trimmedBefore\":").number(floor.get());
        }
        out.raw("}");
        Ok(out)
    }

    /// The encoding of a run *is* that of the field `values`, so runs are copied, not decoded.
    fn protobuf(&self) -> Result<Vec<u8>, Error> {
        let Self { key, page, .. } = self;
        let key = key.as_ref();
        let mut out = Vec::with_capacity(page.bytes as usize + key.len() + 64);
        prost::encoding::string::encode(1, &proto::SUCCESS.to_owned(), &mut out);
        prost::encoding::encode_key(2, prost::encoding::WireType::LengthDelimited, &mut out);
        prost::encoding::encode_varint(key.len() as u64, &mut out);
        out.extend_from_slice(key);
        for run in &page.runs {
            out.extend_from_slice(run.encoded());
        }
        if page.next > Sequence::ZERO {
            prost::encoding::uint64::encode(4, &page.next.get(), &mut out);
        }
        if let Some(floor) = page.trimmed_before {
            prost::encoding::uint64::encode(5, &floor.get(), &mut out);
        }
        Ok(out)
    }
}
