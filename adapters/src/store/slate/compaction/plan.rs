//! Which files are merged next: a pure decision over a plain description of what there is.
//!
//! Rows of a log are written once, so a merge removes nothing: it only makes reads look into fewer files. Therefore
//!
//! - in the **active** segment, L0 files are merged into a sorted run when there are many of them, and sorted runs when there are
//!   many of those; the cheapest neighbours first;
//! - a **sealed** segment is merged once into one sorted run (one file, L0 or not, is as good), and then never again;
//! - the **system** segment, whose rows are replaced and which all requests read, is kept at one or two runs.
//!
//! Merges that free L0 files come first, and always find a slot: merges that may take long leave one to them.

use std::collections::HashSet;

use bytes::Bytes;
use slatedb::compactor::{CompactionSpec, SourceId};

use super::bounds::Bounds;

/// L0 files in the system segment that start a merge, if most of what is merged is new or it is cheap.
const SYSTEM_L0: usize = 8;

/// Bytes that are next to nothing, compared to the memtables whose L0 files are merged.
const CHEAP: u64 = 16 << 20;

/// What a segment is to the scheduler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Segment 0.
    System,
    /// The newest segment with records: it grows.
    Active,
    /// A segment with records that a newer one follows: it does not change.
    Sealed,
    /// Nothing is merged here.
    Left,
}

/// An L0 file or a sorted run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Source {
    pub id: SourceId,
    pub bytes: u64,
}

/// The files of a segment.
#[derive(Debug, Clone)]
pub(super) struct Files {
    pub segment: Bytes,
    pub role: Role,
    /// The newest first.
    pub l0: Vec<Source>,
    /// The newest first, which has the highest id.
    pub runs: Vec<Source>,
}

/// A merge that has begun, or is about to.
#[derive(Debug, Clone)]
pub(super) struct Running {
    pub spec: CompactionSpec,
    /// Whether it still counts against [`Bounds::max_concurrent`].
    pub holds_slot: bool,
}

/// The merges to begin now, the most urgent first.
pub(super) fn propose(
    files: &[Files],
    running: &[Running],
    bounds: &Bounds,
) -> Vec<CompactionSpec> {
    let idle: Vec<_> = files.iter().map(|files| Idle::of(files, running)).collect();
    let in_use = running.iter().filter(|running| running.holds_slot);
    let long_running = in_use
        .clone()
        .filter(|running| takes_long(&running.spec, files))
        .count();
    let mut slots = bounds.max_concurrent.saturating_sub(in_use.count());
    let mut ids = first_free_run(files, running)..;
    let mut proposed = Vec::new();

    let mut urgent: Vec<_> = idle
        .iter()
        .filter_map(|idle| Some((idle.files, idle.urgent(bounds)?)))
        .collect();
    urgent.sort_by_key(|(files, _)| std::cmp::Reverse(files.l0.len()));
    let no_urgent = urgent.is_empty();
    for (files, merge) in urgent.into_iter().take(slots) {
        slots -= 1;
        proposed.push(merge.spec(files, &mut ids));
    }
    // With one slot, a long merge waits until nothing else is due.
    let long_slots = match bounds.max_concurrent {
        1 => usize::from(no_urgent),
        all => all.saturating_sub(1 + long_running),
    };
    let free = slots.min(long_slots);
    let busy: HashSet<_> = proposed.iter().map(|spec| spec.segment().clone()).collect();
    let patient = idle
        .iter()
        .filter(|idle| !busy.contains(&idle.files.segment))
        .filter_map(|idle| Some((idle.files, idle.patient(bounds)?)))
        .take(free);
    let patient: Vec<_> = patient.collect();
    for (files, merge) in patient {
        proposed.push(merge.spec(files, &mut ids));
    }
    proposed
}

/// Whether a merge may be carried out without changing the order of what is read: its sources are neighbours, and the result takes the place of the oldest run
/// among them. The oldest L0 file is among them if any is: files are read from the newest L0 file to the oldest run.
pub(super) fn keeps_order(files: &Files, spec: &CompactionSpec) -> bool {
    let order: Vec<_> = files.all().map(|source| source.id).collect();
    let sources = spec.sources();
    let at = order
        .windows(sources.len().max(1))
        .position(|window| window == sources);
    let oldest_run = sources.iter().rev().find_map(run_id);
    let rests = |at: usize| at >= files.l0.len() || at + sources.len() >= files.l0.len();
    at.is_some_and(rests) && (oldest_run.is_none() || spec.destination() == oldest_run)
}

/// Sources that are merged.
struct Merge<'a>(Vec<&'a Source>);

impl Merge<'_> {
    /// The result replaces the oldest run, or is a new one.
    fn spec(&self, files: &Files, ids: &mut impl Iterator<Item = u32>) -> CompactionSpec {
        let sources: Vec<_> = self.0.iter().map(|source| source.id).collect();
        let replaced = sources.last().and_then(run_id);
        let destination = replaced.or_else(|| ids.next()).unwrap_or(u32::MAX);
        CompactionSpec::for_segment(files.segment.clone(), sources, destination)
    }
}

/// A segment, and what of it is not being merged.
struct Idle<'a> {
    files: &'a Files,
    /// What is being merged.
    busy: HashSet<SourceId>,
    /// SlateDB merges L0 files of a segment in one compaction at a time.
    l0_is_free: bool,
    /// How many runs more there will be than now.
    new_runs: isize,
}

impl<'a> Idle<'a> {
    fn of(files: &'a Files, running: &[Running]) -> Self {
        let of_segment = running
            .iter()
            .map(|running| &running.spec)
            .filter(|spec| *spec.segment() == files.segment);
        let mut idle = Self {
            files,
            busy: HashSet::new(),
            l0_is_free: true,
            new_runs: 0,
        };
        for spec in of_segment {
            let runs = spec.sources().iter().filter_map(run_id).count();
            idle.busy.extend(spec.sources());
            idle.l0_is_free &= !spec.has_l0_sources();
            idle.new_runs += 1 - runs.cast_signed();
        }
        idle
    }

    /// A merge that frees L0 files which would else stop flushes.
    fn urgent(&self, bounds: &Bounds) -> Option<Merge<'a>> {
        let l0 = &self.files.l0;
        if !self.l0_is_free || l0.is_empty() {
            return None;
        }
        match self.files.role {
            Role::Active => {
                let due = l0.len() >= bounds.l0_trigger;
                due.then(|| Merge(oldest(l0, bounds.max_sources)))
            }
            Role::System => self.of_system(bounds),
            Role::Sealed | Role::Left => None,
        }
    }

    /// Merges L0 files and the newest runs, so that two runs are left, and both into one if the older one is not much larger.
    fn of_system(&self, bounds: &Bounds) -> Option<Merge<'a>> {
        let Files { l0, runs, .. } = self.files;
        let new: u64 = l0.iter().map(|file| file.bytes).sum();
        let mut bytes = new;
        let mut joining = 0;
        for (at, run) in runs.iter().enumerate() {
            let too_many = at + 1 < runs.len();
            let is_small = run.bytes as f64 <= f64::from(bounds.size_ratio) * bytes as f64;
            // Half of the sources stay for L0 files, which matter more.
            let has_room = at < bounds.max_sources / 2;
            if self.busy.contains(&run.id) || !has_room || !(too_many || is_small) {
                break;
            }
            bytes += run.bytes;
            joining = at + 1;
        }
        let old = bytes - new;
        let mostly_new = old as f64 <= f64::from(bounds.size_ratio) * new as f64;
        let trigger = match mostly_new || old <= CHEAP {
            true => bounds.l0_trigger.min(SYSTEM_L0),
            false => bounds.l0_trigger,
        };
        (l0.len() >= trigger).then(|| {
            let mut sources = oldest(l0, bounds.max_sources - joining);
            sources.extend(&runs[..joining]);
            Merge(sources)
        })
    }

    /// A merge that only reads benefit from.
    fn patient(&self, bounds: &Bounds) -> Option<Merge<'a>> {
        let runs = self.files.runs.len().cast_signed() + self.new_runs;
        let above = |limit: usize| limit > 0 && runs > limit.cast_signed();
        match self.files.role {
            Role::Left => None,
            Role::System => above(2).then(|| self.cheapest_runs(bounds))?,
            Role::Active => above(bounds.max_runs).then(|| self.cheapest_runs(bounds))?,
            Role::Sealed => self.of_sealed(bounds),
        }
    }

    /// The neighbours among the runs that cost the fewest bytes for each run that there is less afterwards.
    fn cheapest_runs(&self, bounds: &Bounds) -> Option<Merge<'a>> {
        let runs = &self.files.runs;
        let lengths = 2..=bounds.max_sources.min(runs.len());
        let groups = lengths.flat_map(|length| runs.windows(length));
        let groups = groups.filter(|group| !group.iter().any(|run| self.busy.contains(&run.id)));
        let cost = |group: &&[Source]| bytes(*group) / (group.len() as u64 - 1);
        Some(Merge(groups.min_by_key(cost)?.iter().collect()))
    }

    /// Everything, if one merge may have so many sources. Else as few as possible that leave enough for one merge.
    fn of_sealed(&self, bounds: &Bounds) -> Option<Merge<'a>> {
        if !self.busy.is_empty() {
            return None;
        }
        let all: Vec<_> = self.files.all().collect();
        let newest_l0s = self.files.l0.len();
        let length = match all.len() {
            0 | 1 => return None,
            fits if fits <= bounds.max_sources => fits,
            more => (more - bounds.max_sources + 1).clamp(2, bounds.max_sources),
        };
        let groups = all.windows(length).enumerate();
        // The oldest L0 file first: SlateDB remembers up to which one they are merged.
        let groups = groups.filter(|(at, _)| *at >= newest_l0s || at + length >= newest_l0s);
        let (_, group) = groups.min_by_key(|(_, group)| bytes(group.iter().copied()))?;
        Some(Merge(group.to_vec()))
    }
}

impl Files {
    /// From the newest to the oldest.
    fn all(&self) -> impl Iterator<Item = &Source> {
        self.l0.iter().chain(&self.runs)
    }
}

fn oldest(l0: &[Source], most: usize) -> Vec<&Source> {
    l0[l0.len().saturating_sub(most)..].iter().collect()
}

fn bytes<'a>(sources: impl IntoIterator<Item = &'a Source>) -> u64 {
    sources.into_iter().map(|source| source.bytes).sum()
}

fn run_id(source: &SourceId) -> Option<u32> {
    match source {
        SourceId::SortedRun(id) => Some(*id),
        SourceId::SstView(_) => None,
    }
}

/// Whether a merge may take long: its size is that of a segment rather than of some L0 files.
pub(super) fn takes_long(spec: &CompactionSpec, files: &[Files]) -> bool {
    let of_segment = files.iter().find(|files| files.segment == *spec.segment());
    match of_segment.map(|files| files.role) {
        Some(Role::System) => false,
        Some(Role::Active) => !spec.has_l0_sources(),
        Some(Role::Sealed | Role::Left) | None => !spec.is_drain(),
    }
}

/// Run ids are unique in the database.
pub(super) fn first_free_run(files: &[Files], running: &[Running]) -> u32 {
    let there = files
        .iter()
        .flat_map(|files| &files.runs)
        .filter_map(|run| run_id(&run.id));
    let coming = running
        .iter()
        .filter_map(|running| running.spec.destination());
    there
        .chain(coming)
        .max()
        .map_or(0, |id| id.saturating_add(1))
}

#[cfg(test)]
mod tests;
