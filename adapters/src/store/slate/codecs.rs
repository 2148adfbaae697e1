//! The codecs of stored rows by themselves, without a database.

use bytes::Bytes;
use log_domain::run::RunBuilder;
use log_domain::sequencer::Commit;
use log_domain::{Result, Run, SegmentId};
use slatedb::WriteBatch;

use super::layout::records;
use super::rows;

/// All rows of a commit.
pub fn encode_commit(commit: &Commit<'_>) -> WriteBatch {
    rows::encode(commit, false).rows
}

/// The key and the value of a record row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordRow {
    key: Bytes,
    value: Bytes,
}

impl RecordRow {
    /// The row of the first records of `log_key` in a segment. `records` adds them. `None` if it adds none.
    pub fn encode(
        segment: SegmentId,
        log_key: &[u8],
        timestamp_ms: i64,
        records: impl FnOnce(&mut RunBuilder),
    ) -> Option<Self> {
        let mut builder = RunBuilder::with_headroom(timestamp_ms, records::HEADROOM, 0);
        records(&mut builder);
        let (run, value) = builder.finish_behind(|run| records::value_head(run, 0))?;
        let key = records::key(segment, log_key, run.last());
        Some(Self { key, value })
    }

    /// The records of the row.
    ///
    /// # Errors
    /// [`log_domain::Error::Corrupt`] when it is damaged.
    pub fn decode(&self) -> Result<Run> {
        records::decode(&self.key, &self.value).map(|row| row.run)
    }
}
