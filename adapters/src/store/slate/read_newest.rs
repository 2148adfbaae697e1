//! Reading the newest records of a key: its segments and their rows, from the end on.

use log_domain::page::NewestBuilder;
use log_domain::{Key, Page, Result, Scan, SequenceRange};
use slatedb::DbReadOps;

use super::directory::Holding;
use super::page_time::PageTime;
use super::read::Reader;
use super::record_rows::{next_row, rows, rows_newest_first};

/// What a walk backwards expects a record to take, and reads ahead at most.
const RECORD_BYTES: usize = 256;
const READ_AHEAD_BYTES: usize = 512 * 1024;

impl<D: DbReadOps + Sync> Reader<'_, D> {
    /// One page of the newest records of a key. Costs a seek or two for each segment that has some of them.
    pub(super) async fn newest(&self, key: &Key, scan: &Scan, time: PageTime) -> Result<Page> {
        let end = scan
            .range
            .end()
            .min(self.watermarks.visible(scan.visibility));
        let start = scan.range.above(self.floor).start();
        let range = SequenceRange::new(start.min(end), end)?;
        let mut page = NewestBuilder::new(range, scan.start_time_ms, scan.limit);
        let ahead = scan.limit.records.saturating_mul(RECORD_BYTES);
        let ahead = ahead.min(READ_AHEAD_BYTES);
        let mut holding = Holding::newest_first(self.db, &self.segments, key, range).await?;
        // Up to the tip, the last row is nearly always the first one that is needed. Those after it are skipped.
        let is_cut = end < self.watermarks.tip;
        let below = match is_cut {
            true => range,
            false => SequenceRange::ALL.starting_at(range.start()),
        };
        let mut is_newest = true;
        'segments: while let Some(segment) = holding.next().await? {
            if !page.is_empty() && time.is_over() {
                page.stop();
                break;
            }
            // Rows are found by their last sequence, and one that ends beyond the range may begin in it.
            if std::mem::take(&mut is_newest) && is_cut {
                let mut across = rows(self.db, segment.id, key, end, 1).await?;
                if let Some(row) = next_row(&mut across).await?
                    && !page.push(&row.run)?
                {
                    break;
                }
            }
            let mut rows = rows_newest_first(self.db, segment.id, key, below, ahead).await?;
            while let Some(row) = next_row(&mut rows).await? {
                if !page.push(&row.run)? {
                    break 'segments;
                }
                if !page.is_empty() && time.is_over() {
                    page.stop();
                    break 'segments;
                }
            }
        }
        let mut page = page.finish(end, scan.range, self.floor);
        page.next = page.next.max(start);
        Ok(page)
    }
}
