//! The service: the operations of a server, over any store.

use std::sync::Arc;
use std::time::Duration;

use crate::cluster::{Partition, Partitions};
use crate::commit_merge::merge_commit;
use crate::follow::{Delivery, Followers, Following};
use crate::page::PageBuilder;
use crate::ports::Telemetry;
use crate::{
    Append, Appended, Counted, Cursor, CursorMove, CursorName, CursorsPage, CursorsQuery, Deletion,
    Durability, Error, Key, KeysPage, KeysQuery, Limits, LogReader, LogWriter, Page, PrefixFloor,
    PrefixRules, Result, Run, Scan, Segment, Selection, Sequence, SequenceRange, Side, Status,
    Stopped, StoredSegment, Trim, Visibility, Watermarks,
};

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
            has_ended |= append.producer().is_some() && outcome.is_err();
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

    /// Starts to follow the keys of `scan` from its start on.
    ///
    /// # Errors
    /// [`crate::Error::Overloaded`] when there are too many followers; [`crate::Error::Invalid`] for the newest records of a range,
    /// which are one page.
    pub fn tail(self: &Arc<Self>, scan: Scan) -> Result<Tail<S>> {
        if scan.side == Side::Newest {
            return Err(Error::invalid(
                "a follower cannot ask for the newest records of a range",
            ));
        }
        let selection = scan.selection.clone();
        // Before the first read, so that no commit is missed between the two.
        let following = self.followers.register(selection, scan.visibility)?;
        Ok(Tail {
            service: Arc::clone(self),
            following,
            before: (scan.range, scan.start_time_ms),
            scan,
            must_scan: true,
        })
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

/// A reader at, or on its way to, the tip of a key or of several.
pub struct Tail<S> {
    service: Arc<LogService<S>>,
    following: Following,
    scan: Scan,
    /// Where the last page began.
    before: (SequenceRange, Option<i64>),
    must_scan: bool,
}

impl<S: LogReader> Tail<S> {
    /// Waits for the next records, or for news of a trim: a page with records or with [`Page::trimmed_before`], or `None` when
    /// there will be no more because the range ends or the server stops.
    ///
    /// The future is cancel-safe: after it is dropped, the next call continues at the same position.
    ///
    /// # Errors
    /// As [`LogReader::scan`]; [`crate::Error::Fenced`] or [`crate::Error::Unavailable`] when the store stopped by itself.
    pub async fn next(&mut self) -> Result<Option<Page>> {
        while self.scan.range.start() < self.scan.range.end() {
            let page = if self.must_scan {
                // In a box: what a read takes is not kept while the tail waits.
                let page = Box::pin(self.service.store.scan(&self.scan)).await?;
                self.must_scan = !page.complete;
                page
            } else {
                match self.following.next().await {
                    Delivery::Run(run) => self.gather(Records::Run(run))?,
                    Delivery::Commit { runs, end } => self.gather(Records::Commit(runs, end))?,
                    Delivery::Behind => {
                        self.must_scan = true;
                        continue;
                    }
                    Delivery::Stopped(why) => return stopped(why),
                }
            };
            let before = (self.scan.range, self.scan.start_time_ms);
            self.scan.range = self.scan.range.starting_at(page.next);
            if !page.is_empty() {
                self.before = before;
                self.scan.start_time_ms = None;
                self.service.telemetry.scanned(page.records, page.bytes);
                return Ok(Some(page));
            }
            if page.trimmed_before.is_some() {
                self.before = before;
                return Ok(Some(page));
            }
        }
        Ok(None)
    }

    /// Puts the last page back, to be read again from the store. For callers without memory budget for the page.
    pub fn put_back(&mut self) {
        (self.scan.range, self.scan.start_time_ms) = self.before;
        self.must_scan = true;
    }

    /// Whether the reader is at the tip, so that [`Tail::next`] waits for an append and not for the store.
    pub fn is_caught_up(&self) -> bool {
        !self.must_scan
    }

    /// The position to resume from: all records of the selection below it were returned.
    pub fn position(&self) -> Sequence {
        let reached = if self.must_scan {
            None
        } else {
            self.following.caught_up_to()
        };
        let start = self.scan.range.start();
        reached.map_or(start, |reached| {
            start.max(reached.min(self.scan.range.end()))
        })
    }

    /// A page of `records` and others that were delivered. What does not fit is scanned later.
    fn gather(&mut self, records: Records) -> Result<Page> {
        let store = &self.service.store;
        // In this order: the floor of a prefix can be forgotten for that of the log.
        let covering = |key: &Key| store.prefix_floor(key);
        let of_prefixes = self.scan.selection.covering_floor(covering);
        let floor = store.floor().max(of_prefixes);
        // Nothing of the selection lies between the position and these records, so nothing was missed there.
        let undelivered = self.scan.range.above(records.first());
        let range = self.scan.range.above(floor);
        let mut builder = PageBuilder::new(range, self.scan.start_time_ms, self.scan.limit);
        let mut end = records.end();
        let mut wants_more = self.push(records, &mut builder)?;
        while wants_more {
            let records = match self.following.try_next() {
                Some(Delivery::Run(run)) => Records::Run(run),
                Some(Delivery::Commit { runs, end }) => Records::Commit(runs, end),
                Some(Delivery::Behind) => {
                    self.must_scan = true;
                    break;
                }
                Some(Delivery::Stopped(_)) | None => break,
            };
            end = records.end();
            wants_more = self.push(records, &mut builder)?;
        }
        let mut page = builder.finish(end);
        page.trimmed_before = undelivered.trimmed_before(floor);
        self.must_scan |= !page.complete;
        Ok(page)
    }

    /// Puts what is left of `records` into the page. Returns whether the page has room for more.
    fn push(&self, records: Records, page: &mut PageBuilder) -> Result<bool> {
        let runs = match records {
            Records::Run(run) => return page.push(&run),
            Records::Commit(runs, _) => runs,
        };
        let store = &self.service.store;
        // In the same order as for the page.
        let of_prefixes = runs.iter().map(|(key, _)| store.prefix_floor(key));
        let of_prefixes: Vec<Sequence> = of_prefixes.collect();
        let log = store.floor();
        let mut left = Vec::with_capacity(runs.len());
        for ((key, run), of_prefixes) in runs.into_iter().zip(of_prefixes) {
            let range = self.scan.range.above(log.max(of_prefixes));
            let (run, _) = run.cut(range, usize::MAX, usize::MAX)?;
            left.extend(run.map(|run| (key, run)));
        }
        merge_commit(&left, self.scan.limit, |run| page.push(run))
    }
}

/// What was delivered.
enum Records {
    Run(Run),
    /// The runs of several keys, and the end of their commit.
    Commit(Vec<(Key, Run)>, Sequence),
}

impl Records {
    fn first(&self) -> Sequence {
        match self {
            Self::Run(run) => run.first(),
            Self::Commit(runs, end) => {
                let first = runs.iter().map(|(_, run)| run.first());
                first.min().unwrap_or(*end)
            }
        }
    }

    /// Nothing of the selection below it is still to come.
    fn end(&self) -> Sequence {
        match self {
            Self::Run(run) => run.last().plus(1),
            Self::Commit(_, end) => *end,
        }
    }
}

fn stopped(why: Stopped) -> Result<Option<Page>> {
    match why {
        Stopped::Closing => Ok(None),
        Stopped::Fenced | Stopped::Failed => Err(why.error()),
    }
}
