//! Consumers: records of a key from where a cursor is, and the cursor moved once they are processed.

use std::fmt;

use bytes::Bytes;
use futures::stream::{BoxStream, StreamExt};

use crate::append::AppendOptions;
use crate::client::LogClient;
use crate::error::Error;
use crate::reading::{Page, Query, ReadOptions};
use crate::record::{Appended, Record, SequencedRecord};

/// Reads a key in batches from where a cursor is, and moves the cursor; from [`LogClient::consume`].
///
/// ```no_run
/// # async fn example(client: opendata_log::LogClient) -> opendata_log::Result<()> {
/// let mut consumer = client.consume("orders", "orders-projection").await?;
/// loop {
///     for record in consumer.next().await? { /* process it */ }
///     consumer.commit().await?;
/// }
/// # }
/// ```
///
/// What is processed and not committed when a consumer stops is read again by the next one: at least once. With [`Consumer::append`] in
/// place of [`Consumer::commit`] results are appended in the same commit as the cursor moves: exactly once. A commit is from where this
/// consumer has left the cursor. If another one has moved it, the commit is an [`crate::ErrorKind::Conflict`] and changes nothing: stop, or
/// begin again with [`LogClient::consume`].
pub struct Consumer {
    client: LogClient,
    cursor: String,
    pages: BoxStream<'static, Result<Page, Error>>,
    /// Where the cursor is.
    committed: u64,
    /// The end of what was handed out.
    reached: u64,
}

impl LogClient {
    /// Reads the records of `key` in batches, from where the cursor `name` is; from the beginning if there is none. See [`Consumer`].
    ///
    /// # Errors
    /// What the last attempt to read the cursor ended in.
    pub async fn consume(&self, key: impl Into<Bytes>, name: &str) -> Result<Consumer, Error> {
        self.consume_with(key, name, ReadOptions::new()).await
    }

    /// As [`LogClient::consume`], with options.
    ///
    /// # Errors
    /// As for [`LogClient::consume`].
    pub async fn consume_with(
        &self,
        key: impl Into<Bytes>,
        name: &str,
        options: ReadOptions,
    ) -> Result<Consumer, Error> {
        let key = key.into();
        let cursor = self.cursor(name).await?;
        let position = cursor.map_or(0, |cursor| cursor.position);
        let query = Query::new(&key, (position, None), options)?;
        Ok(Consumer {
            client: self.clone(),
            cursor: name.to_owned(),
            pages: self.pages(query),
            committed: position,
            reached: position,
        })
    }
}

impl Consumer {
    /// The next records, at least one: waits for them if there are none. A batch that was handed out and is not committed is not handed
    /// out again by this consumer. Waiting may be given up at any time: no record is lost.
    ///
    /// # Errors
    /// As for [`LogClient::tail`].
    pub async fn next(&mut self) -> Result<Vec<SequencedRecord>, Error> {
        loop {
            match self.pages.next().await {
                Some(page) => {
                    let page = page?;
                    self.reached = page.next_sequence;
                    if !page.records.is_empty() {
                        return Ok(page.records);
                    }
                }
                None => {
                    return Err(Error::invalid(
                        "the consumer has failed before: begin again with consume",
                    ));
                }
            }
        }
    }

    /// Moves the cursor behind all that was handed out. Returns when that is durable.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Conflict`] if another consumer has moved the cursor; otherwise what the last attempt ended in. Commit again.
    pub async fn commit(&mut self) -> Result<(), Error> {
        if self.reached == self.committed {
            return Ok(());
        }
        let expected = Some(self.committed);
        self.client
            .move_cursor(&self.cursor, self.reached, expected)
            .await?;
        self.committed = self.reached;
        Ok(())
    }

    /// Appends results and moves the cursor behind all that was handed out, in one commit: both or nothing.
    ///
    /// # Errors
    /// As for [`LogClient::append_with`], and [`crate::ErrorKind::Conflict`] if another consumer has moved the cursor.
    pub async fn append<R: Into<Record>>(
        &mut self,
        results: impl IntoIterator<Item = R>,
        options: AppendOptions,
    ) -> Result<Appended, Error> {
        let options = options.move_cursor(&self.cursor, self.reached, self.committed);
        let appended = self.client.append_with(results, options).await?;
        self.committed = self.reached;
        Ok(appended)
    }

    /// Where the cursor is, as far as this consumer knows.
    pub fn committed(&self) -> u64 {
        self.committed
    }
}

impl fmt::Debug for Consumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer")
            .field("cursor", &self.cursor)
            .field("committed", &self.committed)
            .finish_non_exhaustive()
    }
}
