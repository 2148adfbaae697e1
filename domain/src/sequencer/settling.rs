//! Rows of the directory that were written without a count of earlier records, because no append waits for one.

use super::{Fact, Sequencer, Subject};

/// Maximum number of keys that wait to be settled; others are settled by their next lookup.
pub(super) const UNSETTLED: usize = 1_024;

impl Sequencer {
    /// Keys that were listed in the directory without a count of earlier records, because no append waits for that. Look
    /// them up at leisure and report [`Sequencer::settle`]; what is never reported costs readers a seek for each segment.
    pub fn take_unsettled(&mut self) -> Vec<Subject> {
        let mut unsettled = std::mem::take(&mut self.unsettled);
        let asked = unsettled.iter_mut();
        asked.for_each(|subject| subject.unlistings = self.unlistings);
        unsettled
    }

    /// Facts that nothing waits for. What they say about the directory is written with the next commit.
    pub fn settle(&mut self, facts: Vec<Fact>) {
        // What was asked before rows were removed may be of such a row.
        let facts = facts.into_iter();
        let newest = facts.filter(|fact| fact.subject.unlistings == self.unlistings);
        for entry in newest.flat_map(|fact| fact.settled) {
            if let Some(earlier) = entry.earlier
                && !self.watch.is_removed(entry.segment)
            {
                self.keys.settle(entry.key.as_ref(), entry.segment, earlier);
                self.settled.push(entry);
            }
        }
    }
}
