//! The writing side of a store that only reads: everything is refused.

use std::time::Duration;

use log_domain::segment::overlapping;
use log_domain::{
    Append, Appended, Cursor, CursorMove, CursorName, Deletion, Durability, Error, LogWriter,
    PrefixFloor, PrefixRules, Result, Sequence, Stopped, StoredSegment, Trim,
};

use super::ReadOnlyStore;
use crate::store::slate::stored;

impl LogWriter for ReadOnlyStore {
    async fn append(&self, _append: Append, _durability: Durability) -> Result<Appended> {
        Err(Error::NotWriter)
    }

    async fn trim(&self, _trim: Trim) -> Result<Sequence> {
        Err(Error::NotWriter)
    }

    async fn delete(&self, _deletion: Deletion) -> Result<Sequence> {
        Err(Error::NotWriter)
    }

    async fn apply_rules(&self, _rules: &PrefixRules) -> Result<Vec<PrefixFloor>> {
        Err(Error::NotWriter)
    }

    async fn move_cursor(&self, _wanted: CursorMove) -> Result<Cursor> {
        Err(Error::NotWriter)
    }

    async fn delete_cursor(&self, _name: &CursorName) -> Result<bool> {
        Err(Error::NotWriter)
    }

    fn stored(&self) -> Vec<StoredSegment> {
        let view = self.views.now();
        let left = overlapping(&view.segments, view.floor, Sequence::MAX);
        stored::stored(&self.db.manifest(), left, view.floor)
    }

    /// Nothing was acknowledged, so nothing can be lost.
    async fn close(&self, within: Duration) -> Result<()> {
        self.stopped.send_modify(|stopped| {
            *stopped = stopped.or(Some(Stopped::Closing));
        });
        match tokio::time::timeout(within, self.db.close()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "the storage engine did not close cleanly"),
            Err(_) => tracing::warn!("the storage engine did not close in time"),
        }
        Ok(())
    }
}
