//! The store of a server: of the one that writes the log, or of one that only reads it.

use std::time::Duration;

use log_domain::{
    Append, Appended, Backlog, Counted, Cursor, CursorMove, CursorName, CursorsPage, CursorsQuery,
    Deletion, Durability, Key, KeysPage, KeysQuery, LogReader, LogWriter, Page, PrefixFloor,
    PrefixRules, Result, Scan, Segment, Sequence, SequenceRange, Status, Stopped, StoredSegment,
    Trim, Watermarks,
};

use super::SlateStore;
use super::read_only::ReadOnlyStore;

/// The store of a server. Both kinds have the same reads; one that only reads refuses everything else with
/// [`log_domain::Error::NotWriter`].
pub enum ServedStore {
    /// That of the server that writes the log.
    Writer(Box<SlateStore>),
    /// That of a read-only server.
    ReadOnly(Box<ReadOnlyStore>),
}

/// Asks the store, whichever it is.
macro_rules! of {
    ($store:expr, $inner:ident => $answer:expr) => {
        match $store {
            ServedStore::Writer($inner) => $answer,
            ServedStore::ReadOnly($inner) => $answer,
        }
    };
}

impl ServedStore {
    /// Whether it only reads.
    pub fn is_read_only(&self) -> bool {
        matches!(self, Self::ReadOnly(_))
    }
}

impl LogReader for ServedStore {
    async fn scan(&self, scan: &Scan) -> Result<Page> {
        of!(self, store => store.scan(scan).await)
    }

    async fn keys(&self, query: &KeysQuery) -> Result<KeysPage> {
        of!(self, store => store.keys(query).await)
    }

    async fn segments(&self, range: SequenceRange) -> Result<Vec<Segment>> {
        of!(self, store => store.segments(range).await)
    }

    async fn count(&self, key: &Key, range: SequenceRange) -> Result<Counted> {
        of!(self, store => store.count(key, range).await)
    }

    async fn cursor(&self, name: &CursorName) -> Result<Option<Cursor>> {
        of!(self, store => store.cursor(name).await)
    }

    async fn cursors(&self, query: &CursorsQuery) -> Result<CursorsPage> {
        of!(self, store => store.cursors(query).await)
    }

    fn watermarks(&self) -> Watermarks {
        of!(self, store => store.watermarks())
    }

    fn floor(&self) -> Sequence {
        of!(self, store => store.floor())
    }

    fn prefix_floor(&self, key: &Key) -> Sequence {
        of!(self, store => store.prefix_floor(key))
    }

    fn status(&self) -> Status {
        of!(self, store => store.status())
    }

    async fn check(&self) -> Result<()> {
        of!(self, store => store.check().await)
    }

    async fn stopped(&self) -> Stopped {
        of!(self, store => store.stopped().await)
    }
}

impl LogWriter for ServedStore {
    async fn append(&self, append: Append, durability: Durability) -> Result<Appended> {
        of!(self, store => store.append(append, durability).await)
    }

    async fn append_all(&self, appends: Vec<(Append, Durability)>) -> Vec<Result<Appended>> {
        of!(self, store => store.append_all(appends).await)
    }

    async fn trim(&self, trim: Trim) -> Result<Sequence> {
        of!(self, store => store.trim(trim).await)
    }

    async fn delete(&self, deletion: Deletion) -> Result<Sequence> {
        of!(self, store => store.delete(deletion).await)
    }

    async fn apply_rules(&self, rules: &PrefixRules) -> Result<Vec<PrefixFloor>> {
        of!(self, store => store.apply_rules(rules).await)
    }

    async fn move_cursor(&self, wanted: CursorMove) -> Result<Cursor> {
        of!(self, store => store.move_cursor(wanted).await)
    }

    async fn delete_cursor(&self, name: &CursorName) -> Result<bool> {
        of!(self, store => store.delete_cursor(name).await)
    }

    fn stored(&self) -> Vec<StoredSegment> {
        of!(self, store => store.stored())
    }

    fn backlog(&self) -> Backlog {
        of!(self, store => store.backlog())
    }

    async fn prepare_close(&self) -> Result<()> {
        of!(self, store => store.prepare_close().await)
    }

    async fn quiesce(&self, within: Duration) -> Result<()> {
        of!(self, store => store.quiesce(within).await)
    }

    async fn close(&self, within: Duration) -> Result<()> {
        of!(self, store => store.close(within).await)
    }
}
