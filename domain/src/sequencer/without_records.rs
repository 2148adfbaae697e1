//! Commits without records: those of trims, and those that remove what trims have left behind.

use std::ops::ControlFlow;

use super::floors::Floor;
use super::group::Group;
use super::{Commit, Decided, ProducerChanges, Removal, Sequencer, Step};
use crate::trim::Extent;
use crate::{Result, Segment, Sequence, Trim};

/// What must happen next for a trim.
#[derive(Debug)]
pub enum TrimStep {
    /// Nothing: as high a floor was written before. Answer with it once what it rests on is durable.
    Written(Floor),
    /// This. After the commit, answer with the floor of its state once the commit is durable.
    Do(Step<'static>),
}

impl Sequencer {
    /// What must happen next for `trim`, in a log with these segments.
    ///
    /// # Errors
    /// As [`Trim::floor`] and [`Sequencer::plan`]. Nothing was trimmed then.
    pub fn plan_trim(&mut self, trim: Trim, segments: &[Segment], now_ms: i64) -> Result<TrimStep> {
        let asked = trim.floor(Extent {
            segments,
            tip: self.tip(),
            last_time_ms: self.last_time_ms,
            now_ms,
        })?;
        let newest = self.floors.newest();
        if asked <= newest.sequence {
            return Ok(TrimStep::Written(newest));
        }
        let step = self.plan_without_records(asked, Removal::default());
        step.map(TrimStep::Do)
    }

    /// The floor in force.
    pub fn floor(&self) -> Sequence {
        self.floors.in_force()
    }

    /// What must happen next for a commit without records, which stores state only, with this floor, and removes
    /// rows. It advances nothing else but the number of the write. When the numbers of the tip run low, it skips one sequence.
    ///
    /// Like one with records it needs a reservation, so that the first write of a writer is one (see [`super::EngineNumber`]).
    pub(super) fn plan_without_records(
        &mut self,
        floor: Sequence,
        removal: Removal,
    ) -> Result<Step<'static>> {
        let tip = self.last_number.tip_with_room(self.tip());
        let skipped = tip.get() - self.tip().get();
        let bound = match self.grant(skipped.max(1))? {
            ControlFlow::Continue(bound) => bound,
            ControlFlow::Break(step) => return Ok(step),
        };
        let mut state = self.state(bound);
        state.floor = floor;
        Ok(Step::Commit(Box::new(Commit {
            placed: Vec::new(),
            group: Group::new(&[]),
            decided: Decided::default(),
            segment: self.roller.place(tip, self.last_time_ms),
            begins_segment: false,
            producers: ProducerChanges::default(),
            settled: std::mem::take(&mut self.settled),
            removal,
            start: tip,
            tip,
            time_ms: self.last_time_ms,
            state,
            number: self.last_number.next_without_records(tip),
        })))
    }
}
