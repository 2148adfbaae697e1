//! The last records of a run.

use crate::{Result, Run, SequenceRange};

impl Run {
    /// The last records in `range`: at most `records` of them and at most `bytes` encoded bytes, but at least one if
    /// `records` is not 0 and `bytes` is `usize::MAX`. The flag says whether records in `range` were left out.
    ///
    /// # Errors
    /// [`crate::Error::Corrupt`] when the run is damaged.
    pub fn cut_newest(
        &self,
        range: SequenceRange,
        records: usize,
        bytes: usize,
    ) -> Result<(Option<Run>, bool)> {
        if self.fits(range, records, bytes) {
            return Ok((Some(self.clone()), false));
        }
        // The encoding is read forwards only: once to count the records in the range, and once more to the first that fits.
        let (mut count, mut end, mut last) = (0usize, 0, self.first);
        let mut walk = self.entries();
        while let Some(entry) = walk.next() {
            let sequence = entry?.sequence;
            if sequence >= range.end() {
                break;
            }
            if sequence >= range.start() {
                (count, end, last) = (count + 1, walk.at, sequence);
            }
        }
        let mut left_out = 0;
        let mut walk = self.entries();
        while left_out < count {
            let at = walk.at;
            let Some(entry) = walk.next() else { break };
            let sequence = entry?.sequence;
            if sequence < range.start() {
                continue;
            }
            if count - left_out <= records && end - at <= bytes {
                let kept = Run {
                    first: sequence,
                    last,
                    count: (count - left_out) as u32,
                    timestamp_ms: self.timestamp_ms,
                    encoded: self.encoded.slice(at..end),
                };
                return Ok((Some(kept), left_out > 0));
            }
            left_out += 1;
        }
        Ok((None, left_out > 0))
    }
}
