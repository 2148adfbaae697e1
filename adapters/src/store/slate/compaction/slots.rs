//! Merges of logs that share the slots of a node. Drains take none: they neither read nor write data files.

use std::sync::Arc;

use slatedb::Error;
use slatedb::compactor::{CompactionScheduler, CompactionSpec, CompactorStateView};

use super::plan::{Files, takes_long};
use super::scheduler::{active, describe, running};
use crate::store::slate::merge_slots::{LogSlots, Merges, Wanted};

/// What `inner` proposes, when there are slots for it.
pub(super) struct Scheduler<S> {
    pub(super) inner: S,
    pub(super) slots: Arc<LogSlots>,
    /// L0 files of a segment that stop flushes.
    pub(super) l0_limit: usize,
}

impl<S: CompactionScheduler> CompactionScheduler for Scheduler<S> {
    fn propose(&self, state: &CompactorStateView) -> Vec<CompactionSpec> {
        let files = describe(state.manifest());
        let proposed = self.inner.propose(state).into_iter();
        let (drains, merges): (Vec<_>, Vec<_>) = proposed.partition(CompactionSpec::is_drain);
        let most_l0 = files.iter().map(|files| files.l0.len()).max();
        let room = self.l0_limit.saturating_sub(most_l0.unwrap_or(0));
        let wanted = Wanted {
            merges: count(merges.iter(), &files),
            room: room as u64,
        };
        let mut granted = self.slots.ask(under_way(state, &files), wanted);
        let begins = |spec: &CompactionSpec| {
            let left = match takes_long(spec, &files) {
                true => &mut granted.long,
                false => &mut granted.short,
            };
            let begins = *left > 0;
            *left -= usize::from(begins);
            begins
        };
        merges.into_iter().filter(begins).chain(drains).collect()
    }

    /// SlateDB asks also when a worker has finished a merge, up to a poll before it asks for the next ones.
    fn validate(&self, state: &CompactorStateView, spec: &CompactionSpec) -> Result<(), Error> {
        self.slots
            .hold(under_way(state, &describe(state.manifest())));
        self.inner.validate(state, spec)
    }
}

fn under_way(state: &CompactorStateView, files: &[Files]) -> Merges {
    let running = active(state).map(running);
    let running: Vec<_> = running.filter(|running| running.holds_slot).collect();
    let specs = running.iter().map(|running| &running.spec);
    count(specs.filter(|spec| !spec.is_drain()), files)
}

fn count<'a>(specs: impl Iterator<Item = &'a CompactionSpec>, files: &[Files]) -> Merges {
    let (long, short): (Vec<_>, Vec<_>) = specs.partition(|spec| takes_long(spec, files));
    Merges {
        short: short.len(),
        long: long.len(),
    }
}
