//! Following a key or several, with resume.
//!
//! A tail asks for the next page with `follow`, so that the server answers as soon as there is a record. Unlike an event stream, whose
//! events are JSON, this carries many records in one binary message, and a position that survives any connection.

use std::sync::Arc;

use futures::Stream;
use futures::stream::try_unfold;
use tokio::time::{Instant, sleep};

use crate::error::{Error, ErrorKind};
use crate::http::Http;
use crate::reading::{LONGEST_WAIT, Page, Query};
use crate::retry::{Reconnect, Retry};
use crate::seen::Seen;

struct Tail {
    http: Arc<Http>,
    retry: Retry,
    seen: Arc<Seen>,
    query: Query,
    reconnect: Reconnect,
    /// What was trimmed before the next record.
    trimmed_before: Option<u64>,
}

/// The pages that have records, as they arrive, without an end.
pub(crate) fn tail(
    http: Arc<Http>,
    retry: Retry,
    seen: Arc<Seen>,
    query: Query,
) -> impl Stream<Item = Result<Page, Error>> {
    let observer = http.observer.clone();
    let tail = Tail {
        http,
        reconnect: Reconnect::new(retry.clone(), observer),
        retry,
        seen,
        query,
        trimmed_before: None,
    };
    try_unfold(tail, |mut tail| async move {
        let page = tail.next_page().await?;
        Ok(Some((page, tail)))
    })
}

impl Tail {
    async fn next_page(&mut self) -> Result<Page, Error> {
        loop {
            let asked = Instant::now();
            let (http, retry, seen) = (&self.http, &self.retry, &self.seen);
            let page = self.query.await_once(http, retry, seen, LONGEST_WAIT);
            match page.await {
                Ok(mut page) => {
                    self.reconnect.answered();
                    self.query.start = page.next_sequence;
                    self.trimmed_before = page.trimmed_before.or(self.trimmed_before);
                    if !page.records.is_empty() {
                        page.trimmed_before = self.trimmed_before.take();
                        return Ok(page);
                    }
                    // A server that stops answers without waiting, and must not be asked as fast as it can.
                    sleep(self.retry.pause.saturating_sub(asked.elapsed())).await;
                }
                Err(error) if passes(error.kind()) => self.reconnect.pause(error).await?,
                Err(error) => return Err(error),
            }
        }
    }
}

/// Whether the same may be asked for again after such an error.
fn passes(kind: &ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::Overloaded
            | ErrorKind::Unavailable
            | ErrorKind::Behind
            | ErrorKind::DeadlineExceeded
            | ErrorKind::UnexpectedAnswer
    )
}
