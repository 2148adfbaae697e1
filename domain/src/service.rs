//! The service: the operations of a server, over any store.

use std::sync::Arc;
use std::time::Duration;

use crate::cluster::{Partition, Partitions};
use crate::follow::Followers;
use crate::ports::Telemetry;
use crate::{
    Append, Appended, Backlog, Counted, Cursor, CursorMove, CursorName, CursorsPage, CursorsQuery,
    Deletion, Durability, Error, Key, KeysPage, KeysQuery, Limits, LogReader, LogWriter, Page,
    PrefixFloor, PrefixRules, Result, Scan, Segment, Selection, Sequence, SequenceRange, Side,
    Status, Stopped, StoredSegment, Trim, Visibility, Watermarks,
};

mod tail;

pub use tail::Tail;

/// A log that can be appended to, read and followed.
pub struct LogService<S> {
    store: S,
    followers: Arc<Followers>,
    telemetry: Arc<dyn Telemetry>,
    limits: Limits,
    /// The partition that the log is, if it is one of a cluster.
    partition: Option<(Partitions, Partition)>,
}

impl<S> LogService<S> {
    /// A service over `store`, which must report its commits to `followers`.
    pub fn new(
        store: S,
        followers: Arc<Followers>,
        telemetry: Arc<dyn Telemetry>,
        limits: Limits,
    ) -> Self {
        Self {
            store,
            followers,
            telemetry,
            limits,
            partition: None,
        }
    }

    /// The same, as a partition of a cluster: it takes no append that belongs to another partition.
    #[must_use]
    pub fn as_partition(mut self, partition: Partition, of: Partitions) -> Self {
        self.partition = Some((of, partition));
        self
    }

    /// The partition that the log is, and of how many. A log that is not clustered has one.
    pub fn partition(&self) -> (Partition, Partitions) {
        let own = self.partition;
        own.map_or((Partition::FIRST, Partitions::ONE), |(of, own)| (own, of))
    }

    /// Refuses an append that is not one for this log.
    ///
    /// # Errors
    /// [`Error::SpansPartitions`]; [`Error::Invalid`] when all of it belongs to another partition.
    fn accepts(&self, append: &Append) -> Result<()> {
        let Some((partitions, own)) = self.partition else {
            return Ok(());
        };
        let partition = partitions.of_append(append)?;
        match partition == own {
            true => Ok(()),
            false => Err(Error::invalid(format!(
                "the append belongs to partition {partition}, and this request was sent to partition {own}"
            ))),
        }
    }

    /// The limits for clients.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Ends all followers, current and future ones.
    pub fn dismiss_followers(&self) {
        self.followers.stop(Stopped::Closing);
    }
}

impl<S: LogWriter> LogService<S> {
    /// Appends a batch, or an [`Append`] with preconditions or a producer.
    ///
    /// # Errors
    /// As [`LogWriter::append`]; in a cluster [`Error::SpansPartitions`], and [`Error::Invalid`] when it belongs to another partition.
    pub async fn append(
        &self,
        append: impl Into<Append>,
        durability: Durability,
    ) -> Result<Appended> {
        let append = append.into();
        self.accepts(&append)?;
        let bytes = append.batch().bytes();
        let appended = self.store.append(append, durability).await?;
        if !appended.duplicate {
            self.telemetry.appended(appended.count, bytes);
        }
        Ok(appended)
    }

    /// Applies the requests of a session in their order.
    ///
    /// # Errors
    /// As [`LogWriter::append_all`]. A request that belongs to another partition is refused like any other.
    pub async fn append_all(&self, appends: Vec<(Append, Durability)>) -> Vec<Result<Appended>> {
        if self.partition.is_none() {
            return self.append_accepted(appends).await;
        }
        let (mut accepted, mut refused, mut has_ended) = (Vec::new(), Vec::new(), false);
        for (append, durability) in appends {
            let outcome = self.accepts(&append);
            let outcome = match has_ended {
                true => Err(Error::behind_failed()),
                false => outcome,
            };
            has_ended |= append.ends_session(&outcome);
            if outcome.is_ok() {
                accepted.push((append, durability));
            }
            refused.push(outcome.err());
        }
        let mut outcomes = self.append_accepted(accepted).await.into_iter();
        let outcomes = refused.into_iter().map(|refused| match refused {
            Some(why) => Err(why),
            None => outcomes
                .next()
                .unwrap_or_else(|| Err(Error::behind_failed())),
        });
        outcomes.collect()
    }

    async fn append_accepted(&self, appends: Vec<(Append, Durability)>) -> Vec<Result<Appended>> {
        let bytes: Vec<_> = appends
            .iter()
            .map(|(append, _)| append.batch().bytes())
            .collect();
        let outcomes = self.store.append_all(appends).await;
        for (outcome, bytes) in outcomes.iter().zip(bytes) {
            if let Ok(appended) = outcome
                && !appended.duplicate
            {
                self.telemetry.appended(appended.count, bytes);
            }
        }
        outcomes
    }

    /// Trims the log, and returns its floor once that is durable.
    ///
    /// # Errors
    /// As [`LogWriter::trim`].
    pub async fn trim(&self, trim: Trim) -> Result<Sequence> {
        self.store.trim(trim).await
    }

    /// Deletes records of a key, and returns what is in force for it once that is durable and no follower is given one of them any
    /// more.
    ///
    /// # Errors
    /// As [`LogWriter::delete`].
    pub async fn delete(&self, deletion: Deletion) -> Result<Sequence> {
        let key = deletion.key.clone();
        let floor = self.store.delete(deletion).await?;
        self.followers.read_again(&key);
        Ok(floor)
    }

    /// Applies retention rules for prefixes, and returns the floors that were raised once they are durable.
    ///
    /// # Errors
    /// As [`LogWriter::apply_rules`].
    pub async fn apply_rules(&self, rules: &PrefixRules) -> Result<Vec<PrefixFloor>> {
        self.store.apply_rules(rules).await
    }

    /// Moves a cursor, and returns it once that is durable.
    ///
    /// # Errors
    /// As [`LogWriter::move_cursor`].
    pub async fn move_cursor(&self, wanted: CursorMove) -> Result<Cursor> {
        self.store.move_cursor(wanted).await
    }

    /// Deletes a cursor, and returns whether there was one once that is durable.
    ///
    /// # Errors
    /// As [`LogWriter::delete_cursor`].
    pub async fn delete_cursor(&self, name: &CursorName) -> Result<bool> {
        self.store.delete_cursor(name).await
    }

    /// The segments that have records at or above the floor, or could, in order, and how much is stored of each.
    pub fn stored(&self) -> Vec<StoredSegment> {
        self.store.stored()
    }

    /// What is left to the next writer.
    pub fn backlog(&self) -> Backlog {
        self.store.backlog()
    }

    /// Prepares a store that goes on to be opened by another writer soon after it is closed.
    ///
    /// # Errors
    /// As [`LogWriter::prepare_close`].
    pub async fn prepare_close(&self) -> Result<()> {
        self.store.prepare_close().await
    }

    /// Makes all acknowledged records durable, so that the next writer may open the store before this one is closed.
    ///
    /// # Errors
    /// As [`LogWriter::quiesce`].
    pub async fn quiesce(&self, within: Duration) -> Result<()> {
        self.dismiss_followers();
        self.store.quiesce(within).await
    }

    /// Makes all acknowledged records durable and closes the store.
    ///
    /// # Errors
    /// As [`LogWriter::close`].
    pub async fn close(&self, within: Duration) -> Result<()> {
        self.dismiss_followers();
        self.store.close(within).await
    }
}

impl<S: LogReader> LogService<S> {
    /// One page of a key or of several.
    ///
    /// # Errors
    /// As [`LogReader::scan`]; [`crate::Error::Invalid`] for the newest records of several keys.
    pub async fn scan(&self, scan: &Scan) -> Result<Page> {
        let is_of_one = matches!(scan.selection, Selection::Key(_));
        if scan.side == Side::Newest && !is_of_one {
            return Err(Error::invalid(
                "the last records can only be read of one key",
            ));
        }
        let page = self.store.scan(scan).await?;
        self.telemetry.scanned(page.records, page.bytes);
        Ok(page)
    }

    /// Waits until everything below `at_least` is shown at this visibility. On the server that writes the log this is so at once,
    /// for what it has acknowledged. The caller bounds the wait.
    ///
    /// # Errors
    /// [`Error::Overloaded`] when there are too many followers; [`Error::Unavailable`] when the server stops.
    pub async fn reach(&self, at_least: Sequence, visibility: Visibility) -> Result<()> {
        let shown = || self.store.watermarks();
        match self.followers.reached(at_least, visibility, shown).await? {
            true => Ok(()),
            false => Err(self
                .store
                .status()
                .stopped
                .unwrap_or(Stopped::Closing)
                .error()),
        }
    }

    /// One page of the distinct keys.
    ///
    /// # Errors
    /// As [`LogReader::keys`].
    pub async fn keys(&self, query: &KeysQuery) -> Result<KeysPage> {
        self.store.keys(query).await
    }

    /// The segments that overlap `range`.
    ///
    /// # Errors
    /// As [`LogReader::segments`].
    pub async fn segments(&self, range: SequenceRange) -> Result<Vec<Segment>> {
        self.store.segments(range).await
    }

    /// How many records of `key` lie in `range`.
    ///
    /// # Errors
    /// As [`LogReader::count`].
    pub async fn count(&self, key: &Key, range: SequenceRange) -> Result<Counted> {
        self.store.count(key, range).await
    }

    /// The cursor of this name.
    ///
    /// # Errors
    /// [`Error::NoCursor`] if there is none. As [`LogReader::cursor`].
    pub async fn cursor(&self, name: &CursorName) -> Result<Cursor> {
        let found = self.store.cursor(name).await?;
        found.ok_or_else(|| Error::NoCursor(name.to_string()))
    }

    /// One page of the cursors.
    ///
    /// # Errors
    /// As [`LogReader::cursors`].
    pub async fn cursors(&self, query: &CursorsQuery) -> Result<CursorsPage> {
        self.store.cursors(query).await
    }

    /// Number of sequences between the position of `cursor` and the tip.
    pub fn lag(&self, cursor: &Cursor) -> u64 {
        let tip = self.store.watermarks().tip.get();
        tip.saturating_sub(cursor.position.get())
    }

    /// The tip and the durable watermark.
    pub fn watermarks(&self) -> Watermarks {
        self.store.watermarks()
    }

    /// The floor of the log.
    pub fn floor(&self) -> Sequence {
        self.store.floor()
    }

    /// The current state of the store.
    pub fn status(&self) -> Status {
        self.store.status()
    }

    /// How many followers there are now.
    pub fn followers(&self) -> usize {
        self.followers.count()
    }

    /// Whether the store answers.
    ///
    /// # Errors
    /// As [`LogReader::check`].
    pub async fn check(&self) -> Result<()> {
        self.store.check().await
    }

    /// Resolves when the store has stopped by itself.
    pub async fn stopped(&self) -> Stopped {
        self.store.stopped().await
    }
}
