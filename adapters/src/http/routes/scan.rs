//! `GET` and `POST /api/v1/log/scan`: one page of a key, its first records or its last, or of several keys, now or as soon as there is something.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use log_domain::budget::Budget;
use log_domain::service::Tail;
use log_domain::{
    CursorName, Error, LogReader, LogService, Page, Scan, Selection, Sequence, Side, Visibility,
};
use poem_openapi::OpenApi;
use tokio::time::timeout;

use super::at_least::reached;
use super::deadline::before;
use super::message_body::MessageBody;
use super::peer::Peer;
use super::read_limit::ReadLimit;
use super::scan_answer::ScanAnswer;
use super::selection::{default_limit, page_limit, scan_of};
use super::unordered::{self, Start};
use crate::http::document::Tag;
use crate::http::wire::failure::Failure;
use crate::http::wire::format::Format;
use crate::http::wire::json::ByteFormat;
use crate::http::wire::param::{Base64, Param, Params, Text};
use crate::http::wire::positions::{Order, Positions};
use crate::http::wire::proto::{self, ScanResponse};
use crate::http::wire::reply::Reply;
use crate::http::wire::scan_request::{self, ScanRequest};
use crate::http::wire::selected::Selected;

pub(in crate::http) struct ScanRoute<S> {
    pub(in crate::http) service: Arc<LogService<S>>,
    pub(in crate::http) read_timeout: Duration,
    /// Bytes of answers that were not written out yet.
    pub(in crate::http) answers: Budget,
    pub(in crate::http) read_limit: ReadLimit,
    pub(in crate::http) max_follow_timeout: Duration,
    /// Bytes of bodies that are being received.
    pub(in crate::http) bodies: Budget,
    pub(in crate::http) body_timeout: Duration,
}

impl<S> Clone for ScanRoute<S> {
    fn clone(&self) -> Self {
        Self {
            service: Arc::clone(&self.service),
            read_timeout: self.read_timeout,
            answers: self.answers.clone(),
            read_limit: self.read_limit.clone(),
            max_follow_timeout: self.max_follow_timeout,
            bodies: self.bodies.clone(),
            body_timeout: self.body_timeout,
        }
    }
}

/// Maximum length of all bodies of reads that are being received, in bytes.
pub(in crate::http) const ALL_BODIES_BYTES: u64 = 4 * scan_request::BODY_BYTES as u64;

/// What is limited by that, for messages.
pub(in crate::http) const BODIES: &str = "the number of bytes in reads that are being received";

/// What a follower gets at once: as much as is kept for it while it reads.
const FOLLOWED_BYTES: usize = 256 << 10;

/// A long poll that is over takes at least this long to look once more.
const LAST_LOOK: Duration = Duration::from_secs(1);

fn default_timeout_ms() -> u64 {
    30_000
}

#[OpenApi]
impl<S: LogReader> ScanRoute<S> {
    /// Read records of a key, or of several keys
    ///
    /// Returns the records of one key (`key`), of some keys (`keys`) or of all keys that begin with a prefix (`prefix`; empty for the
    /// whole log) in the order of their sequences. Give exactly one of these. In reads of several keys, each record has its `key`. A page ends after `limit` records or at the
    /// server's byte limit (8 MiB by default), whichever comes first. For the next page, set `start_seq` to `nextSequence`.
    /// A page is read within 30 s (by default). After half of that time, it has what was found so far, and `more`: continue with
    /// `nextSequence`, also if it is empty.
    ///
    /// With `follow=true`, the server responds immediately if there are records, else when the first record arrives, or
    /// after `timeout_ms` with no values and the `nextSequence` to continue with. Such a page ends at 256 KiB. Up to 10,000
    /// clients (by default) can follow at the same time, including streams.
    ///
    /// With `last=n`, the page has the last *n* records of the key, in order, and `nextSequence` is where the key continues. A page that
    /// reaches the byte limit has fewer records, the newest ones. This costs a few reads of storage, however long the key is.
    ///
    /// With `cursor`, the page starts at the position of that cursor, which must exist. Reading does not move it: move it with PUT,
    /// or with `cursors` of an append, once the records are processed.
    ///
    /// With `order=none`, the records with `prefix` of all partitions of a cluster are returned: in the order of the sequences within each partition, and in no order
    /// between them. `limit` counts over all of them. For the next page, send `positions` of the page in place of `start_seq`, until a page has no `more`. A log that is not clustered has partition 0 alone.
    ///
    /// If the range begins below the floor of the log, the response has `trimmedBefore`: records before that sequence were
    /// trimmed and are not in the page. A page of the last *n* records has it only if there are fewer. In reads of several keys, it tells
    /// of floors that hold for all of them.
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
        /// The last so many records of the range, in order; at least 1, limited like `limit`. Not together with `start_seq`, `limit`,
        /// `follow` or `cursor`.
        last: Param<Option<u64>>,
        /// Start at the position of this cursor, in place of `start_seq`.
        cursor: Param<Option<CursorName>>,
        /// Read all keys that begin with this UTF-8 text. Empty for the whole log.
        prefix: Param<Option<Text>>,
        /// Read all keys that begin with these bytes, as base64.
        prefix_base64: Param<Option<Base64>>,
        /// Read these keys, as UTF-8 text: one for each time that the parameter is given, up to 1,000. For long lists, use POST.
        keys: Params<Text>,
        /// Read these keys, as base64.
        keys_base64: Params<Base64>,
        /// Wait until the server shows every record below this sequence: 1 more than the sequence of a record that you appended or read.
        /// A writer has shown what it acknowledged, so it waits only for what is not there yet, or not yet durable. If it takes longer than `timeout_ms`, the response is 503 with the code `behind`.
        at_least: Param<Option<u64>>,
        /// `sequence` (the default), or `none`: in a cluster, the records of all partitions, in no order between partitions. With `prefix` only; not
        /// together with `start_seq`, `end_seq`, `follow`, `cursor`, `last` or `at_least`.
        order: Param<Option<Order>>,
        /// With `order=none`: where each partition continues, from `positions` of the page before, as `partition:nextSequence` with commas between: `0:12,1:40`. A
        /// partition that is not named is read from its start. With thousands of partitions, use POST.
        positions: Param<Option<Positions>>,
    ) -> Result<Reply<ScanResponse>, Failure> {
        let selected = Selected::of_query(
            (key, key_base64),
            (keys, keys_base64),
            (prefix, prefix_base64),
        )?;
        let request = ScanRequest {
            selected,
            start_seq: Some(start_seq.0),
            end_seq: end_seq.0,
            limit: Some(limit.0),
            follow: Some(follow.0),
            timeout_ms: Some(timeout_ms.0),
            start_time_ms: start_time_ms.0,
            visibility: visibility.0,
            format: byte_format.0,
            cursor: cursor.0,
            last: last.0,
            at_least: at_least.0,
            order: order.0,
            positions: positions.0.unwrap_or_default(),
        };
        self.answer(format, peer, request).await
    }

    /// Read records of many keys
    ///
    /// Does what `GET` on this path does, for lists of keys that are too long for a URL. The body has what the query parameters of the
    /// same names have.
    #[oai(
        path = "/api/v1/log/scan",
        method = "post",
        operation_id = "scanKeys",
        tag = "Tag::Log"
    )]
    async fn scan_keys(
        &self,
        format: Format,
        peer: Peer,
        /// What to read. A body without a content type is read as JSON.
        body: MessageBody<proto::ScanRequest>,
    ) -> Result<Reply<ScanResponse>, Failure> {
        let received = body
            .receive(scan_request::BODY_BYTES, &self.bodies, self.body_timeout)
            .await?;
        let request = scan_request::decode(received.format, &received.body)?;
        drop(received);
        self.answer(format, peer, request).await
    }
}

impl<S: LogReader> ScanRoute<S> {
    async fn answer(
        &self,
        format: Format,
        peer: Peer,
        mut request: ScanRequest,
    ) -> Result<Reply<ScanResponse>, Failure> {
        let limits = self.service.limits();
        let unordered = unordered::start(&request, self.service.partition())?;
        if let Some(Start { next, .. }) = unordered {
            request.start_seq = Some(next.get());
        }
        let bytes = request.format.unwrap_or_default();
        let wait_ms = request.timeout_ms.unwrap_or_else(default_timeout_ms);
        let wait = Duration::from_millis(wait_ms).min(self.max_follow_timeout);
        let follows = request.follow.unwrap_or_default();
        let newest = newest(&request)?;
        let records = newest.or(request.limit).unwrap_or_else(default_limit);
        let limit = page_limit(records, limits)?;
        let visibility = request.visibility.unwrap_or_default();
        let wait = reached(&self.service, request.at_least, visibility, wait).await?;
        let mut scan = scan_of(request, limit, &self.service).await?;
        if newest.is_some() {
            scan.side = Side::Newest;
        }
        let key = match &scan.selection {
            Selection::Key(key) => key.as_bytes().clone(),
            Selection::Keys(_) | Selection::Prefix(_) => Bytes::new(),
        };
        let answers = peer.answers(&self.answers);
        let answer = |page| {
            let (page, positions) = match unordered {
                Some(start) => start.answered(page),
                None => (page, Vec::new()),
            };
            let answer = ScanAnswer {
                key,
                page,
                bytes,
                positions,
            };
            Reply::new(format, &answer)?.held(answers)
        };
        if follows {
            scan.limit.bytes = scan.limit.bytes.min(FOLLOWED_BYTES);
            return Ok(answer(self.follow(scan, wait).await?)?);
        }
        let read = self.service.scan(&scan);
        self.read_limit.read(self.read_timeout, read, answer).await
    }
}

/// How many of the newest records are asked for. Generated clients send parameters that they were not given with their default.
fn newest(request: &ScanRequest) -> Result<Option<u64>, Failure> {
    let limit = request.limit.unwrap_or_else(default_limit);
    let others = [
        (request.start_seq.unwrap_or_default() != 0, "start_seq"),
        (limit != default_limit(), "limit"),
        (request.follow.unwrap_or_default(), "follow"),
        (request.cursor.is_some(), "cursor"),
        (request.selected.key.is_none(), "a read of several keys"),
    ];
    match (request.last, others.iter().find(|(is_given, _)| *is_given)) {
        (Some(_), Some((_, other))) => Err(Failure::invalid(format!(
            "last and {other} exclude each other: send one of them"
        ))),
        (Some(0), None) => Err(Failure::invalid("last must be at least 1")),
        (last, _) => Ok(last),
    }
}

impl<S: LogReader> ScanRoute<S> {
    async fn follow(&self, mut scan: Scan, wait: Duration) -> Result<Page, Error> {
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
                let left = self.read_timeout.saturating_sub(wait).max(LAST_LOOK);
                scan.range = scan.range.starting_at(tail.position());
                scan.limit.time = Some(left / 2);
                let mut page = before(left, self.service.scan(&scan)).await?;
                page.trimmed_before = page.trimmed_before.or(trimmed_before);
                Ok(page)
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
        more: false,
        trimmed_before,
    }
}
