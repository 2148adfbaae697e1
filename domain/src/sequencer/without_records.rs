//! Commits without records: those of trims, deletions and moves of cursors, and those that remove what they have left behind.

use std::ops::ControlFlow;

use super::floors::Floor;
use super::group::Group;
use super::{
    Commit, CursorChanges, Decided, DirectoryEntry, ProducerChanges, RaisedFloor, Removal,
    Sequencer, Step,
};
use crate::trim::Extent;
use crate::{PrefixFloor, Result, Segment, Sequence, Trim};

/// What must happen next for a trim or a deletion.
#[derive(Debug)]
pub enum FloorStep {
    /// Nothing: as high a floor was written before. Answer with it once what it rests on is durable.
    Written(Floor),
    /// This. After the commit, plan again.
    Do(Step<'static>),
}

/// What a commit without records writes, besides the state.
#[derive(Debug, Default)]
pub(super) struct Written {
    /// A new floor of the log.
    pub(super) floor: Option<Sequence>,
    /// A new floor of a key.
    pub(super) key_floor: Option<RaisedFloor>,
    /// New floors of prefixes.
    pub(super) prefix_floors: Vec<PrefixFloor>,
    /// What it changes about cursors.
    pub(super) cursors: CursorChanges,
    /// What it deletes.
    pub(super) removal: Removal,
    /// Rows of the directory that say how many records are before them.
    pub(super) settled: Vec<DirectoryEntry>,
}

impl Sequencer {
    /// What must happen next for `trim`, in a log with these segments. A trim of everything seals the active segment, unless it is young
    /// (see [`crate::segment::EMPTIED_AFTER`]); repeated, it does so later.
    ///
    /// # Errors
    /// As [`Trim::floor`] and [`Sequencer::plan`]. Nothing was trimmed then.
    pub fn plan_trim(
        &mut self,
        trim: Trim,
        segments: &[Segment],
        now_ms: i64,
    ) -> Result<FloorStep> {
        let asked = trim.floor(Extent {
            segments,
            tip: self.tip(),
            last_time_ms: self.last_time_ms,
            now_ms,
        })?;
        let newest = self.floors.newest();
        let floor = asked.max(newest.sequence);
        // An idle log that was trimmed as a whole must not keep its newest data until the next append.
        let emptied = match floor == self.tip() {
            true => self.roller.emptied(floor, self.last_time_ms, now_ms),
            false => None,
        };
        if asked <= newest.sequence && emptied.is_none() {
            return Ok(FloorStep::Written(newest));
        }
        let mut step = self.plan_without_records(Written {
            floor: Some(floor),
            ..Written::default()
        })?;
        if let (Step::Commit(commit), Some(segment)) = (&mut step, emptied) {
            commit.segment = segment;
            commit.begins_segment = true;
            commit.state.segment_bytes = 0;
            commit.state.numbers = 0;
        }
        Ok(FloorStep::Do(step))
    }

    /// The floor in force.
    pub fn floor(&self) -> Sequence {
        self.floors.in_force()
    }

    /// What must happen next for a commit without records, which writes this and the state. It advances nothing else but the number
    /// of the write. When the numbers of the tip run low, it skips one sequence.
    ///
    /// Like one with records it needs a reservation, so that the first write of a writer is one (see [`super::EngineNumber`]).
    pub(super) fn plan_without_records(&mut self, written: Written) -> Result<Step<'static>> {
        let Written {
            floor,
            key_floor,
            prefix_floors,
            cursors,
            removal,
            settled,
        } = written;
        let tip = self.last_number.tip_with_room(self.tip());
        let skipped = tip.get() - self.tip().get();
        let bound = match self.grant(skipped.max(1))? {
            ControlFlow::Continue(bound) => bound,
            ControlFlow::Break(step) => return Ok(step),
        };
        let mut state = self.state(bound);
        state.floor = floor.unwrap_or(state.floor);
        let mut all_settled = std::mem::take(&mut self.settled);
        // What it deletes must not be written again.
        all_settled.retain(|entry| {
            let mut deleted = removal.directory.iter();
            !deleted.any(|(key, segment)| *key == entry.key && *segment == entry.segment)
        });
        all_settled.extend(settled);
        Ok(Step::Commit(Box::new(Commit {
            placed: Vec::new(),
            group: Group::new(&[]),
            decided: Decided::default(),
            segment: self.roller.place(tip, self.last_time_ms),
            begins_segment: false,
            producers: ProducerChanges::default(),
            cursors,
            settled: all_settled,
            key_floor,
            prefix_floors,
            removal,
            start: tip,
            tip,
            time_ms: self.last_time_ms,
            state,
            number: self.last_number.next_without_records(tip),
        })))
    }
}
