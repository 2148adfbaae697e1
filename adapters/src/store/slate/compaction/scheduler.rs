//! SlateDB's interface for schedulers.

use bytes::Bytes;
use log_domain::segment::SYSTEM_SEGMENT;
use slatedb::compactor::{
    Compaction, CompactionScheduler, CompactionSchedulerSupplier, CompactionSpec, CompactionStatus,
    CompactorStateView, SourceId,
};
use slatedb::config::CompactorOptions;
use slatedb::manifest::{Segment, SortedRun, SsTableView};
use slatedb::{Error, VersionedManifest};

use super::bounds::Bounds;
use super::plan::{Files, Role, Running, Source, keeps_order, propose};
use crate::store::slate::layout::prefix;

/// Makes the scheduler of a database.
pub(super) struct Supplier<F>(pub(super) F);

impl<F, S> CompactionSchedulerSupplier for Supplier<F>
where
    F: Fn() -> S + Send + Sync,
    S: CompactionScheduler + Send + Sync + 'static,
{
    fn compaction_scheduler(
        &self,
        _options: &CompactorOptions,
    ) -> Box<dyn CompactionScheduler + Send + Sync> {
        Box::new(self.0())
    }
}

/// Merges files of neighbouring runs, as `plan` decides.
pub(super) struct Scheduler(pub(super) Bounds);

impl CompactionScheduler for Scheduler {
    fn propose(&self, state: &CompactorStateView) -> Vec<CompactionSpec> {
        let running: Vec<_> = active(state).map(running).collect();
        propose(&describe(state.manifest()), &running, &self.0)
    }

    /// Also for compactions that an operator submits, and once more before the result of a merge is named in the manifest.
    fn validate(&self, state: &CompactorStateView, spec: &CompactionSpec) -> Result<(), Error> {
        if recent(state).any(|compaction| compaction.spec() == spec && !is_protected(compaction)) {
            return Err(Error::invalid(
                "a compaction with files that are named before it began".to_owned(),
            ));
        }
        let files = describe(state.manifest());
        let of_segment = files.iter().find(|files| files.segment == *spec.segment());
        match of_segment {
            _ if spec.is_drain() => Ok(()),
            Some(files) if keeps_order(files, spec) => Ok(()),
            _ => Err(Error::invalid(
                "a compaction whose sources are not neighbours".to_owned(),
            )),
        }
    }
}

/// Whether nothing can have collected the result of this merge. A file that no manifest names is collected if its name is
/// before the oldest merge under way. The worker of a server that was taken over can still carry out a merge of its successor, and
/// its clock may be behind that one's: what it wrote may be gone.
fn is_protected(compaction: &Compaction) -> bool {
    let written = compaction.output_ssts();
    let names_ms = written.iter().map(|file| file.id.value().timestamp_ms());
    are_named_since(compaction.id().timestamp_ms(), names_ms)
}

/// By the times in the names, as the collector compares them.
fn are_named_since(began_ms: u64, mut names_ms: impl Iterator<Item = u64>) -> bool {
    names_ms.all(|name_ms| name_ms >= began_ms)
}

/// The compactions that are not over.
pub(super) fn active(state: &CompactorStateView) -> impl Iterator<Item = &Compaction> {
    recent(state).filter(|compaction| compaction.active())
}

fn recent(state: &CompactorStateView) -> impl Iterator<Item = &Compaction> {
    let compactions = state.compactions().into_iter();
    compactions.flat_map(|compactions| compactions.recent_compactions())
}

pub(super) fn running(compaction: &Compaction) -> Running {
    Running {
        spec: compaction.spec().clone(),
        // What a worker has finished waits for the manifest only.
        holds_slot: compaction.status() != CompactionStatus::Compacted,
    }
}

pub(super) fn describe(manifest: &VersionedManifest) -> Vec<Files> {
    let segments = manifest.segments();
    let newest = prefix::segments(segments).max();
    let of_segment = |segment: &Segment| Files {
        segment: segment.prefix().clone(),
        role: role(prefix::segment(segment.prefix()), newest),
        l0: segment.l0().iter().map(l0_file).collect(),
        runs: segment.compacted().iter().map(sorted_run).collect(),
    };
    // Rows outside of segments. A log has none, but the ids of runs are unique in the database.
    let outside = Files {
        segment: Bytes::new(),
        role: Role::Left,
        l0: manifest.l0().iter().map(l0_file).collect(),
        runs: manifest.compacted().iter().map(sorted_run).collect(),
    };
    segments.iter().map(of_segment).chain([outside]).collect()
}

fn l0_file(file: &SsTableView) -> Source {
    Source {
        id: SourceId::SstView(file.id),
        bytes: file.estimate_size(),
    }
}

fn sorted_run(run: &SortedRun) -> Source {
    Source {
        id: SourceId::SortedRun(run.id),
        bytes: run.estimate_size(),
    }
}

/// The role of a segment by its id. A memtable is written as a whole, so once the manifest names a newer segment, it has
/// everything of this one.
///
/// What is proposed for a dead segment is left out by `drains`.
fn role(id: Option<u32>, newest: Option<u32>) -> Role {
    match id {
        Some(SYSTEM_SEGMENT) => Role::System,
        Some(_) if id == newest => Role::Active,
        Some(_) => Role::Sealed,
        None => Role::Left,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_counts_only_if_all_of_it_is_named_since_the_merge_began() {
        for (names_ms, counts) in [
            (&[][..], true),
            (&[1_000, 2_000], true),
            (&[999], false),
            (&[2_000, 999, 3_000], false),
        ] {
            assert_eq!(are_named_since(1_000, names_ms.iter().copied()), counts);
        }
    }
}
