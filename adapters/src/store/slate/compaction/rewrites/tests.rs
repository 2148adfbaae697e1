use proptest::prelude::*;
use slatedb::compactor::CompactionSpec;
use slatedb::config::{CompactorOptions, Settings};

use super::super::plan::{Source, keeps_order, propose};
use super::*;

fn bounds(max_concurrent: usize) -> Bounds {
    let bounds = Bounds::of(&Settings::default(), &CompactorOptions::default());
    Bounds {
        max_concurrent,
        max_sources: 4,
        ..bounds
    }
}

fn file(id: u64) -> SourceId {
    // Ids of files are made by SlateDB only; the type of their number is not ours.
    SourceId::SstView(u128::from(id).into())
}

/// Segments with files, as the scheduler sees them.
struct Tree {
    bounds: Bounds,
    files: Vec<Files>,
    wanted: Vec<Wanted>,
    running: Vec<Running>,
    rewrites_first: bool,
}

impl Tree {
    /// One segment for each pair of numbers, of L0 files and of runs; the last one is active. All files are to be rewritten.
    fn new(segments: &[(u64, u32)], max_concurrent: usize) -> Self {
        let mut next = 0..;
        let mut files = Vec::new();
        for (id, (l0, runs)) in (1u32..).zip(segments) {
            let is_last = id as usize == segments.len();
            let source = |id| Source { id, bytes: 1 };
            let numbers: Vec<u32> = next.by_ref().take(*runs as usize).collect();
            files.push(Files {
                segment: id.to_be_bytes().to_vec().into(),
                role: if is_last { Role::Active } else { Role::Sealed },
                l0: (0..*l0)
                    .map(|at| source(file(1_000 * u64::from(id) + at)))
                    .collect(),
                runs: numbers
                    .iter()
                    .rev()
                    .map(|id| source(SourceId::SortedRun(*id)))
                    .collect(),
            });
        }
        let wanted = files.iter().map(|files| Wanted {
            segment: files.segment.clone(),
            sources: Some(
                files
                    .l0
                    .iter()
                    .chain(&files.runs)
                    .map(|source| source.id)
                    .collect(),
            ),
        });
        Self {
            bounds: bounds(max_concurrent),
            wanted: wanted.collect(),
            files,
            running: Vec::new(),
            rewrites_first: true,
        }
    }

    /// Begins what there are slots for, and checks each merge.
    fn begin(&mut self) {
        let proposed = propose(&self.files, &self.running, &self.bounds);
        let how = (&self.bounds, self.rewrites_first);
        let joined = join(proposed, &self.wanted, &self.files, &self.running, how);
        self.rewrites_first = !self.rewrites_first;
        let slots = self.bounds.max_concurrent - self.running.len();
        for spec in joined.into_iter().take(slots) {
            let of = self
                .files
                .iter()
                .find(|files| files.segment == *spec.segment());
            assert!(keeps_order(of.expect("a segment"), &spec), "{spec:?}");
            assert!(spec.sources().len() <= self.bounds.max_sources);
            for running in &self.running {
                assert!(
                    !are_in_conflict(&running.spec, &spec),
                    "{running:?} {spec:?}"
                );
                assert!(running.spec.destination() != spec.destination());
            }
            self.running.push(Running {
                spec,
                holds_slot: true,
            });
        }
        let long = self
            .running
            .iter()
            .filter(|running| takes_long(&running.spec, &self.files));
        // The scheduler leaves a slot to L0 files, if it has more than one.
        assert!(long.count() <= (self.bounds.max_concurrent - 1).max(1));
    }

    /// Ends a merge: its result takes the place of its sources, and no longer has what was deleted.
    fn end(&mut self, at: usize) {
        let spec = self.running.remove(at).spec;
        let of = self
            .files
            .iter_mut()
            .find(|files| files.segment == *spec.segment());
        let of = of.expect("a segment");
        let wanted = self
            .wanted
            .iter_mut()
            .find(|wanted| wanted.segment == *spec.segment());
        if let Some(sources) = wanted.and_then(|wanted| wanted.sources.as_mut()) {
            sources.retain(|source| !spec.sources().contains(source));
        }
        of.l0.retain(|file| !spec.sources().contains(&file.id));
        of.runs.retain(|run| !spec.sources().contains(&run.id));
        let id = SourceId::SortedRun(spec.destination().expect("no drain"));
        of.runs.push(Source { id, bytes: 1 });
        of.runs.sort_by_key(|run| match run.id {
            SourceId::SortedRun(id) => std::cmp::Reverse(id),
            SourceId::SstView(_) => unreachable!("a run"),
        });
    }

    fn is_done(&self) -> bool {
        let left = self.wanted.iter().flat_map(|wanted| &wanted.sources);
        left.map(HashSet::len).sum::<usize>() == 0
    }
}

#[test]
fn a_single_file_is_merged_with_nothing() {
    for segments in [
        [(1, 0), (0, 0)],
        [(0, 1), (0, 0)],
        [(0, 0), (1, 0)],
        [(0, 0), (0, 1)],
    ] {
        let mut tree = Tree::new(&segments, 2);
        tree.begin();
        assert_eq!(tree.running.len(), 1, "{segments:?}");
        assert_eq!(tree.running[0].spec.sources().len(), 1);
        tree.end(0);
        assert!(tree.is_done());
    }
}

#[test]
fn l0_files_of_the_active_segment_are_not_blocked_by_the_rewrite_of_its_runs() {
    let mut tree = Tree::new(&[(2, 3)], 2);
    tree.begin();
    let l0 = |running: &&Running| running.spec.has_l0_sources();
    assert_eq!(tree.running.iter().filter(l0).count(), 1);
    assert_eq!(tree.running.len(), 2);
    assert!(tree.running.iter().all(|running| {
        let of_l0 = running
            .spec
            .sources()
            .iter()
            .filter(|s| matches!(s, SourceId::SstView(_)));
        [0, running.spec.sources().len()].contains(&of_l0.count())
    }));
}

#[test]
fn a_segment_comes_to_rest_and_l0_files_do_not_wait_for_a_long_merge() {
    let mut tree = Tree::new(&[(4, 3)], 2);
    tree.wanted[0].sources = None;
    let segment = tree.files[0].segment.clone();
    let l0 = tree.files[0].l0.iter().map(|file| file.id).collect();
    let l0 = CompactionSpec::for_segment(segment.clone(), l0, 3);
    let runs = vec![SourceId::SortedRun(1), SourceId::SortedRun(0)];
    let runs = CompactionSpec::for_segment(segment, runs, 0);
    let joined = |tree: &Tree, running: Vec<CompactionSpec>| {
        let running = running.into_iter();
        let running: Vec<_> = running
            .map(|spec| Running {
                spec,
                holds_slot: true,
            })
            .collect();
        join(
            vec![l0.clone()],
            &tree.wanted,
            &tree.files,
            &running,
            (&tree.bounds, true),
        )
    };
    assert!(joined(&tree, vec![]).is_empty());
    assert_eq!(joined(&tree, vec![runs]), vec![l0.clone()]);
}

proptest! {
    #[test]
    fn everything_is_rewritten_and_no_rule_is_broken(
        segments in prop::collection::vec((0u64..9, 0u32..9), 1..4),
        max_concurrent in 1usize..4,
        ends in prop::collection::vec(any::<prop::sample::Index>(), 200),
    ) {
        let mut tree = Tree::new(&segments, max_concurrent);
        for end in ends {
            if tree.is_done() {
                break;
            }
            tree.begin();
            if !tree.running.is_empty() {
                tree.end(end.index(tree.running.len()));
            }
        }
        prop_assert!(tree.is_done(), "{:?}", tree.files);
    }
}
