//! Drops the files of dead segments: a drain takes them out of the manifest without reading or writing any of them.
//!
//! A segment is proposed as often as the manifest lists files of it: a drain is refused while the segment's L0 files are being
//! merged, and a memtable that is written later can bring files of it again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use log_domain::SegmentId;
use log_domain::segment::SYSTEM_SEGMENT;
use slatedb::compactor::{CompactionScheduler, CompactionSpec, CompactorStateView, SourceId};
use slatedb::manifest::Segment;
use slatedb::{Error, VersionedManifest};

use super::scheduler::active;
use crate::store::slate::layout::prefix;

/// Segments that are dropped at one poll of the compactor, all in one manifest. For each, SlateDB copies its state once, so this
/// bounds for how long a poll takes.
pub(super) const AT_A_POLL: usize = 256;

/// Which segments the log has no row of any more: those before this one, but for the system segment. Never goes back.
#[derive(Debug, Default)]
pub(crate) struct Dead(AtomicU32);

impl Dead {
    /// The segments before `first_left` are dead, and that is in data files.
    pub(crate) fn are_before(&self, first_left: SegmentId) {
        self.0.fetch_max(first_left, Ordering::AcqRel);
    }

    /// The segments before `first_left` that the manifest lists files of, and that are not known to be dead.
    pub(crate) fn grows_by<'a>(
        &self,
        manifest: &'a VersionedManifest,
        first_left: SegmentId,
    ) -> impl Iterator<Item = &'a Segment> {
        manifest.segments().iter().filter(move |segment| {
            let id = prefix::segment(segment.prefix());
            let is_before = id.is_some_and(|id| SYSTEM_SEGMENT < id && id < first_left);
            is_before && !self.has(id)
        })
    }

    /// Whether it is known that this segment is dead.
    pub(crate) fn has(&self, segment: Option<SegmentId>) -> bool {
        let first_left = self.0.load(Ordering::Acquire);
        segment.is_some_and(|id| SYSTEM_SEGMENT < id && id < first_left)
    }
}

/// What `inner` proposes, which is not asked about dead segments, and their drains.
pub(super) struct Scheduler<S> {
    pub(super) inner: S,
    pub(super) dead: Arc<Dead>,
}

impl<S: CompactionScheduler> CompactionScheduler for Scheduler<S> {
    fn propose(&self, state: &CompactorStateView) -> Vec<CompactionSpec> {
        let mut proposed = self.inner.propose(state);
        proposed.retain(|spec| !self.is_of_dead(spec));
        proposed.extend(self.drains(state));
        proposed
    }

    fn validate(&self, state: &CompactorStateView, spec: &CompactionSpec) -> Result<(), Error> {
        match (spec.is_drain(), self.is_of_dead(spec)) {
            (true, true) => Ok(()),
            (true, false) => Err(Error::invalid(
                "a drain of a segment that is not below the floor of the log".to_owned(),
            )),
            (false, _) => self.inner.validate(state, spec),
        }
    }
}

impl<S> Scheduler<S> {
    fn is_of_dead(&self, spec: &CompactionSpec) -> bool {
        self.dead.has(prefix::segment(spec.segment()))
    }

    fn drains(&self, state: &CompactorStateView) -> Vec<CompactionSpec> {
        let busy = active(state).map(|compaction| compaction.spec().segment());
        let busy: Vec<_> = busy.collect();
        let segments = state.manifest().segments().iter();
        segments
            .filter(|segment| self.dead.has(prefix::segment(segment.prefix())))
            .filter(|segment| !busy.contains(&segment.prefix()))
            .filter_map(drain)
            .take(AT_A_POLL)
            .collect()
    }
}

/// Takes everything that is there; nothing if there is nothing.
fn drain(segment: &Segment) -> Option<CompactionSpec> {
    let l0 = segment.l0().iter().map(|file| SourceId::SstView(file.id));
    let runs = segment.compacted().iter();
    let sources: Vec<_> = l0
        .chain(runs.map(|run| SourceId::SortedRun(run.id)))
        .collect();
    (!sources.is_empty()).then(|| CompactionSpec::drain_segment(segment.prefix().clone(), sources))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_segment_and_those_that_stay_are_never_dead() {
        let dead = Dead::default();
        assert!((0..9).all(|id| !dead.has(Some(id))));
        dead.are_before(4);
        dead.are_before(2);
        let found: Vec<_> = (0..9).filter(|id| dead.has(Some(*id))).collect();
        assert_eq!(found, [1, 2, 3]);
        assert!(!dead.has(None));
    }
}
