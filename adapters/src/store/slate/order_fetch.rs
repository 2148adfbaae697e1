//! Fetches the record rows of a key for what the order says of it. For those of many keys, see `order_seek`.

use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::{Bytes, BytesMut};
use log_domain::{Key, Result, Run, SegmentId, Sequence};
use slatedb::DbReadOps;

use super::error;
use super::layout::records::{self, Row};
use super::order_spans::Span;
use super::record_rows::{next_row, rows};

/// Bytes that are read ahead of a key with records in many commits.
const READ_AHEAD_BYTES: usize = 16 * 1024;
/// A smaller value is copied, so that it does not keep a whole block in memory.
const COPIED_BYTES: usize = 2_048;
/// Copies share allocations of so many bytes. The first ones are smaller.
const SHARED_BYTES: usize = 64 * 1024;
const LEAST_SHARED_BYTES: usize = 4 * 1024;
/// What a key and a run take in memory in addition to their bytes, about.
const KEY_BYTES: usize = 160;
const RUN_BYTES: usize = 96;

/// Which records of a key are wanted.
pub(super) struct Wanted {
    pub(super) key: Key,
    pub(super) span: Span,
    /// Its records below are hidden. Not above the last one.
    pub(super) floor: Sequence,
}

/// A key, and runs with what is wanted of it.
pub(super) type Fetched = (Wanted, Vec<Run>);

/// How much is fetched of a window.
pub(super) struct Budget {
    most: usize,
    bytes: AtomicUsize,
    /// Keys that were begun with.
    keys: AtomicUsize,
}

impl Budget {
    /// For so many bytes of keys and records, and a bit more.
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            bytes: AtomicUsize::new(0),
            keys: AtomicUsize::new(0),
        }
    }

    /// Bytes that were fetched.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Whether they are too many. Then not everything was fetched.
    pub(super) fn is_over(&self) -> bool {
        self.bytes() > self.most
    }

    /// What all of so many keys take, by those that were begun with.
    pub(super) fn estimate(&self, keys: usize) -> usize {
        let begun = self.keys.load(Ordering::Relaxed).clamp(1, keys.max(1));
        (self.bytes() / begun).saturating_mul(keys)
    }

    /// The key is fetched now.
    pub(super) fn begin(&self, key: &Key) {
        self.keys.fetch_add(1, Ordering::Relaxed);
        self.take(KEY_BYTES + key.as_ref().len());
    }

    /// The run was fetched.
    pub(super) fn take_run(&self, run: &Run) {
        self.take(RUN_BYTES + run.encoded().len());
    }

    fn take(&self, bytes: usize) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }
}

impl Wanted {
    /// The runs with these records, and some others at both ends. Not all of them once the budget is used up.
    ///
    /// # Errors
    /// As any read.
    pub(super) async fn fetch(
        &self,
        db: &(impl DbReadOps + Sync),
        segment: SegmentId,
        budget: &Budget,
    ) -> Result<Vec<Run>> {
        budget.begin(&self.key);
        match self.fetch_parts(db, segment, budget).await? {
            Some(runs) => Ok(runs),
            None => self.fetch_all(db, segment, budget).await,
        }
    }

    /// One lookup for each commit. `None` if these are many, or if a row is not where it is expected.
    async fn fetch_parts(
        &self,
        db: &(impl DbReadOps + Sync),
        segment: SegmentId,
        budget: &Budget,
    ) -> Result<Option<Vec<Run>>> {
        let Some(parts) = self.span.parts() else {
            return Ok(None);
        };
        let mut runs = Vec::with_capacity(parts.len());
        let mut decoded = Rows::default();
        for part in parts.iter().filter(|part| part.end >= self.floor) {
            if budget.is_over() {
                break;
            }
            let row_key = records::key(segment, self.key.as_ref(), part.end);
            let value = db.get(&row_key).await.map_err(error::read)?;
            let row = value.map(|value| decoded.decode(&row_key, &value));
            let row = row.transpose()?;
            // Otherwise the records or their order have several rows, or they are gone.
            let first = part.first.max(self.floor);
            let Some(row) = row.filter(|row| row.run.first() <= first) else {
                return Ok(None);
            };
            budget.take_run(&row.run);
            runs.push(row.run);
        }
        Ok(Some(runs))
    }

    /// One scan.
    async fn fetch_all(
        &self,
        db: &(impl DbReadOps + Sync),
        segment: SegmentId,
        budget: &Budget,
    ) -> Result<Vec<Run>> {
        let (first, last) = (self.span.first.max(self.floor), self.span.last);
        let mut rows = rows(db, segment, &self.key, first, READ_AHEAD_BYTES).await?;
        let mut runs = Vec::new();
        while !budget.is_over()
            && let Some(row) = next_row(&mut rows).await?
            && row.run.first() <= last
        {
            let is_last = row.run.last() >= last;
            budget.take_run(&row.run);
            runs.push(row.run);
            if is_last {
                break;
            }
        }
        Ok(runs)
    }
}

/// Decodes rows without keeping the blocks in memory that they were read from.
#[derive(Default)]
pub(super) struct Rows {
    copies: BytesMut,
    allocated: usize,
}

impl Rows {
    /// The row.
    ///
    /// # Errors
    /// [`log_domain::Error::Corrupt`] when it is damaged.
    pub(super) fn decode(&mut self, row_key: &Bytes, value: &Bytes) -> Result<Row> {
        if value.len() >= COPIED_BYTES {
            return records::decode(row_key, value);
        }
        if self.copies.capacity() < value.len() {
            self.allocated = (2 * self.allocated).clamp(LEAST_SHARED_BYTES, SHARED_BYTES);
            self.copies = BytesMut::with_capacity(self.allocated);
        }
        self.copies.extend_from_slice(value);
        records::decode(row_key, &self.copies.split().freeze())
    }
}
