//! Reads of more keys than are merged at a time: a part of the keys after the other, in one range of sequences after the other.
//!
//! Each page visits all keys that the selection has in the range, also when its time is over: then each part of them ends soon.

use bytes::Bytes;
use log_domain::merge::{Merge, Merged};
use log_domain::page::PageBuilder;
use log_domain::{Key, Page, PageLimit, Result, Run, Sequence, SequenceRange};
use slatedb::DbReadOps;

use super::read::Reader;
use super::read_several::Several;
use super::selected_keys::selected;

/// The records of the keys that were read, up to some sequence.
struct Part {
    runs: Vec<Run>,
    /// Where there may be more, if not all of the range was read.
    end: Option<Sequence>,
}

impl<D: DbReadOps + Sync> Reader<'_, D> {
    /// The page of all keys in `range`. `None` if records of one went meanwhile.
    pub(super) async fn in_parts(
        &self,
        range: SequenceRange,
        several: &Several<'_>,
    ) -> Result<Option<Page>> {
        let scan = several.scan;
        let mut page = PageBuilder::new(range, scan.start_time_ms, scan.limit);
        let mut left = range;
        loop {
            let Some(part) = self.of_all_keys(left, several).await? else {
                return Ok(None);
            };
            for run in &part.runs {
                if !page.push(run)? {
                    return Ok(Some(page.finish(range.end())));
                }
            }
            match part.end {
                Some(end) if several.time.is_over() => {
                    page.stop_at(end);
                    return Ok(Some(page.finish(range.end())));
                }
                Some(end) => left = left.starting_at(end),
                None => return Ok(Some(page.finish(range.end()))),
            }
        }
    }

    /// The records of all keys from the start of `range` on: as many as a page has room for, or fewer.
    async fn of_all_keys(
        &self,
        range: SequenceRange,
        several: &Several<'_>,
    ) -> Result<Option<Part>> {
        let mut all = Part {
            runs: Vec::new(),
            end: None,
        };
        let mut after: Option<Key> = None;
        loop {
            // What comes after the records that there is room for does not matter.
            let end = all.end.unwrap_or(range.end());
            let range = SequenceRange::new(range.start(), end)?;
            let Some(window) = self.window(range) else {
                return Ok(Some(all));
            };
            let selection = &several.scan.selection;
            let keys = selected(self.db, selection, window, after.as_ref(), several.most).await?;
            let Some(page) = self.merged(keys.keys, range, several).await? else {
                return Ok(None);
            };
            all = all.with(page, range, several)?;
            after = keys.after;
            if after.is_none() {
                return Ok(Some(all));
            }
        }
    }
}

impl Part {
    /// The same and the records of `page`, which is of other keys in the same range.
    fn with(self, page: Page, range: SequenceRange, several: &Several<'_>) -> Result<Self> {
        let limit = several.scan.limit;
        let end = match page.complete {
            true => self.end,
            false => Some(page.next),
        };
        let range = SequenceRange::new(range.start(), end.unwrap_or(range.end()))?;
        let mut both = PageBuilder::new(range, None, limit);
        let sources = [self.runs, page.runs].map(Vec::into_iter);
        merge(sources, limit, &mut both)?;
        let both = both.finish(range.end());
        Ok(Self {
            end: if both.complete { end } else { Some(both.next) },
            runs: both.runs,
        })
    }
}

/// Puts the records of both, which name their keys, into the page.
fn merge(
    mut sources: [std::vec::IntoIter<Run>; 2],
    limit: PageLimit,
    page: &mut PageBuilder,
) -> Result<()> {
    let unnamed = [Bytes::new(), Bytes::new()].map(Key::stored);
    let mut merge = Merge::new(unnamed, limit);
    for (source, runs) in sources.iter_mut().enumerate() {
        if let Some(run) = runs.next() {
            merge.feed(source, run)?;
        }
    }
    loop {
        match merge.step()? {
            Merged::Run(run) if page.push(&run)? => {}
            Merged::Run(_) | Merged::End => return Ok(()),
            Merged::Exhausted(source) => {
                if let Some(run) = sources[source].next() {
                    merge.feed(source, run)?;
                }
            }
        }
    }
}
