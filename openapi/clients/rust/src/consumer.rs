//! Consumers: records of a key, or of several, from where a cursor is, and the cursor moved once they are processed.

use std::fmt;

use bytes::Bytes;
use futures::stream::{BoxStream, StreamExt};

use crate::append::AppendOptions;
use crate::client::LogClient;
use crate::error::{Error, ErrorKind};
use crate::reading::{Page, Query, ReadOptions};
use crate::record::{Appended, Record, SequencedRecord};
use crate::selection::Selection;

/// Reads a key, or several, in batches from where a cursor is, and moves the cursor; from [`LogClient::consume`] or
/// [`LogClient::consume_several`].
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
/// begin again with [`LogClient::consume`]. With [`Consumer::auto_commit`], each batch is committed when the next one is asked for.
pub struct Consumer {
    client: LogClient,
    cursor: String,
    pages: BoxStream<'static, Result<Page, Error>>,
    /// Where the cursor is.
    committed: u64,
    /// The end of what was handed out.
    reached: u64,
    /// Where a commit moves the cursor, or may have moved it, whose end this consumer did not see.
    in_doubt: Option<u64>,
    auto_commit: bool,
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
        let query = Query::new(&key.into(), (0, None), options)?;
        self.consume_query(query, name).await
    }

    /// As [`LogClient::consume_with`], for several keys in one order. Each record has its [`key`](SequencedRecord::key).
    ///
    /// ```no_run
    /// # use opendata_log::{ReadOptions, Selection};
    /// # async fn example(client: opendata_log::LogClient) -> opendata_log::Result<()> {
    /// let orders = client.consume_several(Selection::prefix("orders/"), "orders-projection", ReadOptions::new());
    /// let mut orders = orders.await?.auto_commit();
    /// loop {
    ///     for record in orders.next().await? { /* process it */ }
    /// }
    /// # }
    /// ```
    ///
    /// # Errors
    /// As for [`LogClient::consume`].
    pub async fn consume_several(
        &self,
        keys: Selection,
        name: &str,
        options: ReadOptions,
    ) -> Result<Consumer, Error> {
        let query = Query::of_several(keys, (0, None), options, self.partition())?;
        self.consume_query(query, name).await
    }

    async fn consume_query(&self, mut query: Query, name: &str) -> Result<Consumer, Error> {
        let cursor = self.cursor(name).await?;
        query.start = cursor.map_or(0, |cursor| cursor.position);
        Ok(Consumer {
            client: self.clone(),
            cursor: name.to_owned(),
            committed: query.start,
            reached: query.start,
            pages: self.pages(query),
            in_doubt: None,
            auto_commit: false,
        })
    }
}

impl Consumer {
    /// Commits each batch when the next one is asked for: at least once. What is not asked for any more is not committed; call
    /// [`Consumer::commit`] for that.
    #[must_use]
    pub fn auto_commit(mut self) -> Self {
        self.auto_commit = true;
        self
    }

    /// The next records, at least one: waits for them if there are none. A batch that was handed out and is not committed is not handed
    /// out again by this consumer. Waiting may be given up at any time: no record is lost.
    ///
    /// # Errors
    /// As for [`LogClient::tail`]; with [`Consumer::auto_commit`] also those of [`Consumer::commit`].
    pub async fn next(&mut self) -> Result<Vec<SequencedRecord>, Error> {
        if self.auto_commit {
            self.commit().await?;
        }
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
        if let Some(position) = self.in_doubt {
            let cursor = self.client.cursor(&self.cursor).await?;
            if cursor.is_some_and(|cursor| cursor.position == position) {
                self.committed = position;
            }
        }
        self.in_doubt = Some(self.reached);
        let expected = Some(self.committed);
        let moved = self
            .client
            .move_cursor(&self.cursor, self.reached, expected)
            .await;
        match moved {
            Ok(_) => self.committed = self.reached,
            Err(error) if matches!(error.kind(), ErrorKind::Conflict(_)) => {
                self.in_doubt = None;
                return Err(error);
            }
            Err(error) => return Err(error),
        }
        self.in_doubt = None;
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
