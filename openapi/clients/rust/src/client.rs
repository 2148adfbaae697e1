//! The client.

use std::fmt;
use std::ops::RangeBounds;
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::{BoxStream, Stream, StreamExt, try_unfold};

use crate::append::{self, AppendOptions};
use crate::append_many::AppendMany;
use crate::appending::Appending;
use crate::arguments;
use crate::batch::Batch;
use crate::cursor::{self, Cursor};
use crate::error::{Error, ErrorKind};
use crate::exactly_once;
use crate::http::Http;
use crate::paging::{Keys, Records};
use crate::partition::About;
use crate::producer::Producers;
use crate::reading::{self, Page, Query, ReadOptions};
use crate::record::{Appended, Counted, Record, Segment};
use crate::retry::Retry;
use crate::seen::Seen;
use crate::selection::Selection;
use crate::status::{self, Status};
use crate::tail;
use crate::wire::{CountResponse, KeysResponse, PutCursorRequest, SegmentsResponse};

mod deleting;
mod of_cluster;
mod splitting;

const COUNT: &str = "/api/v1/log/count";
const KEYS: &str = "/api/v1/log/keys";
const SEGMENTS: &str = "/api/v1/log/segments";

/// A client of one server. A clone shares its connections.
///
/// Arguments are checked before anything is sent: a wrong one is an [`crate::ErrorKind::InvalidArgument`] that says what is accepted.
#[derive(Clone)]
pub struct LogClient {
    http: Arc<Http>,
    retry: Retry,
    /// None: appends are not protected.
    producers: Option<Arc<Producers>>,
    seen: Arc<Seen>,
    /// That of requests that name no key.
    partition: Option<u32>,
}

impl LogClient {
    pub(crate) fn new(http: Http, retry: Retry, producers: Option<Producers>, seen: Seen) -> Self {
        Self {
            http: Arc::new(http),
            retry,
            producers: producers.map(Arc::new),
            seen: Arc::new(seen),
            partition: None,
        }
    }

    /// This client, for one partition of a cluster: its [`keys`](LogClient::keys), [`segments`](LogClient::segments), [`cursors`](LogClient::cursors),
    /// trims, and reads by a prefix without a whole tag are those of this partition. What names a key or a cursor is not affected. A log that is not
    /// clustered has partition 0 alone.
    #[must_use]
    pub fn of_partition(&self, partition: u32) -> Self {
        Self {
            partition: Some(partition),
            ..self.clone()
        }
    }

    /// What this client and its clones have appended or read, and no crash can undo, is below this sequence: their later reads show at least
    /// that much. In a cluster, sequences count per partition, and this is 0.
    ///
    /// To have another client or process see as much, give this to its [`LogClient::remember`], or to one of its reads as
    /// [`ReadOptions::at_least`](crate::ReadOptions::at_least). A read that waited for it for too long is sent again as other reads are, and
    /// is then an [`ErrorKind::Behind`](crate::ErrorKind::Behind).
    pub fn at_least(&self) -> u64 {
        self.seen.below()
    }

    /// From now on, reads of this client and its clones show at least everything below this sequence: the [`LogClient::at_least`] of
    /// another client.
    pub fn remember(&self, at_least: u64) {
        self.seen.advance(at_least, &About::default());
    }

    /// Appends records, whole or not at all, and answers when they are applied; see [`LogClient::append_with`].
    ///
    /// # Errors
    /// See [`LogClient::append_with`].
    pub async fn append<R: Into<Record>>(
        &self,
        records: impl IntoIterator<Item = R>,
    ) -> Result<Appended, Error> {
        self.append_with(records, AppendOptions::new()).await
    }

    /// Appends records, whole or not at all, and exactly once. An append that is dropped before its end may have been applied.
    ///
    /// # Errors
    /// An append that certainly was not applied is sent again up to [`Retry::attempts`] times. One that may have been applied is sent again
    /// for [`Retry::patience`]: the server applies it once. Only then is it an [`crate::ErrorKind::OutcomeUnknown`].
    pub async fn append_with<R: Into<Record>>(
        &self,
        records: impl IntoIterator<Item = R>,
        options: AppendOptions,
    ) -> Result<Appended, Error> {
        self.send(append::encode(records, options)?).await
    }

    /// As [`LogClient::append_with`], for records that are encoded already. A clone of a batch shares its bytes, so a program can keep it to
    /// send it again.
    ///
    /// # Errors
    /// See [`LogClient::append_with`].
    pub async fn append_batch(
        &self,
        batch: &Batch,
        options: AppendOptions,
    ) -> Result<Appended, Error> {
        let request = append::encode_batch(batch.body(), batch.records(), batch.about(), options)?;
        self.send(request).await
    }

    /// Appends what a stream gives: each item is an append of its own, with these options, and has an outcome of its own, in the same order. For
    /// many small appends at the highest rate: they are sent on one request, an append session, without waiting for answers.
    ///
    /// ```no_run
    /// # use opendata_log::{AppendOptions, LogClient, Result};
    /// # async fn example(log: LogClient) -> Result<()> {
    /// let orders = futures::stream::iter((0..10_000).map(|number| [("orders", number.to_string())]));
    /// let mut outcomes = log.append_many(orders, AppendOptions::new().await_durable(true));
    /// while let Some(outcome) = outcomes.next().await {
    ///     println!("{:?}", outcome?.start);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Appends are taken from the stream while outcomes are asked for, and only as long as few have no outcome yet: see
    /// [`AppendMany::outstanding`]. They are applied once and in their order: all of them have a producer of their own, which does not depend on other
    /// appends of this client. When a session breaks, another one is opened, and everything without an outcome is sent again, for up to
    /// [`Retry::patience`]. Then [`Appended::start`] may be `None` for appends that had been applied. A server that opens no session at all is
    /// given up after [`Retry::attempts`].
    ///
    /// # Errors
    /// The stream ends after an error, which is that of the append at its place, as for [`LogClient::append_with`]. Nothing behind an append that
    /// was refused is applied. If its outcome is unknown, those behind it may have been applied, too; the message says how many. With
    /// [`LogClientBuilder::without_producers`](crate::LogClientBuilder::without_producers), so may those behind one that was refused, and a session that
    /// breaks is an [`ErrorKind::OutcomeUnknown`](crate::ErrorKind::OutcomeUnknown). A read-only server has no sessions: the error is
    /// [`ErrorKind::NotWriter`](crate::ErrorKind::NotWriter). In a cluster, an append of another partition than that of the first one is an
    /// [`ErrorKind::InvalidArgument`](crate::ErrorKind::InvalidArgument).
    pub fn append_many<I, R>(
        &self,
        appends: impl Stream<Item = I> + Send + 'static,
        options: AppendOptions,
    ) -> AppendMany
    where
        I: IntoIterator<Item = R>,
        R: Into<Record>,
    {
        let appends = appends.map(move |records| append::encode(records, options.clone()));
        AppendMany::new(Appending::new(
            Arc::clone(&self.http),
            self.retry.clone(),
            Arc::clone(&self.seen),
            self.producers.clone(),
            appends.boxed(),
        ))
    }

    pub(crate) fn partition(&self) -> Option<u32> {
        self.partition
    }

    async fn send(&self, request: append::Request) -> Result<Appended, Error> {
        let is_durable = request.await_durable;
        let appended = match &self.producers {
            Some(producers) => {
                exactly_once::append(&self.http, &self.retry, producers, &request).await?
            }
            None => append::append_unprotected(&self.http, &self.retry, &request).await?,
        };
        if let Some(start) = appended.start.filter(|_| is_durable) {
            self.seen.advance(start + appended.count, &request.about);
        }
        Ok(appended)
    }

    /// The records of `key` with sequences in `range`, such as `..` or `10..20`, read page by page.
    ///
    /// # Errors
    /// The stream ends after an error.
    pub fn scan(&self, key: impl Into<Bytes>, range: impl RangeBounds<u64>) -> Records {
        self.scan_with(key, range, ReadOptions::new())
    }

    /// As [`LogClient::scan`], with options.
    ///
    /// # Errors
    /// The stream ends after an error.
    pub fn scan_with(
        &self,
        key: impl Into<Bytes>,
        range: impl RangeBounds<u64>,
        options: ReadOptions,
    ) -> Records {
        let range = arguments::sequences(&range);
        self.records(range.and_then(|range| Query::new(&key.into(), range, options)))
    }

    /// The records of several keys with sequences in `range`, in one order, read page by page. Each has its
    /// [`key`](crate::SequencedRecord::key). [`Records::next_sequence`] is where to continue for all of them.
    ///
    /// # Errors
    /// The stream ends after an error.
    pub fn scan_several(
        &self,
        keys: Selection,
        range: impl RangeBounds<u64>,
        options: ReadOptions,
    ) -> Records {
        let range = arguments::sequences(&range);
        self.records(
            range.and_then(|range| Query::of_several(keys, range, options, self.partition)),
        )
    }

    fn records(&self, query: Result<Query, Error>) -> Records {
        let start = query.as_ref().map_or(0, |query| query.start);
        let client = self.clone();
        let pages = try_unfold(Some(query), move |query| {
            let client = client.clone();
            async move {
                let Some(query) = query else {
                    return Ok(None);
                };
                let mut query = query?;
                let page = query
                    .read(&client.http, &client.retry, &client.seen)
                    .await?;
                query.start = page.next_sequence;
                let next = (page.more || !page.records.is_empty()).then_some(Ok(query));
                Ok(Some((page, next)))
            }
        });
        Records::new(start, pages)
    }

    /// The last `count` records of `key`, in order, in one page.
    ///
    /// After them, [`Records::next_sequence`] is where a tail continues. The server limits a page (to 10,000 records and 8 MiB by default): of
    /// more, the newest come. If reading them takes too long, too: then [`Records::more`] says so.
    ///
    /// # Errors
    /// The stream ends after an error.
    pub fn last(&self, key: impl Into<Bytes>, count: u64) -> Records {
        self.last_with(key, count, ReadOptions::new())
    }

    /// As [`LogClient::last`], with options. [`ReadOptions::page`] has no effect.
    ///
    /// # Errors
    /// The stream ends after an error.
    pub fn last_with(&self, key: impl Into<Bytes>, count: u64, options: ReadOptions) -> Records {
        let query = Query::last(&key.into(), count, options);
        let client = self.clone();
        let page = async move { query?.read(&client.http, &client.retry, &client.seen).await };
        Records::new(0, futures::stream::once(page))
    }

    /// The records of `key` from the sequence `start` on, each as it arrives, without an end.
    ///
    /// It continues through failed connections and restarts of the server, exactly after the last record.
    ///
    /// # Errors
    /// The stream ends after an error: one that asking again does not help against, or when the server has not answered for
    /// [`Retry::patience`].
    pub fn tail(&self, key: impl Into<Bytes>, start: u64) -> Records {
        self.tail_with(key, start, ReadOptions::new())
    }

    /// As [`LogClient::tail`], with options.
    ///
    /// # Errors
    /// As for [`LogClient::tail`].
    pub fn tail_with(&self, key: impl Into<Bytes>, start: u64, options: ReadOptions) -> Records {
        self.tail_of(start, Query::new(&key.into(), (start, None), options))
    }

    /// As [`LogClient::tail_with`], for several keys in one order. Each record has its [`key`](crate::SequencedRecord::key).
    ///
    /// # Errors
    /// As for [`LogClient::tail`].
    pub fn tail_several(&self, keys: Selection, start: u64, options: ReadOptions) -> Records {
        self.tail_of(
            start,
            Query::of_several(keys, (start, None), options, self.partition),
        )
    }

    fn tail_of(&self, start: u64, query: Result<Query, Error>) -> Records {
        match query {
            Ok(query) => Records::new(start, self.pages(query)),
            Err(error) => Records::new(start, futures::stream::iter([Err(error)])),
        }
    }

    /// How many records `key` has with sequences in `range`, and whether some of those were trimmed or deleted.
    ///
    /// # Errors
    /// What the last attempt ended in.
    pub async fn count(
        &self,
        key: impl Into<Bytes>,
        range: impl RangeBounds<u64>,
    ) -> Result<Counted, Error> {
        self.count_with(key, range, ReadOptions::new()).await
    }

    /// As [`LogClient::count`], with options. Only [`ReadOptions::at_least`] has an effect.
    ///
    /// # Errors
    /// As for [`LogClient::count`].
    pub async fn count_with(
        &self,
        key: impl Into<Bytes>,
        range: impl RangeBounds<u64>,
        options: ReadOptions,
    ) -> Result<Counted, Error> {
        let key = key.into();
        arguments::key(&key)?;
        let (start, end) = arguments::sequences(&range)?;
        let parameters = reading::range("key_base64", reading::encoded(&key), start, end);
        let (about, at_least) = (About::key(&key), options.at_least);
        let answer = self.read_seen::<CountResponse>(COUNT, parameters, &about, at_least);
        let answer = answer.await?;
        Ok(answer.into())
    }

    /// The distinct keys that begin with `prefix`, in byte order, read page by page. With an empty prefix, all of them.
    ///
    /// # Errors
    /// The stream ends after an error.
    pub fn keys(&self, prefix: impl Into<Bytes>) -> Keys {
        self.keys_with(prefix, ReadOptions::new())
    }

    /// As [`LogClient::keys`], with options. Only [`ReadOptions::page`] and [`ReadOptions::at_least`] have an effect.
    ///
    /// # Errors
    /// The stream ends after an error.
    pub fn keys_with(&self, prefix: impl Into<Bytes>, options: ReadOptions) -> Keys {
        let client = self.clone();
        let prefix = reading::encoded(&prefix.into());
        // After which key the next page begins; the outer `None` is the end.
        let pages = try_unfold(Some(None), move |after: Option<Option<Bytes>>| {
            let client = client.clone();
            let mut parameters = vec![("limit", options.page.to_string())];
            let about = About::partition(client.partition);
            parameters.extend(about.parameter());
            if !prefix.is_empty() {
                parameters.push(("prefix_base64", prefix.clone()));
            }
            async move {
                let Some(after) = after else {
                    return Ok(None);
                };
                if let Some(after) = after {
                    parameters.push(("start_after_base64", reading::encoded(&after)));
                }
                let page: KeysResponse = client
                    .read_seen(KEYS, parameters, &about, options.at_least)
                    .await?;
                let next = page.next_start_after.map(Some);
                let keys = page.keys.into_iter().map(|key| key.key).collect();
                Ok(Some((keys, next)))
            }
        });
        Keys::new(pages)
    }

    /// The segments that overlap `range`, in order.
    ///
    /// # Errors
    /// What the last attempt ended in.
    pub async fn segments(&self, range: impl RangeBounds<u64>) -> Result<Vec<Segment>, Error> {
        let (start, end) = arguments::sequences(&range)?;
        let mut parameters = reading::bounds(start, end);
        let about = About::partition(self.partition);
        parameters.extend(about.parameter());
        let answer: SegmentsResponse =
            reading::read(&self.http, &self.retry, SEGMENTS, &parameters, &about).await?;
        Ok(answer.segments.into_iter().map(Into::into).collect())
    }

    /// Whether the server is ready, up to where its log is durable, and the segments of the log. One that is not ready is no error.
    ///
    /// # Errors
    /// What the last attempt to reach the server, or to read from one that is ready, ended in.
    pub async fn status(&self) -> Result<Status, Error> {
        status::status(&self.http, &self.retry, &About::partition(self.partition)).await
    }

    /// The cursor of this name; `None` if there is none.
    ///
    /// # Errors
    /// What the last attempt ended in.
    pub async fn cursor(&self, name: &str) -> Result<Option<Cursor>, Error> {
        cursor::get(&self.http, &self.retry, name).await
    }

    /// All cursors whose names begin with `prefix`, in byte order. With an empty prefix, all of them.
    ///
    /// # Errors
    /// What the last attempt ended in.
    pub async fn cursors(&self, prefix: &str) -> Result<Vec<Cursor>, Error> {
        let about = About::partition(self.partition);
        cursor::list(&self.http, &self.retry, prefix, &about).await
    }

    /// Moves a cursor, forward or back, or creates it. Answers when no crash can undo it. With an `expected` position, it is moved only if it is
    /// there; one that does not exist is at 0. Needs the right `append`. To move it together with results, use
    /// [`AppendOptions::move_cursor`].
    ///
    /// # Errors
    /// [`crate::ErrorKind::Conflict`] when the cursor is not where it is expected, [`crate::ErrorKind::InvalidArgument`] when `position` is
    /// beyond the end of the log; otherwise what the last attempt ended in. It may have been moved then.
    pub async fn move_cursor(
        &self,
        name: &str,
        position: u64,
        expected: impl Into<Option<u64>>,
    ) -> Result<Cursor, Error> {
        let request = PutCursorRequest {
            position: Some(position),
            expected: expected.into(),
        };
        cursor::put(&self.http, &self.retry, name, &request).await
    }

    /// Deletes a cursor. Answers when no crash can undo it: with whether there was one. Needs the right `append`.
    ///
    /// # Errors
    /// What the last attempt ended in. It may have been deleted then: delete again.
    pub async fn delete_cursor(&self, name: &str) -> Result<bool, Error> {
        cursor::delete(&self.http, &self.retry, name).await
    }

    /// The pages of `query` that have records, as they arrive, without an end.
    pub(crate) fn pages(&self, query: Query) -> BoxStream<'static, Result<Page, Error>> {
        let (http, seen) = (Arc::clone(&self.http), Arc::clone(&self.seen));
        tail::tail(http, self.retry.clone(), seen, query).boxed()
    }

    /// Reads what the client knows, or what is asked for.
    async fn read_seen<M: crate::answers::Answered>(
        &self,
        path: &str,
        parameters: Vec<(&'static str, String)>,
        about: &About,
        at_least: Option<u64>,
    ) -> Result<M, Error> {
        let once = || async {
            let mut parameters = parameters.clone();
            parameters.extend(self.seen.parameter(at_least, about));
            let answer = reading::get(&self.http, &self.retry, path, &parameters, about).await;
            if answer
                .as_ref()
                .is_err_and(|error| *error.kind() == ErrorKind::Behind)
                && self.seen.may_be_elsewhere(at_least, about)
            {
                self.http.learn(None).await;
            }
            answer
        };
        self.retry.until_answered(once).await
    }
}

impl fmt::Debug for LogClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogClient")
            .field("url", &self.http.url_of(""))
            .field("retry", &self.retry)
            .finish_non_exhaustive()
    }
}
