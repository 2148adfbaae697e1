//! What rules for prefixes make due: floors of prefixes, all in one commit.

use super::without_records::Written;
use super::{Removal, Sequencer, Step};
use crate::trim::Extent;
use crate::{PrefixFloor, PrefixRules, Result, Segment};

impl Sequencer {
    /// What must happen next for what is due by `rules`, in a log with these segments; `None` if nothing is that was not written
    /// before. Nothing waits for it: a floor is in force once the commit is durable.
    ///
    /// Those for which there is no room are left out: there were too many rules before these. They are due again next time.
    ///
    /// # Errors
    /// As [`Sequencer::plan`].
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

    /// What must happen next to forget floors of prefixes that say nothing any more; `None` if there are none.
    ///
    /// # Errors
    /// As [`Sequencer::plan`].
    pub fn plan_forgotten_prefixes(&mut self) -> Result<Option<Step<'static>>> {
        let prefixes = self.prefix_floors.covered(self.floor());
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
        let mut room = floors.room();
        let mut prefix_floors = due;
        prefix_floors.retain(|due| {
            let is_new =
                floors.newest(&due.prefix).sequence < due.floor && due.floor > self.floor();
            let is_there = floors.has(&due.prefix);
            let fits = is_there || room > 0;
            if is_new && fits && !is_there {
                room -= 1;
            }
            is_new && fits
        });
        if prefix_floors.is_empty() {
            return Ok(None);
        }
        let written = Written {
            prefix_floors,
            ..Written::default()
        };
        self.plan_without_records(written).map(Some)
    }
}
