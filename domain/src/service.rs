//! The service: the operations of a server, over any store.

use std::sync::Arc;
use std::time::Duration;

use crate::follow::{Delivery, Followers, Following};
use crate::page::PageBuilder;
use crate::ports::Telemetry;
use crate::{
    Append, Appended, Counted, Deletion, Durability, Key, KeysPage, KeysQuery, Limits, LogReader,
    LogWriter, Page, PrefixFloor, PrefixRules, Result, Run, Scan, Segment, Sequence, SequenceRange,
    Status, Stopped, StoredSegment, Trim, Watermarks,
};

/// A log that can be appended to, read and followed.
pub struct LogService<S> {
    store: S,
    followers: Arc<Followers>,
    telemetry: Arc<dyn Telemetry>,
    limits: Limits,
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
    /// As [`LogWriter::append`].
    pub async fn append(
        &self,
        append: impl Into<Append>,
        durability: Durability,
    ) -> Result<Appended> {
        let append = append.into();
        let bytes = append.batch().bytes();
        let appended = self.store.append(append, durability).await?;
        if !appended.duplicate {
            self.telemetry.appended(appended.count, bytes);
        }
        Ok(appended)
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
    /// One page of a key.
    ///
    /// # Errors
    /// As [`LogReader::scan`].
    pub async fn scan(&self, scan: &Scan) -> Result<Page> {
        let page = self.store.scan(scan).await?;
        self.telemetry.scanned(page.records, page.bytes);
        Ok(page)
    }

    /// Starts to follow a key from the start of `scan` on.
    ///
    /// # Errors
    /// [`crate::Error::Overloaded`] when there are too many followers.
    pub fn tail(self: &Arc<Self>, scan: Scan) -> Result<Tail<S>> {
        let following = self.followers.register(scan.key.clone(), scan.visibility)?;
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

/// A reader at, or on its way to, the tip of a key.
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
                let page = self.service.store.scan(&self.scan).await?;
                self.must_scan = !page.complete;
                page
            } else {
                match self.following.next().await {
                    Delivery::Run(run) => self.gather(run)?,
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

    /// The position to resume from: all records of the key below it were returned.
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

    /// A page of `run` and other delivered runs. What does not fit is scanned later.
    fn gather(&mut self, run: Run) -> Result<Page> {
        let store = &self.service.store;
        // In this order: the floor of a prefix can be forgotten for that of the log.
        let of_prefixes = store.prefix_floor(&self.scan.key);
        let floor = store.floor().max(of_prefixes);
        // Nothing of the key lies between the position and this run, so nothing was missed there.
        let undelivered = self.scan.range.above(run.first());
        let range = self.scan.range.above(floor);
        let mut builder = PageBuilder::new(range, self.scan.start_time_ms, self.scan.limit);
        let mut end = run.last().plus(1);
        let mut wants_more = builder.push(&run)?;
        while wants_more {
            match self.following.try_next() {
                Some(Delivery::Run(run)) => {
                    end = run.last().plus(1);
                    wants_more = builder.push(&run)?;
                }
                Some(Delivery::Behind) => {
                    self.must_scan = true;
                    break;
                }
                Some(Delivery::Stopped(_)) | None => break,
            }
        }
        let mut page = builder.finish(end);
        page.trimmed_before = undelivered.trimmed_before(floor);
        self.must_scan |= !page.complete;
        Ok(page)
    }
}

fn stopped(why: Stopped) -> Result<Option<Page>> {
    match why {
        Stopped::Closing => Ok(None),
        Stopped::Fenced | Stopped::Failed => Err(why.error()),
    }
}
