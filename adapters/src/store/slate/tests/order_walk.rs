//! Walks through the order of records give what was appended.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use log_domain::{Deletion, KeySet};
use proptest::prelude::*;

use super::super::order_walk::{Bounds, OrderWalk, Wants};
use super::several::{encoded, read};
use super::*;
use crate::store::slate::layout::{names, order};

/// Windows of a few rows.
const SMALL: Bounds = Bounds {
    first: 4,
    largest: 64,
    rows: 1_024,
    bytes: 300_000,
    records: u64::MAX,
};

/// As large as pages can be.
const FOREVER: PageLimit = PageLimit {
    records: usize::MAX,
    bytes: usize::MAX,
    time: None,
};

/// Windows as for the largest page.
fn large() -> Bounds {
    Bounds::of(FOREVER)
}

/// Sequence, key and value of a record.
type Known = (u64, u8, Bytes);

fn key(name: u8) -> Key {
    Key::stored(Bytes::copy_from_slice(&[b'k', name]))
}

/// Keys to read, and their floors.
struct Names {
    wanted: BTreeSet<u8>,
    floors: BTreeMap<u8, u64>,
}

impl Wants for Names {
    fn wants(&self, key: &Key) -> bool {
        self.wanted.contains(&key.as_ref()[1])
    }

    async fn floor(&self, key: &Key, last: Sequence) -> log_domain::Result<Option<Sequence>> {
        let floor = self.floors.get(&key.as_ref()[1]).copied();
        let floor = Sequence::new(floor.unwrap_or_default());
        Ok((floor <= last).then_some(floor))
    }
}

/// A log, and what was appended to it.
struct Log {
    objects: Arc<dyn ObjectStore>,
    store: SlateStore,
    seal_bytes: u64,
    records: Vec<Known>,
    floors: BTreeMap<u8, u64>,
}

impl Log {
    async fn new(seal_bytes: u64) -> Self {
        let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        Self {
            store: Self::open(&objects, seal_bytes).await,
            objects,
            seal_bytes,
            records: Vec::new(),
            floors: BTreeMap::new(),
        }
    }

    async fn open(objects: &Arc<dyn ObjectStore>, seal_bytes: u64) -> SlateStore {
        let store = open_with(objects, |options| {
            options.seal.bytes = Some(seal_bytes);
            options.key_table_bytes = 2_000;
            // So that small files have filters, too.
            options.settings.min_filter_keys = 1;
        });
        store.await.expect("opened")
    }

    /// Appends a record of each of these keys, with a value of so many bytes.
    async fn append(&mut self, records: &[(u8, usize)]) {
        let limits = Limits::default();
        let number = self.records.len();
        let values = records.iter().enumerate().map(|(at, (name, length))| {
            let mut value = format!("{}.", number + at).into_bytes();
            value.resize(value.len().max(*length), b'v');
            (*name, Bytes::from(value))
        });
        let values: Vec<(u8, Bytes)> = values.collect();
        let records = values.iter().map(|(name, value)| {
            let name = key(*name).as_bytes().clone();
            Record::parse(name, value.clone(), &limits).expect("within the limits")
        });
        let batch = Batch::new(records.collect(), &limits).expect("a batch");
        let appended = self.store.append(batch.into(), Durability::Applied).await;
        let start = appended.expect("appended").start.get();
        let known = (start..).zip(values);
        self.records
            .extend(known.map(|(sequence, (name, value))| (sequence, name, value)));
    }

    async fn delete(&mut self, name: u8, back: u64) {
        let tip = self.store.watermarks().tip.get();
        let deletion = Deletion {
            key: key(name),
            before: Some(Sequence::new(tip.saturating_sub(back))),
        };
        let floor = self.store.delete(deletion).await.expect("deleted");
        self.floors.insert(name, floor.get());
    }

    async fn restart(&mut self) {
        self.store.close(CLOSE).await.expect("closed");
        self.store = Self::open(&self.objects, self.seal_bytes).await;
    }

    fn floor(&self, name: u8) -> u64 {
        self.floors.get(&name).copied().unwrap_or_default()
    }

    /// What a walk gives of these keys in a part of a segment, in order. It knows of floors, or they have been purged.
    async fn walked(
        &self,
        (segment, range): (u32, SequenceRange),
        wanted: &BTreeSet<u8>,
        knows_floors: bool,
        bounds: Bounds,
    ) -> Vec<Known> {
        let wants = Names {
            wanted: wanted.clone(),
            floors: match knows_floors {
                true => self.floors.clone(),
                false => BTreeMap::new(),
            },
        };
        let db = (&self.store.db, &self.store.shared.key_names);
        let walk = OrderWalk::new(db, (segment, range), wants, bounds).await;
        let mut walk = walk.expect("read");
        let mut all: Vec<Known> = Vec::new();
        while let Some(window) = walk.next().await.expect("read") {
            for walked in window {
                assert!(!walked.runs.is_empty());
                let before = all.len();
                for (key, run) in &walked.runs {
                    assert!(walked.first <= run.first() && run.last() <= walked.last);
                    assert_eq!(walked.time_ms, run.timestamp_ms());
                    let entries = run.entries().map(|entry| entry.expect("not damaged"));
                    let name = key.as_ref()[1];
                    all.extend(entries.map(|entry| (entry.sequence.get(), name, entry.value)));
                }
                all[before..].sort();
            }
            let last = all.last().map_or(Sequence::ZERO, |last| last.0.into());
            assert!(walk.position() > last);
        }
        assert_eq!(walk.position(), range.end());
        all
    }

    /// The same by what was appended.
    fn expected(
        &self,
        (segment, range): (u32, SequenceRange),
        wanted: &BTreeSet<u8>,
    ) -> Vec<Known> {
        let segments = self.store.shared.segments();
        let at = segments.iter().position(|s| s.id == segment);
        let at = at.expect("a segment");
        let (start, end) = (range.start().get(), range.end().get());
        let start = start.max(segments[at].start.get());
        let end = end.min(segments.get(at + 1).map_or(u64::MAX, |s| s.start.get()));
        self.readable(start..end, wanted)
    }

    /// What is not hidden of these keys, by what was appended.
    fn readable(&self, range: std::ops::Range<u64>, wanted: &BTreeSet<u8>) -> Vec<Known> {
        let records = self.records.iter().filter(|(sequence, name, _)| {
            range.contains(sequence) && wanted.contains(name) && *sequence >= self.floor(*name)
        });
        records.cloned().collect()
    }

    /// What pages of this size give of these keys, which are the same by each plan.
    async fn paged(
        &self,
        range: SequenceRange,
        wanted: &BTreeSet<u8>,
        limit: PageLimit,
    ) -> Vec<Known> {
        let keys = wanted.iter().map(|name| key(*name)).collect();
        let mut scan = Scan {
            selection: Selection::Keys(KeySet::new(keys).expect("a set")),
            range,
            start_time_ms: None,
            limit,
            side: Side::Oldest,
            visibility: Visibility::Memory,
        };
        let mut all = Vec::new();
        loop {
            let merged = read(&self.store, &scan, usize::MAX).await;
            let walked = read(&self.store, &scan, 0).await;
            assert_eq!(encoded(&walked), encoded(&merged), "{scan:?}");
            assert_eq!(
                (walked.next, walked.complete, walked.trimmed_before),
                (merged.next, merged.complete, merged.trimmed_before),
                "{scan:?}"
            );
            let entries = walked.runs.iter().flat_map(|run| run.entries());
            all.extend(entries.map(|entry| {
                let entry = entry.expect("not damaged");
                let name = entry.key.expect("it names its key").as_ref()[1];
                (entry.sequence.get(), name, entry.value)
            }));
            if walked.complete {
                return all;
            }
            scan.range = scan.range.starting_at(walked.next);
        }
    }
}

#[derive(Debug, Clone)]
enum Do {
    Append(Vec<(u8, usize)>),
    /// So many records of so many keys.
    AppendMany(usize, u8),
    Delete(u8, u64),
    Flush,
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Do>> {
    let length = prop_oneof![20 => 0usize..40, 1 => Just(150_000)];
    let records = prop::collection::vec((0u8..12, length), 1..12);
    let step = prop_oneof![
        12 => records.prop_map(Do::Append),
        1 => (2_000usize..5_000, 1u8..200).prop_map(|(records, keys)| Do::AppendMany(records, keys)),
        1 => (0u8..12, 0u64..60).prop_map(|(name, back)| Do::Delete(name, back)),
        2 => Just(Do::Flush),
        1 => Just(Do::Restart),
    ];
    prop::collection::vec(step, 1..25)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_walk_gives_the_records_in_the_order_of_their_sequences(
        seal_bytes in prop_oneof![1u64..400, Just(1 << 30)],
        steps in steps(),
        walks in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), prop::collection::btree_set(0u8..12, 1..12)), 1..8),
        limit in (prop_oneof![1usize..20, Just(1_000)], prop_oneof![1usize..2_000, Just(8 << 20)]),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        runtime.expect("a runtime").block_on(async {
            let mut log = Log::new(seal_bytes).await;
            for step in steps {
                match step {
                    Do::Append(records) => log.append(&records).await,
                    Do::AppendMany(records, keys) => {
                        let names = (0..records).map(|at| ((at * at / 3 % usize::from(keys)) as u8, 1));
                        log.append(&names.collect::<Vec<_>>()).await;
                    }
                    Do::Delete(name, back) => log.delete(name, back).await,
                    Do::Flush => flush(&log.store).await,
                    Do::Restart => log.restart().await,
                }
            }
            let tip = log.store.watermarks().tip;
            let segments = log.store.shared.segments();
            for (one, other, wanted) in walks {
                let (one, other) = (one.index(tip.get() as usize + 1), other.index(tip.get() as usize + 1));
                let range = |start: u64, end: u64| SequenceRange::new(start.into(), end.into()).expect("a range");
                let part = range(one.min(other) as u64, one.max(other) as u64);
                // Not thousands of pages.
                let pages = part.end().get() - part.start().get() < 400;
                let limit = PageLimit { records: if pages { limit.0 } else { 1_000 }, bytes: if pages { limit.1 } else { 1 << 20 }, time: None };
                let paged = log.paged(part, &wanted, limit).await;
                assert_eq!(paged, log.readable(part.start().get()..part.end().get(), &wanted));
                for segment in segments.iter() {
                    for range in [part, range(0, tip.get())] {
                        let place = (segment.id, range);
                        for bounds in [large(), SMALL] {
                            let walked = log.walked(place, &wanted, true, bounds).await;
                            assert_eq!(walked, log.expected(place, &wanted));
                        }
                    }
                }
            }
            log.store.close(CLOSE).await.expect("closed");
        });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_purged_is_skipped_and_a_key_that_comes_again_is_read_under_its_next_number() {
    let mut log = Log::new(1 << 30).await;
    log.store.close(CLOSE).await.expect("closed");
    log.store = super::purge::open(&log.objects).await;
    for _ in 0..4 {
        log.append(&[(1, 9), (2, 9), (3, 9), (1, 9)]).await;
        flush(&log.store).await;
    }
    // Key 1 as a whole, and a part of key 2.
    log.delete(1, 0).await;
    log.delete(2, 8).await;
    let began = Instant::now();
    while log.store.status().purges > 0 {
        assert!(began.elapsed() < CLOSE, "{:?}", log.store.status());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let name = |number| log.store.db.get(names::key(1, number));
    assert_eq!(name(0).await.expect("read"), None, "the name of key 1");
    assert!(name(1).await.expect("read").is_some());
    log.append(&[(2, 9), (1, 9)]).await;
    let row = log.store.db.get(names::key(1, 3)).await.expect("read");
    assert_eq!(row, Some(names::value(key(1).as_ref())));
    let all = BTreeSet::from([1, 2, 3]);
    let tip = log.store.watermarks().tip;
    let whole = SequenceRange::new(Sequence::ZERO, tip).expect("a range");
    let place = (1, whole);
    for bounds in [large(), SMALL] {
        let walked = log.walked(place, &all, false, bounds).await;
        assert_eq!(walked, log.expected(place, &all));
        assert_eq!(walked.len(), 4 + 2 + 2);
    }
    let rows = super::super::stored_rows::all(&log.store.db, order::prefix(1), order::decode);
    assert_eq!(rows.await.expect("read").len(), 5, "one for each commit");
    log.store.close(CLOSE).await.expect("closed");
}
