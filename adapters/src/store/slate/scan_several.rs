//! Scans of several keys: read again if records went meanwhile.

use log_domain::{Error, Page, Result, Scan};

use super::page_time::PageTime;
use super::read_several::MERGED_KEYS;
use super::{READS, SlateStore};

impl SlateStore {
    /// One page of several keys. As with one key, the read begins again if something of what it needs went meanwhile.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when something went each time; those of a read.
    pub(super) async fn scan_several(&self, scan: &Scan) -> Result<Page> {
        let time = PageTime::of(&scan.limit);
        for attempt in 0..READS {
            // Before the floor of the log, for which one of a prefix can be forgotten.
            let prefixes = self.shared.key_floors.prefixes().now();
            let covering = scan
                .selection
                .covering_floor(|key| prefixes.of_key(key.as_ref()));
            let reader = self.reader(covering);
            let from = reader.floor.max(scan.range.start());
            let answer = reader.several(scan, &prefixes, MERGED_KEYS, time).await;
            if attempt == 0 && matches!(answer, Err(Error::Corrupt(_))) {
                self.look_for_replaced_files().await;
                continue;
            }
            let floors = self.shared.key_floors.prefixes();
            let is_covered = covering >= scan.selection.covering_floor(|key| floors.of(key));
            if !self.shared.has_all_from(from) || !is_covered {
                continue;
            }
            match answer {
                Ok(Some(page)) => return Ok(page),
                Ok(None) => {}
                Err(error) => return Err(error),
            }
        }
        Err(super::trimmed_meanwhile())
    }
}
