//! Readers that wait for what comes.

use std::sync::Arc;

use super::LogService;
use crate::commit_merge::merge_commit;
use crate::follow::{Delivery, Following};
use crate::page::PageBuilder;
use crate::{
    Error, Key, LogReader, Page, Result, Run, Scan, Sequence, SequenceRange, Side, Stopped,
};

impl<S: LogReader> LogService<S> {
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
            has_read: false,
        })
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
    /// Whether the store was read before.
    has_read: bool,
}

impl<S: LogReader> Tail<S> {
    /// Waits for the next records, or for news of a trim: a page with records or with [`Page::trimmed_before`], or `None` when
    /// there will be no more because the range ends or the server stops. One that has not caught up by then ends where it is.
    ///
    /// The future is cancel-safe: after it is dropped, the next call continues at the same position.
    ///
    /// # Errors
    /// As [`LogReader::scan`]; [`crate::Error::Fenced`] or [`crate::Error::Unavailable`] when the store stopped by itself.
    pub async fn next(&mut self) -> Result<Option<Page>> {
        while self.scan.range.start() < self.scan.range.end() {
            let page = if self.must_scan {
                // After the service has ended its followers, the log may be that of another writer, which deletes records.
                if self.has_read
                    && let Some(why) = self.following.stopped()
                {
                    return stopped(why);
                }
                // In a box: what a read takes is not kept while the tail waits.
                let page = Box::pin(self.service.store.scan(&self.scan)).await?;
                self.must_scan = !page.complete;
                self.has_read = true;
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
