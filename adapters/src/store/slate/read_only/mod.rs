//! The log of a read-only server: read from the object store alone, alongside the server that writes it.
//!
//! SlateDB's reader polls the store, and `polls` observes that through the wrapper of the store (`watched`). When the writer sends a file
//! of the WAL (`writer_progress`), `poll_clock` starts the next poll early, and that poll is answered from memory (`fed`). `follow` has `view`
//! show each newer state, which wakes followers. Nothing is written, and nothing is protected from garbage collection: a read that finds
//! a file missing begins again on newer state.

mod fed;
mod follow;
mod open;
mod poll_clock;
mod polls;
mod view;
mod watched;
mod writer_progress;
mod writes;

use std::sync::Arc;
use std::time::Duration;

use log_domain::segment::{dead, overlapping};
use log_domain::{
    Clock, Counted, Cursor, CursorName, CursorsPage, CursorsQuery, Error, Key, KeysPage, KeysQuery,
    LogReader, Page, Result, Scan, Segment, Selection, Sequence, SequenceRange, Status, Stopped,
    Watermarks,
};
use slatedb::DbReader;
use tokio::sync::watch;
use tokio::time::Instant;

pub use open::ReaderOptions;
pub use writer_progress::WriterProgress;

use self::open::Identity;
use self::polls::Polls;
use self::view::{View, Views};
use super::key_names::KeyNames;
use super::page_time::PageTime;
use super::read::Reader;
use super::read_ahead::ReadAhead;
use super::read_several::MERGED_KEYS;

/// How often a read begins that finds each time that something went which it may have needed.
const READS: usize = 4;

/// A log that is only read.
pub struct ReadOnlyStore {
    db: Arc<DbReader>,
    views: Arc<Views>,
    names: KeyNames,
    read_ahead: ReadAhead,
    polls: Arc<Polls>,
    clock: Arc<dyn Clock>,
    identity: Identity,
    max_lag: Duration,
    writer: Arc<WriterProgress>,
    check_timeout: Duration,
    stopped: watch::Sender<Option<Stopped>>,
}

impl ReadOnlyStore {
    /// The age of what is shown.
    fn lag(&self) -> Duration {
        self.polls.age().max(self.views.behind())
    }

    /// Where to report what the server that writes the log tells.
    pub fn writer_progress(&self) -> Arc<WriterProgress> {
        Arc::clone(&self.writer)
    }

    /// The number of the commit that is shown.
    #[cfg(test)]
    pub(super) fn number_shown(&self) -> impl Fn() -> u64 + Send + Sync + use<> {
        let views = Arc::clone(&self.views);
        move || views.now().number.get()
    }

    fn reader<'a>(&'a self, view: View, of_key: Sequence) -> Reader<'a, DbReader> {
        Reader {
            db: &self.db,
            segments: view.segments,
            watermarks: view.watermarks,
            floor: view.floor.max(of_key),
            key_floors: &self.views.key_floors,
            key_names: &self.names,
            read_ahead: &self.read_ahead,
        }
    }

    /// The answer of `read`, which needs what is at or above `start` and the floors, of `key` if it is of one. It begins again if some of
    /// that may have gone meanwhile, or if a file is missing: it may have been replaced and collected. `steadily` if records below the
    /// floor of the key must not go either.
    ///
    /// # Errors
    /// Those of `read`, and [`Error::Unavailable`] when something went each time.
    async fn read<'a, T, F>(
        &'a self,
        (key, start, steadily): (Option<&Key>, Sequence, bool),
        read: impl Fn(Reader<'a, DbReader>) -> F + Send,
    ) -> Result<T>
    where
        F: Future<Output = Result<T>> + Send,
    {
        let floors = &self.views.key_floors;
        for attempt in 0..READS {
            let began = Instant::now();
            let (is_as_marked, purges) = (floors.watch(key), floors.purges());
            let read_all = async {
                let of_key = self.floor_of(key).await?;
                let view = self.views.now();
                let number = view.number;
                let reader = self.reader(view, of_key);
                let from = reader.floor.max(start);
                let answer = read(reader).await;
                if let Err(error @ Error::Corrupt(_)) = answer {
                    return Err(error);
                }
                let after = self.latest().await?;
                let is_whole = after.number == number
                    || after.floor <= from
                        && is_as_marked()
                        && !(steadily && of_key > Sequence::ZERO)
                        && (purges == floors.purges() || self.floor_of(key).await? == of_key);
                Ok((answer, is_whole))
            };
            match read_all.await {
                Ok((answer, true)) => return answer,
                Ok((_, false)) => {}
                Err(Error::Corrupt(_)) if attempt + 1 < READS => self.newer_state(began).await,
                Err(error) => return Err(error),
            }
        }
        Err(changed_meanwhile())
    }

    /// The state that the reads of now see. None that began earlier has seen a newer one.
    async fn latest(&self) -> Result<View> {
        let found = self.db.status().durable_seq;
        if found > self.views.now().number.get() {
            self.views.load(&self.db).await?;
        }
        Ok(self.views.now())
    }

    /// Waits until the engine may have newer files than it had at `moment`.
    async fn newer_state(&self, moment: Instant) {
        let mut status = self.db.subscribe();
        let manifest = status.borrow_and_update().current_manifest.id();
        tokio::select! {
            () = self.polls.one_after(moment) => {}
            never = self.writer.look_again() => match never {},
            _ = status.wait_for(|status| status.current_manifest.id() != manifest) => {}
        }
    }

    async fn floor_of(&self, key: Option<&Key>) -> Result<Sequence> {
        match key {
            Some(key) => self.views.key_floors.of(&*self.db, key).await,
            None => Ok(Sequence::ZERO),
        }
    }

    /// One page of several keys.
    async fn scan_several(&self, scan: &Scan) -> Result<Page> {
        let floors = &self.views.key_floors;
        let time = PageTime::of(&scan.limit);
        for attempt in 0..READS {
            let began = Instant::now();
            let deletions = self.views.deletions();
            // Before the floor of the log, for which one of a prefix can be forgotten.
            let prefixes = floors.prefixes().now();
            let of_key = |key: &Key| prefixes.of_key(key.as_ref());
            let covering = scan.selection.covering_floor(of_key);
            let read_all = async {
                let view = self.views.now();
                let number = view.number;
                let reader = self.reader(view, covering);
                let from = reader.floor.max(scan.range.start());
                let page = reader.several(scan, &prefixes, MERGED_KEYS, time).await?;
                let after = self.latest().await?;
                let is_whole = after.number == number
                    || after.floor <= from && deletions == self.views.deletions();
                Ok(page.filter(|_| is_whole))
            };
            match read_all.await {
                Ok(Some(page)) => return Ok(page),
                Ok(None) => {}
                Err(Error::Corrupt(_)) if attempt + 1 < READS => self.newer_state(began).await,
                Err(error) => return Err(error),
            }
        }
        Err(changed_meanwhile())
    }
}

impl Drop for ReadOnlyStore {
    /// Ends the polls of one that was not closed.
    fn drop(&mut self) {
        let db = Arc::clone(&self.db);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { db.close().await });
        }
    }
}

fn changed_meanwhile() -> Error {
    Error::unavailable(format!(
        "records were deleted, or files replaced, each of the {READS} times that they were read: try again"
    ))
}

impl LogReader for ReadOnlyStore {
    async fn scan(&self, scan: &Scan) -> Result<Page> {
        let Selection::Key(key) = &scan.selection else {
            return self.scan_several(scan).await;
        };
        let needs = (Some(key), scan.range.start(), false);
        let time = PageTime::of(&scan.limit);
        self.read(
            needs,
            |reader| async move { reader.scan(key, scan, time).await },
        )
        .await
    }

    async fn keys(&self, query: &KeysQuery) -> Result<KeysPage> {
        let time = PageTime::of(&query.limit);
        self.read((None, Sequence::ZERO, false), |reader| async move {
            reader.keys(query, time).await
        })
        .await
    }

    async fn segments(&self, range: SequenceRange) -> Result<Vec<Segment>> {
        let view = self.views.now();
        let range = range.above(view.floor);
        Ok(overlapping(&view.segments, range.start(), range.end()).to_vec())
    }

    async fn count(&self, key: &Key, range: SequenceRange) -> Result<Counted> {
        // It is the difference of two positions, which count from the first record of the key that is stored.
        let needs = (Some(key), range.start(), true);
        self.read(
            needs,
            |reader| async move { reader.count(key, range).await },
        )
        .await
    }

    async fn cursor(&self, name: &CursorName) -> Result<Option<Cursor>> {
        Ok(self.views.now().cursors.get(name))
    }

    async fn cursors(&self, query: &CursorsQuery) -> Result<CursorsPage> {
        Ok(self.views.now().cursors.list(query))
    }

    fn watermarks(&self) -> Watermarks {
        self.views.now().watermarks
    }

    fn floor(&self) -> Sequence {
        self.views.now().floor
    }

    fn prefix_floor(&self, key: &Key) -> Sequence {
        self.views.key_floors.prefixes().of(key)
    }

    fn status(&self) -> Status {
        let view = self.views.now();
        let (purges, oldest_purge) = self.views.key_floors.backlog(self.clock.now_ms());
        Status {
            watermarks: view.watermarks,
            segments: view.segments.len() as u64,
            dead_segments: dead(&view.segments, view.floor).len() as u64,
            purges,
            oldest_purge,
            cursors: view.cursors.count(),
            active_segment: view.segments.last().map_or(0, |segment| segment.id),
            lag: Some(self.lag()),
            lag_sequences: self.writer.lag(),
            stopped: *self.stopped.borrow(),
            ..Status::default()
        }
    }

    /// Whether what is shown is recent enough, and is still the log that is there.
    async fn check(&self) -> Result<()> {
        if let Some(why) = *self.stopped.borrow() {
            return Err(why.error());
        }
        let lag = self.lag();
        if lag > self.max_lag {
            return Err(Error::unavailable(format!(
                "what this read-only server shows is {} s old (reader.max_lag is {} s): the object store does not answer, or its answers \
                 cannot be used",
                lag.as_secs(),
                self.max_lag.as_secs()
            )));
        }
        match tokio::time::timeout(self.check_timeout, self.identity.verify()).await {
            Ok(Ok(())) | Err(_) => Ok(()),
            // It is too old soon.
            Ok(Err(Error::Unavailable { cause: Some(_), .. })) => Ok(()),
            Ok(Err(error)) => Err(error),
        }
    }

    async fn stopped(&self) -> Stopped {
        let mut stopped = self.stopped.subscribe();
        let failed = stopped.wait_for(|why| matches!(why, Some(Stopped::Failed)));
        let has_failed = failed.await.is_ok();
        match has_failed {
            true => Stopped::Failed,
            // The sender is here, so it does not go.
            false => std::future::pending().await,
        }
    }
}
