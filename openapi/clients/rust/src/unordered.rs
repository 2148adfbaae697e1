//! Reads of all partitions of a cluster, in no order between them.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroU32;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::vec;

use bytes::Bytes;
use futures::stream::{BoxStream, Stream, StreamExt, try_unfold};
use prost::Message;

use crate::arguments;
use crate::error::Error;
use crate::http::Http;
use crate::partition::{About, partition_of};
use crate::reading::{ReadOptions, SCAN, repeatable};
use crate::record::SequencedRecord;
use crate::retry::Retry;
use crate::wire::{self, ScanRequest, ScanResponse};

/// Where a scan of all partitions continues in one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The partition.
    pub partition: u32,
    /// The sequence of this partition that is to be read next.
    pub next_sequence: u64,
}

impl From<wire::Position> for Position {
    fn from(position: wire::Position) -> Self {
        Self {
            partition: position.partition,
            next_sequence: position.next_sequence,
        }
    }
}

impl From<Position> for wire::Position {
    fn from(position: Position) -> Self {
        Self {
            partition: position.partition,
            next_sequence: position.next_sequence,
            trimmed_before: None,
        }
    }
}

/// A read of all keys with a prefix.
pub(crate) struct Unordered {
    http: Arc<Http>,
    retry: Retry,
    request: ScanRequest,
    about: About,
}

impl Unordered {
    /// Of this prefix, from these positions on.
    pub(crate) fn new(
        (http, retry): (Arc<Http>, Retry),
        (prefix, about): (Bytes, About),
        positions: &[Position],
        options: &ReadOptions,
    ) -> Result<Self, Error> {
        arguments::at_least_one("page", options.page)?;
        let request = ScanRequest {
            prefix: Some(prefix),
            order: Some("none".to_owned()),
            positions: positions
                .iter()
                .map(|position| (*position).into())
                .collect(),
            ..options.request()
        };
        Ok(Self {
            http,
            retry,
            request,
            about,
        })
    }

    /// The pages, to the ends of all partitions.
    pub(crate) fn pages(self) -> impl Stream<Item = Result<ScanResponse, Error>> + Send + 'static {
        try_unfold(Some(self), |reader| async {
            let Some(mut reader) = reader else {
                return Ok(None);
            };
            let page = reader.retry.until_answered(|| reader.ask()).await?;
            reader.request.positions.clone_from(&page.positions);
            let next = page.more.then_some(reader);
            Ok(Some((page, next)))
        })
    }

    async fn ask(&self) -> Result<ScanResponse, Error> {
        let parameter = self.about.parameter();
        let body = self.request.encode_to_vec();
        let asked = self
            .http
            .read_by_post(SCAN, parameter.as_slice(), body, false, &self.about);
        let page = repeatable(asked.await, &self.retry);
        page.map_err(|error| error.of_request("POST", &self.http.url_of(SCAN)))
    }
}

/// The records of all partitions, from [`LogClient::scan_unordered`](crate::LogClient::scan_unordered): those of each partition are in order. The next page is
/// read when the one before was handed out. It ends after an error.
///
/// Waiting for the next record may be given up at any time, by a timeout or a `select!`: no record is lost.
pub struct UnorderedRecords {
    pages: BoxStream<'static, Result<ScanResponse, Error>>,
    ready: vec::IntoIter<SequencedRecord>,
    positions: Vec<Position>,
    /// After the page that is handed out.
    after_page: Vec<Position>,
    trimmed: BTreeMap<u32, u64>,
}

impl UnorderedRecords {
    pub(crate) fn new(
        positions: Vec<Position>,
        pages: impl Stream<Item = Result<ScanResponse, Error>> + Send + 'static,
    ) -> Self {
        Self {
            pages: pages.boxed(),
            ready: Vec::new().into_iter(),
            after_page: positions.clone(),
            positions,
            trimmed: BTreeMap::new(),
        }
    }

    /// The next record, which has its [`key`](SequencedRecord::key); `None` when all partitions were read to their ends.
    pub async fn next(&mut self) -> Option<Result<SequencedRecord, Error>> {
        StreamExt::next(self).await
    }

    /// Where to continue, in this program or another one: in each partition after the last record that was handed out. Keep them in this order: the partitions that had less
    /// come first. Empty before the first page, unless the scan was begun with positions.
    pub fn positions(&self) -> &[Position] {
        &self.positions
    }

    /// The partitions of which records that were to be read had been trimmed, as far as it was read, and the first sequence that could still be there in each.
    pub fn trimmed_before(&self) -> &BTreeMap<u32, u64> {
        &self.trimmed
    }

    /// Begins to hand out a page.
    fn begin(&mut self, page: ScanResponse) {
        let floors = page.positions.iter();
        let floors =
            floors.filter_map(|position| Some((position.partition, position.trimmed_before?)));
        self.trimmed.extend(floors);
        self.after_page = page.positions.into_iter().map(Into::into).collect();
        // A partition that had no position is read from its start.
        let new = self.after_page.iter().filter(|position| {
            let mut known = self.positions.iter();
            !known.any(|known| known.partition == position.partition)
        });
        let new = new.map(|position| Position {
            next_sequence: 0,
            ..*position
        });
        let new: Vec<Position> = new.collect();
        self.positions.extend(new);
        self.ready = page
            .values
            .into_iter()
            .map(SequencedRecord::from)
            .collect::<Vec<_>>()
            .into_iter();
    }

    /// Counts a record that is handed out.
    fn pass(&mut self, record: &SequencedRecord) {
        let key = record.key.as_deref().unwrap_or_default();
        let number = u32::try_from(self.positions.len()).ok();
        let partition = match &self.positions[..] {
            [only] => Some(only.partition),
            _ => number
                .and_then(NonZeroU32::new)
                .map(|number| partition_of(key, number)),
        };
        let mut positions = self.positions.iter_mut();
        if let Some(position) = positions.find(|position| Some(position.partition) == partition) {
            position.next_sequence = record.sequence + 1;
        }
    }
}

impl Stream for UnorderedRecords {
    type Item = Result<SequencedRecord, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(record) = self.ready.next() {
                match self.ready.len() {
                    0 => self.positions = self.after_page.clone(),
                    _ => self.pass(&record),
                }
                return Poll::Ready(Some(Ok(record)));
            }
            match ready!(self.pages.poll_next_unpin(context)) {
                Some(Ok(page)) => {
                    self.begin(page);
                    if self.ready.len() == 0 {
                        self.positions = self.after_page.clone();
                    }
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
    }
}

impl fmt::Debug for UnorderedRecords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnorderedRecords")
            .field("positions", &self.positions)
            .finish_non_exhaustive()
    }
}
