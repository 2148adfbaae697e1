use std::collections::{BTreeMap, HashMap};

use proptest::prelude::*;
use slatedb::config::{CompactorOptions, Settings};

use super::*;

const SYSTEM: u32 = 0;

/// What SlateDB makes of the plan: it checks each merge as SlateDB does, and more strictly.
struct Tree {
    bounds: Bounds,
    /// L0 files at which a segment stops flushes.
    stall: usize,
    segments: BTreeMap<u32, Files>,
    running: Vec<Running>,
    /// The first and the last flush that contributed rows to a source.
    flushes: HashMap<SourceId, (u64, u64)>,
    next_flush: u64,
    merged_bytes: u64,
}

impl Tree {
    fn new(bounds: Bounds, stall: usize) -> Self {
        let mut tree = Self {
            bounds,
            stall,
            segments: BTreeMap::new(),
            running: Vec::new(),
            flushes: HashMap::new(),
            next_flush: 0,
            merged_bytes: 0,
        };
        for id in [SYSTEM, 1] {
            tree.add_segment(id);
        }
        tree
    }

    /// With what the server sets.
    fn by_default() -> Self {
        let settings = super::super::super::settings::defaults();
        let compactor = settings.compactor_options.clone().unwrap();
        Self::new(Bounds::of(&settings, &compactor), settings.l0_max_ssts)
    }

    fn add_segment(&mut self, id: u32) {
        let files = Files {
            segment: Bytes::copy_from_slice(&id.to_be_bytes()),
            role: Role::Active,
            l0: Vec::new(),
            runs: Vec::new(),
        };
        self.segments.insert(id, files);
        for (of, files) in &mut self.segments {
            files.role = match *of {
                SYSTEM => Role::System,
                of if of == id => Role::Active,
                _ => Role::Sealed,
            };
        }
    }

    /// Runs that another scheduler has left.
    fn add_runs(&mut self, bytes: &[(bool, u64)]) {
        for (number, (of_system, bytes)) in (0..).zip(bytes) {
            let id = SourceId::SortedRun(number);
            self.flushes.insert(id, (self.next_flush, self.next_flush));
            self.next_flush += 1;
            let files = self.segments.get_mut(&u32::from(!*of_system)).unwrap();
            files.runs.insert(0, Source { id, bytes: *bytes });
        }
    }

    fn active(&self) -> u32 {
        *self.segments.keys().next_back().unwrap()
    }

    fn seal(&mut self) {
        self.add_segment(self.active() + 1);
    }

    fn is_stalled(&self) -> bool {
        let grows = [SYSTEM, self.active()];
        let mut growing = grows.iter().map(|id| &self.segments[id]);
        growing.any(|files| files.l0.len() >= self.stall)
    }

    /// A memtable is written: a file for the system segment, and one for the active one.
    fn flush(&mut self, system_bytes: u64, bytes: u64) {
        let flush = self.next_flush;
        self.next_flush += 1;
        for (id, bytes) in [(SYSTEM, system_bytes), (self.active(), bytes)] {
            let name = SourceId::SstView((u128::from(flush) << 32 | u128::from(id)).into());
            self.flushes.insert(name, (flush, flush));
            let files = self.segments.get_mut(&id).unwrap();
            files.l0.insert(0, Source { id: name, bytes });
        }
    }

    /// The scheduler is asked.
    fn poll(&mut self) {
        let files: Vec<_> = self.segments.values().cloned().collect();
        let proposed = propose(&files, &self.running, &self.bounds);
        for spec in proposed {
            self.accept(&spec);
            let holds_slot = true;
            self.running.push(Running { spec, holds_slot });
        }
        assert!(self.running.len() <= self.bounds.max_concurrent);
    }

    fn accept(&self, spec: &CompactionSpec) {
        let (files, sources) = (self.files(spec), spec.sources());
        assert!(sources.len() <= self.bounds.max_sources, "{spec}");
        assert!(keeps_order(files, spec), "{spec}");
        assert_ne!(files.role, Role::Left);
        assert!(
            sources.len() >= 2 || spec.has_l0_sources() && files.role != Role::Sealed,
            "rewrites what is one source: {spec}"
        );
        let running = || self.running.iter().map(|running| &running.spec);
        let in_use = |source| running().any(|other| other.sources().contains(source));
        assert!(!sources.iter().any(in_use), "shares a source: {spec}");
        assert!(
            !spec.has_l0_sources()
                || !running()
                    .any(|other| other.has_l0_sources() && other.segment() == spec.segment()),
            "a second merge of L0 files in the segment: {spec}"
        );
        let destination = spec.destination().unwrap();
        assert!(running().all(|other| other.destination() != Some(destination)));
        let runs = self.segments.values().flat_map(|files| &files.runs);
        if !spec.has_sr_sources() {
            let mut ids = runs.filter_map(|run| run_id(&run.id));
            assert!(ids.all(|id| id < destination), "not a new run: {spec}");
        }
    }

    fn files(&self, spec: &CompactionSpec) -> &Files {
        let mut all = self.segments.values();
        all.find(|files| files.segment == *spec.segment()).unwrap()
    }

    /// One merge finishes.
    fn finish(&mut self, number: usize) {
        if self.running.is_empty() {
            return;
        }
        let spec = self.running.remove(number % self.running.len()).spec;
        let files = self.segments.values_mut();
        let files = { files }
            .find(|files| files.segment == *spec.segment())
            .unwrap();
        let sources: Vec<_> = files.all().copied().collect();
        let merged = || {
            sources
                .iter()
                .filter(|source| spec.sources().contains(&source.id))
        };
        let written: u64 = merged().map(|source| source.bytes).sum();
        let of = |source: &Source| self.flushes[&source.id];
        let flushes = (
            merged().map(|source| of(source).0).min().unwrap(),
            merged().map(|source| of(source).1).max().unwrap(),
        );
        let is_left = |source: &Source| !spec.sources().contains(&source.id);
        files.l0.retain(is_left);
        files.runs.retain(is_left);
        let destination = spec.destination().unwrap();
        let id = SourceId::SortedRun(destination);
        let at = files
            .runs
            .partition_point(|run| run_id(&run.id) > Some(destination));
        let bytes = written;
        files.runs.insert(at, Source { id, bytes });
        self.merged_bytes += written;
        self.flushes.insert(id, flushes);
        let order: Vec<_> = files.all().map(|source| self.flushes[&source.id]).collect();
        assert!(
            order.windows(2).all(|pair| pair[0].0 > pair[1].1),
            "older rows would be read before newer ones: {order:?}"
        );
    }

    /// Until nothing is left to do.
    fn settle(&mut self) {
        for _ in 0..10_000 {
            self.poll();
            if self.running.is_empty() {
                return;
            }
            self.finish(0);
        }
        panic!("merges without end");
    }

    /// Until flushes can continue.
    fn until_not_stalled(&mut self) {
        for _ in 0..200 {
            if !self.is_stalled() {
                return;
            }
            self.poll();
            self.finish(0);
        }
        panic!("appends are stopped for good");
    }
}

#[derive(Debug, Clone)]
enum Step {
    Flush { system_bytes: u64, bytes: u64 },
    Seal,
    Poll,
    Finish(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (1u64..2_000, 1u64..2_000)
            .prop_map(|(system_bytes, bytes)| Step::Flush { system_bytes, bytes }),
        1 => Just(Step::Seal),
        3 => Just(Step::Poll),
        2 => (0usize..3).prop_map(Step::Finish),
    ];
    proptest::collection::vec(step, 0..300)
}

fn bounds() -> impl Strategy<Value = (Bounds, usize)> {
    let runs = prop_oneof![Just(0usize), 2usize..6];
    let options = (1usize..40, 2usize..12, runs, 0.0f32..6.0);
    (2usize..20, options, 1usize..4).prop_map(|(stall, options, max_concurrent)| {
        let settings = Settings {
            l0_max_ssts: stall,
            ..super::super::super::settings::defaults()
        };
        let (l0_trigger, max_sources, max_runs, size_ratio) = options;
        let options = super::super::bounds::SchedulerOptions {
            l0_trigger,
            max_sources,
            max_runs,
            size_ratio,
        };
        let compactor = CompactorOptions {
            scheduler_options: options.into(),
            max_concurrent_compactions: max_concurrent,
            ..CompactorOptions::default()
        };
        (Bounds::of(&settings, &compactor), stall)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn merges_never_collide_and_appends_never_stop_for_good(
        (bounds, stall) in bounds(),
        runs in proptest::collection::vec((any::<bool>(), 1u64..5_000), 0..20),
        steps in steps(),
    ) {
        let mut tree = Tree::new(bounds, stall);
        tree.add_runs(&runs);
        for step in steps {
            match step {
                Step::Flush { system_bytes, bytes } => {
                    tree.until_not_stalled();
                    tree.flush(system_bytes, bytes);
                }
                Step::Seal if tree.segments[&tree.active()].all().next().is_some() => tree.seal(),
                Step::Seal => {}
                Step::Poll => tree.poll(),
                Step::Finish(number) => tree.finish(number),
            }
        }
        tree.settle();
        for files in tree.segments.values() {
            match files.role {
                Role::Sealed => prop_assert!(files.all().count() <= 1),
                Role::System => {
                    prop_assert!(files.runs.len() <= 2);
                    prop_assert!(files.l0.len() < bounds.l0_trigger);
                }
                _ => {
                    prop_assert!(files.l0.len() < bounds.l0_trigger);
                    prop_assert!(bounds.max_runs == 0 || files.runs.len() <= bounds.max_runs);
                }
            }
        }
        let merged = tree.merged_bytes;
        tree.settle();
        prop_assert_eq!(tree.merged_bytes, merged, "merged again without need");
    }
}

/// Half an hour of 20 MB/s in memtables of 64 MiB.
const HALF_AN_HOUR: u64 = 570;
const MEMTABLE: u64 = 64 << 20;

/// Bytes that merges write for each byte that is flushed, with a segment sealed after so many flushes, while merges keep up.
fn merged_per_byte(flushes_of_a_segment: u64) -> f64 {
    let mut tree = Tree::by_default();
    for flush in 1..=HALF_AN_HOUR {
        tree.flush(1_000, MEMTABLE);
        tree.settle();
        if flush % flushes_of_a_segment == 0 {
            tree.seal();
        }
    }
    tree.merged_bytes as f64 / (HALF_AN_HOUR * MEMTABLE) as f64
}

#[test]
fn what_is_appended_in_half_an_hour_is_merged_about_once() {
    let never_sealed = merged_per_byte(u64::MAX);
    let sealed_each_gibibyte = merged_per_byte(16);
    let sealed_each_four = merged_per_byte(64);
    assert!(never_sealed <= 1.01, "{never_sealed}");
    assert!(sealed_each_gibibyte <= 1.01, "{sealed_each_gibibyte}");
    // Once while it grows, but for the last L0 files, and once when it is sealed.
    assert!(sealed_each_four <= 1.76, "{sealed_each_four}");
}

#[test]
fn a_growing_segment_stays_within_its_bounds() {
    let mut tree = Tree::by_default();
    for _ in 0..4 * HALF_AN_HOUR {
        tree.flush(1_000, MEMTABLE);
        tree.settle();
        let files = &tree.segments[&tree.active()];
        assert!(files.l0.len() < 24 && files.runs.len() <= 24);
        assert!(tree.segments[&SYSTEM].all().count() < 8 + 2);
    }
    let flushed = (4 * HALF_AN_HOUR * MEMTABLE) as f64;
    assert!(tree.merged_bytes as f64 / flushed <= 2.0);
}

#[test]
fn a_merge_of_a_sealed_segment_does_not_take_the_last_slot() {
    let mut tree = Tree::by_default();
    for _ in 0..3 {
        for _ in 0..10 {
            tree.flush(1, MEMTABLE);
        }
        tree.seal();
    }
    tree.poll();
    // Two are sealed and due; the system segment is too.
    assert_eq!(tree.running.len(), 2);
    let system = tree
        .running
        .iter()
        .filter(|running| running.spec.segment()[..] == [0; 4]);
    assert_eq!(system.count(), 1);
    let of_system = tree.running[0].spec.segment()[..] == [0; 4];
    tree.finish(usize::from(!of_system));
    tree.poll();
    assert_eq!(tree.running.len(), 1, "one slot is left for L0 files");
    for _ in 0..24 {
        tree.flush(1, MEMTABLE);
    }
    tree.poll();
    assert_eq!(tree.running.len(), 2);
}

#[test]
fn nothing_is_merged_where_a_segment_is_drained_or_left_as_it_is() {
    let mut tree = Tree::by_default();
    for _ in 0..10 {
        tree.flush(1, MEMTABLE);
    }
    tree.seal();
    let of_system = |spec: &CompactionSpec| spec.segment()[..] == [0; 4];
    let all: Vec<_> = tree.segments[&1].all().map(|source| source.id).collect();
    let drain = CompactionSpec::drain_segment(tree.segments[&1].segment.clone(), all);
    let files: Vec<_> = tree.segments.values().cloned().collect();
    let running = [Running {
        spec: drain,
        holds_slot: true,
    }];
    let proposed = propose(&files, &running, &tree.bounds);
    assert!(proposed.iter().all(of_system), "{proposed:?}");
    tree.segments.get_mut(&1).unwrap().role = Role::Left;
    let files: Vec<_> = tree.segments.values().cloned().collect();
    let proposed = propose(&files, &[], &tree.bounds);
    assert!(
        !proposed.is_empty() && proposed.iter().all(of_system),
        "{proposed:?}"
    );
}

#[test]
fn a_submitted_compaction_must_keep_the_order_of_what_is_read() {
    let mut tree = Tree::by_default();
    for _ in 0..3 {
        tree.flush(1, 1);
    }
    let files = tree.segments.get_mut(&1).unwrap();
    let run = |id| Source {
        id: SourceId::SortedRun(id),
        bytes: 1,
    };
    files.runs = vec![run(5), run(4), run(2)];
    let files = &tree.segments[&1];
    let all: Vec<_> = files.all().map(|source| source.id).collect();
    let keeps = |sources: &[SourceId], destination| {
        let spec =
            CompactionSpec::for_segment(files.segment.clone(), sources.to_vec(), destination);
        keeps_order(files, &spec)
    };
    assert!(keeps(&all, 2) && keeps(&all[2..4], 5) && keeps(&all[1..3], 6) && keeps(&all[3..], 2));
    assert!(
        !keeps(&all, 5),
        "the result would be read before newer rows"
    );
    assert!(!keeps(&[all[3], all[5]], 2), "not neighbours");
    assert!(!keeps(&all[..2], 6), "without the oldest L0 file");
    assert!(!keeps(&[], 6));
}
