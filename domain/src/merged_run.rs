//! The run that a merge fills.

use crate::run::RunBuilder;
use crate::{PageLimit, Run};

/// Encoded bytes after which a merged run ends.
const MERGED_BYTES: usize = 256 * 1024;

/// Fills runs with the records of several keys, each with one append time and not longer than a page needs.
#[derive(Debug)]
pub(crate) struct MergedRun {
    /// The run that is being filled, and the append time of its records.
    open: Option<(i64, RunBuilder)>,
    /// Records of the open run.
    count: usize,
    /// Records and bytes after which a run ends.
    records: usize,
    bytes: usize,
    /// Encoded bytes that a run has room for at first.
    room: usize,
}

impl MergedRun {
    /// Runs for a page of `limit`, with room for `room` encoded bytes, or a little more than a run has.
    pub(crate) fn new(limit: PageLimit, room: usize) -> Self {
        let bytes = limit.bytes.min(MERGED_BYTES);
        Self {
            open: None,
            count: 0,
            // One more than the page has room for, so that it knows that there are more.
            records: limit.records.saturating_add(1),
            bytes,
            room: room.min(bytes.saturating_add(bytes / 8)),
        }
    }

    /// The open run, if it ends before a record with this append time.
    pub(crate) fn ended(&mut self, timestamp_ms: i64) -> Option<Run> {
        let (time, builder) = self.open.as_ref()?;
        let is_full = self.count >= self.records || builder.len() >= self.bytes;
        match is_full || *time != timestamp_ms {
            true => self.close(),
            false => None,
        }
    }

    /// Where the next record is to be put, which has this append time.
    pub(crate) fn next(&mut self, timestamp_ms: i64) -> &mut RunBuilder {
        self.count += 1;
        let new = || {
            let builder = RunBuilder::with_headroom(timestamp_ms, 0, self.room);
            (timestamp_ms, builder)
        };
        &mut self.open.get_or_insert_with(new).1
    }

    /// The open run, if there is one.
    pub(crate) fn close(&mut self) -> Option<Run> {
        self.count = 0;
        self.open.take()?.1.finish()
    }
}
