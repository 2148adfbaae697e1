//! The records that a page has so far.

use crate::{PageLimit, Result, Run};

/// Runs of a page, and how much there is of them.
#[derive(Debug)]
pub(super) struct Kept {
    limit: PageLimit,
    pub(super) runs: Vec<Run>,
    pub(super) records: usize,
    pub(super) bytes: usize,
}

impl Kept {
    /// Nothing, of a page with this limit.
    pub(super) fn new(limit: PageLimit) -> Self {
        Self {
            limit,
            runs: Vec::new(),
            records: 0,
            bytes: 0,
        }
    }

    /// Takes what fits of a run, which `cut` cuts to so many records and bytes; at least one record if there is none yet. Returns
    /// whether some of it was left out.
    ///
    /// # Errors
    /// Those of `cut`.
    pub(super) fn take(
        &mut self,
        cut: impl Fn(usize, usize) -> Result<(Option<Run>, bool)>,
    ) -> Result<bool> {
        let records_left = self.limit.records - self.records;
        let bytes_left = self.limit.bytes.saturating_sub(self.bytes);
        let (mut kept, mut more) = cut(records_left, bytes_left)?;
        if kept.is_none() && more && self.runs.is_empty() {
            (kept, more) = cut(1, usize::MAX)?;
        }
        if let Some(kept) = kept {
            self.records += kept.count() as usize;
            self.bytes += kept.encoded().len();
            self.runs.push(kept);
        }
        Ok(more)
    }

    /// Whether there is room for more records, by their number.
    pub(super) fn has_room(&self) -> bool {
        self.records < self.limit.records
    }
}
