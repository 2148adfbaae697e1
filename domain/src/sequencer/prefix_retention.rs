//! What rules for prefixes make due: floors of prefixes, all in one commit.

use super::prefix_floors::PREFIXES;
use super::without_records::Written;
use super::{Removal, Sequencer, Step};
use crate::trim::Extent;
use crate::{Error, PrefixFloor, PrefixRules, Result, Segment, Sequence};

impl Sequencer {
    /// What must happen next for what is due by `rules`, in a log with these segments; `None` if nothing is that was not written
    /// before. A floor is in force once the commit is durable.
    ///
    /// # Errors
    /// As [`Sequencer::plan`], and [`Error::Overloaded`] when there is no room for floors of more prefixes, and those for which there
    /// is were written before.
    pub fn plan_rules(
        &mut self,
        rules: &PrefixRules,
        segments: &[Segment],
        now_ms: i64,
    ) -> Result<Option<Step<'static>>> {
        let due = rules.due(Extent {
            segments,
            tip: self.tip(),
            last_time_ms: self.last_time_ms,
            now_ms,
        });
        let due = due.collect();
        self.plan_prefix_floors(due)
    }

    /// What must happen next to forget floors of prefixes that say nothing any more, in a log whose first segment is this one; `None` if
    /// there are none. In a segment that stays, records below the floor of a prefix are told by that, even if the floor of the log is
    /// higher.
    ///
    /// # Errors
    /// As [`Sequencer::plan`].
    pub fn plan_forgotten_prefixes(
        &mut self,
        first: Option<Segment>,
    ) -> Result<Option<Step<'static>>> {
        let gone = first.map_or(Sequence::ZERO, |first| first.start.min(self.floor()));
        let prefixes = self.prefix_floors.covered(gone);
        if prefixes.is_empty() {
            return Ok(None);
        }
        let removal = Removal {
            prefixes,
            ..Removal::default()
        };
        self.plan_removal_of(removal).map(Some)
    }

    pub(super) fn plan_prefix_floors(
        &mut self,
        due: Vec<PrefixFloor>,
    ) -> Result<Option<Step<'static>>> {
        let floors = &self.prefix_floors;
        let mut prefix_floors = due;
        // What another floor hides already needs none of its own: the next step would forget it.
        prefix_floors.retain(|due| {
            let newest = floors.newest(&due.prefix);
            let hidden = newest.max(self.floor()).max(floors.covering(&due.prefix));
            due.floor > hidden
        });
        if prefix_floors.is_empty() {
            return Ok(None);
        }
        let mut room = floors.room();
        prefix_floors.retain(|due| {
            let is_there = floors.has(&due.prefix);
            let fits = is_there || room > 0;
            room -= usize::from(fits && !is_there);
            fits
        });
        if prefix_floors.is_empty() {
            return Err(Error::Overloaded {
                what: "the table of floors of prefixes, which has those of former rules, too,",
                limit: PREFIXES as u64,
            });
        }
        let written = Written {
            prefix_floors,
            ..Written::default()
        };
        self.plan_without_records(written).map(Some)
    }
}
