//! Rewrites the files of segments that deleted records are in.
//!
//! For a segment that is asked for, all files are noted that it has at a moment when no merge of it runs. They are merged, also
//! those that no merge would be worth for, until none of them is left. Merges that begin later know what was deleted before.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use log_domain::SegmentId;
use parking_lot::Mutex;
use slatedb::Error;
use slatedb::compactor::{CompactionScheduler, CompactionSpec, CompactorStateView, SourceId};
use slatedb::manifest::Segment;

use super::bounds::Bounds;
use super::plan::{Files, Role, Running, first_free_run, takes_long};
use super::scheduler::{active, describe, running};
use crate::store::slate::layout::prefix;

/// The segments whose files are to be rewritten, and the files that are still to be. `None` until they were noted.
#[derive(Debug, Default)]
pub(crate) struct Rewrites(Mutex<HashMap<SegmentId, Option<HashSet<SourceId>>>>);

impl Rewrites {
    /// Asks for these segments, and for no others any more.
    pub(crate) fn ask(&self, segments: impl IntoIterator<Item = SegmentId>) {
        *self.0.lock() = segments.into_iter().map(|id| (id, None)).collect();
    }

    /// Whether everything that was asked for has been done.
    pub(crate) fn are_done(&self) -> bool {
        self.0.lock().is_empty()
    }
}

/// What `inner` proposes, and what it would not do.
pub(super) struct Scheduler<S> {
    inner: S,
    bounds: Bounds,
    rewrites: Arc<Rewrites>,
    /// Only one merge that takes long is started, so that of `inner` and ours take turns.
    rewrites_first: AtomicBool,
}

impl<S> Scheduler<S> {
    pub(super) fn new(inner: S, bounds: Bounds, rewrites: Arc<Rewrites>) -> Self {
        Self {
            inner,
            bounds,
            rewrites,
            rewrites_first: AtomicBool::default(),
        }
    }
}

impl<S: CompactionScheduler> CompactionScheduler for Scheduler<S> {
    fn propose(&self, state: &CompactorStateView) -> Vec<CompactionSpec> {
        let proposed = self.inner.propose(state);
        let mut asked = self.rewrites.0.lock();
        if asked.is_empty() {
            return proposed;
        }
        let running: Vec<Running> = active(state).map(running).collect();
        // What is noted now is rewritten from the next poll on. The garbage collector keeps files that are not older than the last
        // merge, to the millisecond: the rewrite must begin later than what it replaces was written.
        let wanted = wanted(&asked, state.manifest().segments());
        note(&mut asked, state.manifest().segments(), &running);
        let files = describe(state.manifest());
        let first = self.rewrites_first.fetch_xor(true, Ordering::Relaxed);
        join(proposed, &wanted, &files, &running, (&self.bounds, first))
    }

    fn validate(&self, state: &CompactorStateView, spec: &CompactionSpec) -> Result<(), Error> {
        self.inner.validate(state, spec)
    }
}

/// A segment that was asked for.
struct Wanted {
    segment: bytes::Bytes,
    /// The files and runs that are to be rewritten. `None`: not until the merges have ended that run.
    sources: Option<HashSet<SourceId>>,
}

/// Notes the files of segments that have no running merge, and forgets those that have been rewritten.
fn note(
    asked: &mut HashMap<SegmentId, Option<HashSet<SourceId>>>,
    segments: &[Segment],
    running: &[Running],
) {
    let there: HashMap<SegmentId, &Segment> = segments
        .iter()
        .filter_map(|segment| Some((prefix::segment(segment.prefix())?, segment)))
        .collect();
    asked.retain(|id, noted| {
        // One that has no files has nothing to rewrite.
        let Some(segment) = there.get(id) else {
            return false;
        };
        let is_idle = || !running.iter().any(|r| r.spec.segment() == segment.prefix());
        let files = || files(segment).map(|(file, _)| file);
        match noted {
            Some(left) => {
                let there: HashSet<SourceId> = files().collect();
                left.retain(|file| there.contains(file));
            }
            None if is_idle() => *noted = Some(files().collect()),
            None => {}
        }
        noted.as_ref().is_none_or(|left| !left.is_empty())
    });
}

/// All files of a segment, and what a merge names to read them.
fn files(segment: &Segment) -> impl Iterator<Item = (SourceId, SourceId)> {
    let l0 = segment.l0().iter().map(|file| file.id);
    let l0 = l0.map(|id| (SourceId::SstView(id), SourceId::SstView(id)));
    let of_runs = segment.compacted().iter().flat_map(|run| {
        let files = run.sst_views().iter();
        files.map(|file| (SourceId::SstView(file.id), SourceId::SortedRun(run.id)))
    });
    l0.chain(of_runs)
}

fn wanted(
    asked: &HashMap<SegmentId, Option<HashSet<SourceId>>>,
    segments: &[Segment],
) -> Vec<Wanted> {
    let wanted = segments.iter().filter_map(|segment| {
        let noted = asked.get(&prefix::segment(segment.prefix())?)?;
        let sources = noted.as_ref().map(|left| {
            let left = files(segment).filter(|(file, _)| left.contains(file));
            left.map(|(_, source)| source).collect()
        });
        Some(Wanted {
            segment: segment.prefix().clone(),
            sources,
        })
    });
    wanted.collect()
}

/// What is begun now: what `proposed` says, but for what is in the way of a rewrite, and rewrites.
fn join(
    mut proposed: Vec<CompactionSpec>,
    wanted: &[Wanted],
    files: &[Files],
    running: &[Running],
    (bounds, rewrites_first): (&Bounds, bool),
) -> Vec<CompactionSpec> {
    let of = |segment: &bytes::Bytes| files.iter().find(|files| files.segment == *segment);
    let active = |segment: &bytes::Bytes| {
        let running = running.iter().map(|running| &running.spec);
        let segment = segment.clone();
        running.filter(move |spec| *spec.segment() == segment)
    };
    // A segment comes to rest, so that its files can be noted. Only L0 files may not wait for a long merge.
    proposed.retain(|spec| {
        let mut unnoted = wanted.iter().filter(|wanted| wanted.sources.is_none());
        let waits = unnoted.any(|wanted| wanted.segment == *spec.segment());
        let long_merge = active(spec.segment()).any(|spec| !spec.has_l0_sources());
        !waits || spec.has_l0_sources() && long_merge
    });
    let in_use = running.iter().filter(|running| running.holds_slot);
    let long = |spec: &CompactionSpec| takes_long(spec, files);
    let long_running = in_use.clone().filter(|running| long(&running.spec)).count();
    let may_take_long = long_running == 0
        && (rewrites_first || !proposed.iter().any(long))
        // With one slot, a long merge waits until nothing else is due.
        && (bounds.max_concurrent > 1 || rewrites_first || proposed.is_empty());
    let free = bounds.max_concurrent.saturating_sub(in_use.count());
    let mut slots = free;
    let coming = proposed.iter().filter_map(|spec| spec.destination());
    let free_run = coming.map(|id| id.saturating_add(1)).max().unwrap_or(0);
    let mut free_run = free_run.max(first_free_run(files, running));
    let mut rewrites: Vec<CompactionSpec> = Vec::new();
    for Wanted { segment, sources } in wanted {
        let (Some(sources), Some(files)) = (sources, of(segment)) else {
            continue;
        };
        let busy: HashSet<SourceId> = active(segment)
            .flat_map(CompactionSpec::sources)
            .copied()
            .collect();
        let l0_is_free = !active(segment).any(CompactionSpec::has_l0_sources);
        for merge in merges(files, sources, &busy, l0_is_free, bounds.max_sources) {
            let oldest_run = merge.iter().rev().find_map(|source| match source {
                SourceId::SortedRun(id) => Some(*id),
                SourceId::SstView(_) => None,
            });
            let spec =
                CompactionSpec::for_segment(segment.clone(), merge, oldest_run.unwrap_or(free_run));
            let is_long = long(&spec);
            if slots == 0 || is_long && (!may_take_long || rewrites.iter().any(long)) {
                continue;
            }
            slots -= 1;
            free_run = free_run.saturating_add(u32::from(oldest_run.is_none()));
            rewrites.push(spec);
        }
    }
    if rewrites.iter().any(long) {
        proposed.retain(|spec| !long(spec));
    }
    proposed.retain(|spec| {
        !rewrites
            .iter()
            .any(|rewrite| are_in_conflict(spec, rewrite))
    });
    rewrites.extend(proposed);
    rewrites.truncate(free);
    rewrites
}

/// Whether two merges cannot run at the same time.
fn are_in_conflict(a: &CompactionSpec, b: &CompactionSpec) -> bool {
    let share = || {
        a.sources()
            .iter()
            .any(|source| b.sources().contains(source))
    };
    a.segment() == b.segment() && (a.has_l0_sources() && b.has_l0_sources() || share())
}

/// The merges that rewrite `wanted` sources of a segment: neighbours, and `most` at most in each.
fn merges(
    files: &Files,
    wanted: &HashSet<SourceId>,
    busy: &HashSet<SourceId>,
    l0_is_free: bool,
    most: usize,
) -> Vec<Vec<SourceId>> {
    let l0: Vec<SourceId> = files.l0.iter().map(|file| file.id).collect();
    let runs: Vec<SourceId> = files.runs.iter().map(|run| run.id).collect();
    let newest_l0 = l0.iter().position(|file| wanted.contains(file));
    let fits = l0.len() + runs.len() <= most;
    // A segment that does not grow becomes one run.
    if files.role == Role::Sealed && newest_l0.is_some() && fits && busy.is_empty() {
        return vec![[l0, runs].concat()];
    }
    let mut merges = Vec::new();
    // With the oldest one: SlateDB remembers up to which L0 file they are merged.
    if let Some(newest) = newest_l0
        && l0_is_free
    {
        merges.push(l0[newest.max(l0.len().saturating_sub(most))..].to_vec());
    }
    let is_free = |run: &SourceId| wanted.contains(run) && !busy.contains(run);
    let of_runs: Vec<SourceId> = runs
        .into_iter()
        .skip_while(|run| !is_free(run))
        .take_while(is_free)
        .take(most)
        .collect();
    if !of_runs.is_empty() {
        merges.push(of_runs);
    }
    merges
}

#[cfg(test)]
mod tests;
