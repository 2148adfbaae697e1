//! Streams of what is read page by page.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::vec;

use bytes::Bytes;
use futures::stream::{BoxStream, Stream, StreamExt};

use crate::error::Error;
use crate::reading::Page;
use crate::record::SequencedRecord;

/// The records of a key or of several, from a scan such as [`LogClient::scan`](crate::LogClient::scan) or a tail such as
/// [`LogClient::tail`](crate::LogClient::tail). The next page
/// is read when the one before was handed out. It ends after an error.
///
/// Waiting for the next record may be given up at any time, by a timeout or a `select!`: no record is lost.
pub struct Records {
    pages: BoxStream<'static, Result<Page, Error>>,
    ready: vec::IntoIter<SequencedRecord>,
    /// After the page that is handed out.
    after_page: u64,
    next_sequence: u64,
    trimmed_before: Option<u64>,
    more: bool,
}

impl Records {
    pub(crate) fn new(
        start: u64,
        pages: impl Stream<Item = Result<Page, Error>> + Send + 'static,
    ) -> Self {
        Self {
            pages: pages.boxed(),
            ready: Vec::new().into_iter(),
            after_page: start,
            next_sequence: start,
            trimmed_before: None,
            more: false,
        }
    }

    /// The next record; `None` at the end.
    pub async fn next(&mut self) -> Option<Result<SequencedRecord, Error>> {
        StreamExt::next(self).await
    }

    /// Where to continue: the sequence after the last record that was handed out, or, at the end of a scan, after all that was searched.
    pub fn next_sequence(&self) -> u64 {
        self.next_sequence
    }

    /// If records that were to be read had been trimmed: the first sequence that could still be there, as far as it was read.
    /// What was trimmed is left out. It is known with the first record after it, or at the end of a scan.
    pub fn trimmed_before(&self) -> Option<u64> {
        self.trimmed_before
    }

    /// Whether the server ended the page that was read last because it took too long. A scan or a tail reads on then. Of the
    /// [last records](crate::LogClient::last), there may be older ones that were asked for.
    pub fn more(&self) -> bool {
        self.more
    }
}

impl Stream for Records {
    type Item = Result<SequencedRecord, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(record) = self.ready.next() {
                let is_last = self.ready.len() == 0;
                self.next_sequence = if is_last {
                    self.after_page
                } else {
                    record.sequence + 1
                };
                return Poll::Ready(Some(Ok(record)));
            }
            match ready!(self.pages.poll_next_unpin(context)) {
                Some(Ok(page)) => {
                    self.after_page = page.next_sequence;
                    self.more = page.more;
                    self.trimmed_before = page.trimmed_before.or(self.trimmed_before);
                    if page.records.is_empty() {
                        self.next_sequence = page.next_sequence;
                    }
                    self.ready = page.records.into_iter();
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
    }
}

impl fmt::Debug for Records {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Records")
            .field("next_sequence", &self.next_sequence)
            .finish_non_exhaustive()
    }
}

/// The keys of a log, from [`LogClient::keys`](crate::LogClient::keys), read page by page. It ends after an error.
pub struct Keys {
    pages: BoxStream<'static, Result<Vec<Bytes>, Error>>,
    ready: vec::IntoIter<Bytes>,
}

impl Keys {
    pub(crate) fn new(
        pages: impl Stream<Item = Result<Vec<Bytes>, Error>> + Send + 'static,
    ) -> Self {
        Self {
            pages: pages.boxed(),
            ready: Vec::new().into_iter(),
        }
    }

    /// The next key; `None` at the end.
    pub async fn next(&mut self) -> Option<Result<Bytes, Error>> {
        StreamExt::next(self).await
    }
}

impl Stream for Keys {
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(key) = self.ready.next() {
                return Poll::Ready(Some(Ok(key)));
            }
            match ready!(self.pages.poll_next_unpin(context)) {
                Some(Ok(page)) => self.ready = page.into_iter(),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").finish_non_exhaustive()
    }
}
