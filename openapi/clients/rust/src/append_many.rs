//! Streams of appends, as callers see them.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::stream::{BoxStream, Stream, StreamExt, try_unfold};

use crate::appending::Appending;
use crate::error::Error;
use crate::record::Appended;

/// The outcomes of a stream of appends, in their order, from [`LogClient::append_many`](crate::LogClient::append_many). It ends after an error.
///
/// Everything happens while it is polled: appends are taken from their stream and sent, and outcomes received. Waiting for the next outcome may
/// be given up at any time, by a timeout or a `select!`: none is lost. If this is dropped, the session ends; what was taken and has no
/// outcome may have been applied.
#[must_use = "appends are taken and sent while outcomes are asked for"]
pub struct AppendMany {
    /// Until it is polled.
    start: Option<Box<Appending>>,
    outcomes: BoxStream<'static, Result<Appended, Error>>,
}

impl AppendMany {
    pub(crate) fn new(appending: Appending) -> Self {
        Self {
            start: Some(Box::new(appending)),
            outcomes: futures::stream::empty().boxed(),
        }
    }

    /// How many appends are sent without having been answered, and how many bytes they have: no more is taken from the stream of appends then. 1,000
    /// and 4 MiB by default. One append is always taken. To be set before the first outcome is asked for.
    pub fn outstanding(mut self, appends: usize, bytes: usize) -> Self {
        if let Some(appending) = &mut self.start {
            appending.bound(appends, bytes);
        }
        self
    }

    /// The next outcome; `None` at the end.
    pub async fn next(&mut self) -> Option<Result<Appended, Error>> {
        StreamExt::next(self).await
    }
}

impl Stream for AppendMany {
    type Item = Result<Appended, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(appending) = self.start.take() {
            self.outcomes = try_unfold(appending, |mut appending| async move {
                let outcome = appending.next().await?;
                Ok(outcome.map(|outcome| (outcome, appending)))
            })
            .boxed();
        }
        self.outcomes.poll_next_unpin(context)
    }
}

impl fmt::Debug for AppendMany {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppendMany").finish_non_exhaustive()
    }
}
