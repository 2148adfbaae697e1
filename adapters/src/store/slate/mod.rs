//! The SlateDB store: the log on an object store.
//!
//! The path of an append: [`SlateStore::append`] → `queue` → `writer`, which is driven by the domain's sequencer →
//! `rows` → `layout` → SlateDB. `flush` makes appends durable. `engine_status` reports the durable watermark and the end of the
//! engine to `shared`, and `durable_answers` answers the appends that wait for them. The path of a read: [`SlateStore::scan`] → `read`,
//! `read_newest`, `read_several` or `key_listing` → `layout`.
//!
//! A read-only server has a `read_only` store in place of all that: the same reads, in a database that another process writes.
//!
//! `raised_floors` raises the floor of the log or of a key, `prefix_rules` those of prefixes, and `cursor_commands` moves cursors. In the background (`rounds`), `removal`
//! removes what is below the floor of the log, `prefix_removal` what is below those of prefixes, and `purge` the bytes of deleted keys.

mod append_reply;
mod background_lookups;
pub mod backup;
mod before;
mod caches;
pub mod check;
mod closing;
#[cfg(feature = "test-util")]
pub mod codecs;
mod commits_without_records;
mod compaction;
mod compactor;
mod compactor_clock;
mod cursor_commands;
mod cursors;
mod directory;
mod doomed;
mod durable_answers;
mod emptied_wal;
mod engine_clock;
mod engine_status;
mod error;
mod filters;
mod first_newer;
mod flush;
mod key_floors;
mod key_listing;
mod key_names;
pub(crate) mod layout;
mod merge_slots;
mod open;
mod opening_reads;
mod options;
mod order_fetch;
mod order_seek;
mod order_spans;
mod order_walk;
mod owner;
mod page_time;
mod plain_objects;
mod prefix_floors;
mod prefix_removal;
mod prefix_rules;
mod purge;
mod queue;
mod raised_floors;
mod read;
mod read_ahead;
mod read_in_order;
mod read_newest;
mod read_only;
mod read_several;
mod record_rows;
mod removal;
mod removal_commits;
mod removal_requests;
mod rounds;
mod rows;
mod scan_several;
mod seen_key;
mod seen_keys;
mod selected_keys;
mod served;
mod session_queue;
pub mod settings;
mod shared;
mod stored;
mod stored_rows;
mod stored_state;
mod stored_watermark;
mod unlisted_keys;
mod unlisting;
mod used_timestamps;
mod vanished;
mod wal_files;
mod wal_place;
mod writer;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use log_domain::segment::{dead, overlapping};
use log_domain::{
    Append, Appended, Backlog, Clock, Counted, Cursor, CursorCommand, CursorMove, CursorName,
    CursorsPage, CursorsQuery, Deletion, Durability, Error, Key, KeysPage, KeysQuery, LogReader,
    LogWriter, Page, PrefixFloor, PrefixRules, Result, Scan, Segment, Selection, Sequence,
    SequenceRange, Status, Stopped, StoredSegment, Trim, Watermarks,
};
use slatedb::config::FlushType;
use slatedb::{Db, VersionedManifest};
use tokio::sync::OnceCell;
use tokio::time::Instant;

pub use caches::Caches;
use compactor::Compactor;
pub use merge_slots::MergeSlots;
pub use options::{Claim, Options, StoreParts};
pub use owner::Instance;
use owner::Ownership;
use page_time::PageTime;
use queue::{FloorRequest, Queue};
use read::Reader;
use read_ahead::ReadAhead;
pub use read_only::{ReadOnlyStore, ReaderOptions, WriterProgress};
pub use served::ServedStore;
use shared::Shared;
use stored_watermark::StoredWatermark;
use vanished::Presence;
use wal_files::WalFiles;
pub use wal_place::WalStore;

/// How often a read begins that finds each time that segments or files went which it may have needed.
const READS: usize = 3;

/// A log in a SlateDB database.
pub struct SlateStore {
    db: Db,
    shared: Arc<Shared>,
    read_ahead: ReadAhead,
    clock: Arc<dyn Clock>,
    presence: Arc<Presence>,
    wal_files: Arc<WalFiles>,
    queue: Queue,
    check_timeout: Duration,
    ownership: Option<Ownership>,
    watermark: Arc<StoredWatermark>,
    /// What merges files, if that is no part of the engine.
    compactor: Option<Compactor>,
    /// How the writer has finished.
    flushed: OnceCell<Result<()>>,
    quiesced: OnceCell<Result<()>>,
    closed: OnceCell<Result<()>>,
}

impl SlateStore {
    /// What a read of now sees that needs this floor of a key.
    fn reader(&self, of_key: Sequence) -> Reader<'_, Db> {
        let floor = self.shared.floor().max(of_key);
        let watermarks = self.shared.watermarks();
        Reader {
            db: &self.db,
            segments: self.shared.segments(),
            watermarks,
            floor,
            key_floors: &self.shared.key_floors,
            key_names: &self.shared.key_names,
            read_ahead: &self.read_ahead,
        }
    }

    /// The newest manifest of the engine.
    fn manifest(&self) -> VersionedManifest {
        self.db.subscribe().borrow().current_manifest.clone()
    }

    /// The answer of `read`, which needs what is at or above `start` and the floors, of `key` if it is of one. It begins again if
    /// something of that went meanwhile.
    ///
    /// # Errors
    /// Those of `read`, and [`Error::Unavailable`] when something went each time.
    async fn read<'a, T, F>(
        &'a self,
        (key, start): (Option<&Key>, Sequence),
        read: impl Fn(Reader<'a, Db>) -> F + Send,
    ) -> Result<T>
    where
        F: Future<Output = Result<T>> + Send,
    {
        for attempt in 0..READS {
            let floors = &self.shared.key_floors;
            let (is_as_marked, purges) = (floors.watch(key), floors.purges());
            let of_key = self.floor_of(key).await;
            let reader = self.reader(of_key.clone().unwrap_or_default());
            let from = reader.floor.max(start);
            let answer = match of_key.clone() {
                Ok(_) => read(reader).await,
                Err(error) => Err(error),
            };
            if attempt == 0 && matches!(answer, Err(Error::Corrupt(_))) {
                self.look_for_replaced_files().await;
            } else if self.shared.has_all_from(from)
                && is_as_marked()
                // A key that was deleted and purged meanwhile has no mark any more.
                && (purges == floors.purges()
                    || self.floor_of(key).await.ok() == of_key.ok())
            {
                return answer;
            }
        }
        Err(trimmed_meanwhile())
    }

    /// A file that was replaced and collected during a read is missing like one that is lost. The next read gets the newest list of
    /// files.
    async fn look_for_replaced_files(&self) {
        if let Err(error) = self.db.refresh_manifest().await {
            tracing::debug!(%error, "the list of files was not read again");
        }
    }

    /// The highest floor in force of `key` and its prefixes; 0 without one.
    async fn floor_of(&self, key: Option<&Key>) -> Result<Sequence> {
        match key {
            Some(key) => self.shared.key_floors.of(&self.db, key).await,
            None => Ok(Sequence::ZERO),
        }
    }

    async fn check_now(&self) -> Result<()> {
        self.look().await?;
        self.db.refresh_manifest().await.map_err(error::read)
    }

    async fn look(&self) -> Result<()> {
        let manifest = self.manifest();
        self.shared.note(self.presence.verify(&manifest).await)
    }
}

/// What to tell a reader that records were taken from each time.
fn trimmed_meanwhile() -> Error {
    Error::unavailable(format!(
        "the log was trimmed {READS} times while it was read: try again"
    ))
}

impl LogReader for SlateStore {
    async fn scan(&self, scan: &Scan) -> Result<Page> {
        let Selection::Key(key) = &scan.selection else {
            return self.scan_several(scan).await;
        };
        let time = PageTime::of(&scan.limit);
        self.read((Some(key), scan.range.start()), |reader| async move {
            reader.scan(key, scan, time).await
        })
        .await
    }

    async fn keys(&self, query: &KeysQuery) -> Result<KeysPage> {
        let time = PageTime::of(&query.limit);
        self.read((None, Sequence::ZERO), |reader| async move {
            reader.keys(query, time).await
        })
        .await
    }

    async fn segments(&self, range: SequenceRange) -> Result<Vec<Segment>> {
        let range = range.above(self.shared.floor());
        Ok(overlapping(&self.shared.segments(), range.start(), range.end()).to_vec())
    }

    async fn count(&self, key: &Key, range: SequenceRange) -> Result<Counted> {
        self.read((Some(key), range.start()), |reader| async move {
            reader.count(key, range).await
        })
        .await
    }

    async fn cursor(&self, name: &CursorName) -> Result<Option<Cursor>> {
        Ok(self.shared.cursors.get(name))
    }

    async fn cursors(&self, query: &CursorsQuery) -> Result<CursorsPage> {
        Ok(self.shared.cursors.list(query))
    }

    fn watermarks(&self) -> Watermarks {
        self.shared.watermarks()
    }

    fn floor(&self) -> Sequence {
        self.shared.floor()
    }

    fn prefix_floor(&self, key: &Key) -> Sequence {
        self.shared.key_floors.prefixes().of(key)
    }

    fn status(&self) -> Status {
        let (queued_requests, queued_bytes) = self.queue.used();
        let segments = self.shared.segments();
        let (purges, oldest_purge) = self.shared.key_floors.backlog(self.clock.now_ms());
        let dead_segments = dead(&segments, self.shared.floor()).len() as u64;
        Status {
            watermarks: self.shared.watermarks(),
            durable_lag: self.shared.durable_lag(),
            queued_requests,
            queued_bytes,
            segments: segments.len() as u64,
            dead_segments,
            purges,
            oldest_purge,
            cursors: self.shared.cursors.count(),
            active_segment: segments.last().map_or(0, |segment| segment.id),
            lag: None,
            lag_sequences: Some(0),
            stopped: self.shared.stopped(),
        }
    }

    async fn check(&self) -> Result<()> {
        if let Some(why) = self.shared.stopped() {
            return Err(why.error());
        }
        match tokio::time::timeout(self.check_timeout, self.check_now()).await {
            Ok(answer) => answer,
            Err(_) => Err(Error::unavailable(format!(
                "the object store did not answer within {} ms",
                self.check_timeout.as_millis()
            ))),
        }
    }

    async fn stopped(&self) -> Stopped {
        match self.shared.until_stopped().await {
            Stopped::Closing => std::future::pending().await,
            why => why,
        }
    }
}

impl LogWriter for SlateStore {
    async fn append(&self, append: Append, durability: Durability) -> Result<Appended> {
        self.queue.append(append, durability, &self.shared).await
    }

    async fn append_all(&self, appends: Vec<(Append, Durability)>) -> Vec<Result<Appended>> {
        self.queue.append_all(appends, &self.shared).await
    }

    async fn trim(&self, trim: Trim) -> Result<Sequence> {
        let trim = FloorRequest::Trim(trim);
        self.queue.raise(trim, &self.shared).await
    }

    async fn delete(&self, deletion: Deletion) -> Result<Sequence> {
        let floors = &self.shared.key_floors;
        let purges = floors.purges();
        let read = floors.stored(&self.db, &deletion.key);
        let late = |_| Error::unavailable("the store did not answer in time; nothing was deleted");
        let stored = tokio::time::timeout(self.queue.timeout(), read).await;
        let stored = stored.map_err(late)??;
        let deletion = FloorRequest::Delete(deletion, (stored, purges));
        self.queue.raise(deletion, &self.shared).await
    }

    async fn apply_rules(&self, rules: &PrefixRules) -> Result<Vec<PrefixFloor>> {
        // With floors and without rules, some may be forgotten.
        match rules.is_off() && self.shared.key_floors.prefixes().is_empty() {
            true => Ok(Vec::new()),
            false => self.queue.apply_rules(rules.clone(), &self.shared).await,
        }
    }

    async fn move_cursor(&self, wanted: CursorMove) -> Result<Cursor> {
        let command = CursorCommand::Move(wanted);
        let moved = self.queue.cursor(command, &self.shared).await?;
        moved.ok_or_else(|| Error::internal("a cursor that was moved is not there"))
    }

    async fn delete_cursor(&self, name: &CursorName) -> Result<bool> {
        let command = CursorCommand::Delete(name.clone());
        let deleted = self.queue.cursor(command, &self.shared).await?;
        Ok(deleted.is_some())
    }

    fn stored(&self) -> Vec<StoredSegment> {
        let segments = self.shared.segments();
        let floor = self.shared.floor();
        let left = overlapping(&segments, floor, Sequence::MAX);
        stored::stored(&self.manifest(), left, floor)
    }

    fn backlog(&self) -> Backlog {
        let replayed = self.manifest().replay_after_wal_id();
        self.wal_files.backlog(replayed)
    }

    /// Writes a data file of what is in memory: the next writer reads no file of the WAL for it. Stores how far the log is durable, which it reads too.
    async fn prepare_close(&self) -> Result<()> {
        flush::flush(&self.db, FlushType::MemTable).await?;
        self.store_watermark().await
    }

    async fn quiesce(&self, within: Duration) -> Result<()> {
        let deadline = Instant::now() + within;
        let (quiesced, ()) =
            futures::join!(self.quiesced_by(deadline), self.give_up_watermark(deadline));
        quiesced
    }

    async fn close(&self, within: Duration) -> Result<()> {
        let close = self.close_now(Instant::now() + within);
        self.closed.get_or_init(|| close).await.clone()
    }
}
