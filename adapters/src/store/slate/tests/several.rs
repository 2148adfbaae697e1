//! Scans of several keys: both plans answer the same, which is what the model answers.

use std::collections::BTreeSet;

use bytes::Bytes;
use log_domain::model::Model;
use log_domain::{KeySet, PrefixRule};

use super::super::read_ahead::ReadAhead;
use super::*;

const EVERYTHING: PageLimit = PageLimit {
    records: 100_000,
    bytes: 64 << 20,
    time: None,
};

/// A little repeatable noise (splitmix64).
struct Noise(u64);

impl Noise {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }

    fn key(&mut self) -> Key {
        let of = [&b"a/"[..], b"a", b"b/", b"\xff", b"\0"][self.below(5) as usize];
        Key::stored([of, &[b'0' + self.below(9) as u8]].concat().into())
    }

    fn batch(&mut self) -> Append {
        let limits = Limits::default();
        let records = (0..1 + self.below(40)).map(|_| {
            let value = vec![b'v'; self.below(90) as usize];
            let key = self.key().as_bytes().clone();
            Record::parse(key, value.into(), &limits).expect("within the limits")
        });
        let batch = Batch::new(records.collect(), &limits);
        batch.expect("a batch").into()
    }

    fn scan(&mut self, tip: u64, now_ms: i64) -> Scan {
        let (a, b) = (self.below(tip + 2), self.below(tip + 2));
        let selection = match self.below(3) {
            0 => {
                let keys = (0..1 + self.below(12)).map(|_| self.key());
                Selection::Keys(KeySet::new(keys.collect()).expect("a set"))
            }
            _ => {
                let prefixes = [&b""[..], b"a", b"a/", b"b/", b"\xff", b"\0"];
                let prefix = prefixes[self.below(6) as usize];
                Selection::Prefix(Bytes::copy_from_slice(prefix))
            }
        };
        Scan {
            selection,
            range: SequenceRange::new(a.min(b).into(), a.max(b).into()).expect("ordered"),
            start_time_ms: (self.below(4) == 0).then(|| now_ms - self.below(10_000) as i64),
            limit: PageLimit {
                records: 1 + self.below(60) as usize,
                bytes: 1 + self.below(5_000) as usize,
                time: None,
            },
            side: Side::Oldest,
            visibility: Visibility::Memory,
        }
    }
}

/// A store and the model, to which the same is done.
struct Both {
    store: SlateStore,
    model: Model,
    clock: Arc<Standing>,
}

impl Both {
    async fn append(&mut self, append: Append) {
        let now_ms = self.clock.now_ms();
        self.model.append(&append, now_ms).expect("appended");
        let appended = self.store.append(append, Durability::Applied).await;
        appended.expect("appended");
    }

    async fn delete(&mut self, noise: &mut Noise) {
        let deletion = Deletion {
            key: noise.key(),
            before: Some(noise.below(self.model.tip().get() + 1).into()),
        };
        self.model.delete(&deletion).expect("deleted");
        self.store.delete(deletion).await.expect("deleted");
    }

    async fn trim(&mut self, before: Sequence) {
        let before = Trim::BeforeSequence(before);
        let now_ms = self.clock.now_ms();
        self.model.trim(before, now_ms).expect("trimmed");
        self.store.trim(before).await.expect("trimmed");
    }

    /// Of some keys, records are kept for so long.
    async fn keep_for(&mut self, max_age: Duration) {
        let rule = PrefixRule {
            prefix: Bytes::from_static(b"a/"),
            max_age,
        };
        let rules = PrefixRules::new(vec![rule], &Limits::default()).expect("rules");
        self.model.apply_rules(&rules, self.clock.now_ms());
        self.store.apply_rules(&rules).await.expect("applied");
    }
}

/// The page with the rows of up to so many keys merged, and with a walk through the order of the records for more.
pub(super) async fn read(store: &SlateStore, scan: &Scan, most: usize) -> Page {
    let time = PageTime::of(&scan.limit);
    let nothing = ReadAhead::new(0);
    // What was deleted is removed in the background, and a read that notices begins again.
    for _ in 0..100 {
        let prefixes = store.shared.key_floors.prefixes().now();
        let covering = scan
            .selection
            .covering_floor(|key| prefixes.of_key(key.as_ref()));
        let mut reader = store.reader(covering);
        if most > 3 {
            // What walks have read ahead is not merged.
            reader.read_ahead = &nothing;
        }
        let page = reader.several(scan, &prefixes, most, time).await;
        if let Some(page) = page.expect("read") {
            return page;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("something went during each of the reads");
}

/// What pages without time have, and where they end.
async fn without_time(store: &SlateStore, scan: &Scan, most: usize) -> (Vec<u8>, Sequence) {
    let mut scan = scan.clone();
    scan.limit.time = Some(Duration::ZERO);
    let mut found = Vec::new();
    loop {
        let page = read(store, &scan, most).await;
        found.extend(encoded(&page));
        if page.complete {
            return (found, page.next);
        }
        assert!(page.next > scan.range.start(), "no progress: {scan:?}");
        scan.range = scan.range.starting_at(page.next);
    }
}

/// The bytes of all records of a page.
pub(super) fn encoded(page: &Page) -> Vec<u8> {
    let runs = page.runs.iter();
    let encoded: Vec<&[u8]> = runs.map(|run| &run.encoded()[..]).collect();
    encoded.concat()
}

#[tokio::test]
async fn a_page_is_the_same_whether_keys_are_merged_or_the_order_is_walked() {
    for seed in 1..=6 {
        let mut noise = Noise(seed);
        let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let clock = Standing::now();
        let seal = log_domain::SealPolicy {
            interval: Some(Duration::from_millis(1_500)),
            bytes: None,
        };
        let options = || Options {
            seal,
            ..Options::default()
        };
        let opened = open_by(&objects, Arc::clone(&clock) as _, options()).await;
        let mut both = Both {
            store: opened.expect("opened"),
            model: Model::new(seal),
            clock: Arc::clone(&clock),
        };
        for step in 0..40 {
            clock.advance(Duration::from_millis(noise.below(600)));
            both.append(noise.batch()).await;
            match noise.below(12) {
                0 => flush(&both.store).await,
                1 => both.delete(&mut noise).await,
                2 => {
                    let max_age = Duration::from_millis(1 + noise.below(9_000));
                    both.keep_for(max_age).await;
                }
                3 => {
                    let before = noise.below(both.model.tip().get() / 4 + 1);
                    both.trim(before.into()).await;
                }
                4 => {
                    both.store.close(CLOSE).await.expect("closed");
                    let opened = open_by(&objects, Arc::clone(&clock) as _, options()).await;
                    both.store = opened.expect("opened");
                }
                _ => {}
            }
            let (store, model) = (&both.store, &both.model);
            // Each page begins again, so this is done now and then.
            if step % 8 == 7 {
                let mut scan = noise.scan(model.tip().get(), clock.now_ms());
                let most = [1, 3, 1_000][noise.below(3) as usize];
                let found = without_time(store, &scan, most).await;
                let what = format!("seed {seed}, step {step}, {most} at a time: {scan:?}");
                scan.limit = EVERYTHING;
                let expected = model.scan(&scan, model.tip()).expect("scanned");
                assert_eq!(found, (encoded(&expected), expected.next), "{what}");
            }
            for _ in 0..4 {
                let scan = noise.scan(model.tip().get(), clock.now_ms());
                let expected = model.scan(&scan, model.tip()).expect("scanned");
                for most in [0, 3, 1_000] {
                    let page = read(store, &scan, most).await;
                    let what =
                        || format!("seed {seed}, step {step}, up to {most} merged: {scan:?}");
                    assert_eq!(encoded(&page), encoded(&expected), "{}", what());
                    assert_eq!(
                        (page.next, page.complete, page.trimmed_before),
                        (expected.next, expected.complete, expected.trimmed_before),
                        "{}",
                        what()
                    );
                }
            }
        }
        both.store.close(CLOSE).await.expect("closed");
    }
}

#[tokio::test]
async fn a_key_in_more_segments_than_are_known_at_a_time_is_read_whole() {
    let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let opened = open_with(&objects, |options| options.seal.bytes = Some(1)).await;
    let store = opened.expect("opened");
    let mut expected = BTreeSet::new();
    for n in 0..150u64 {
        let key = if n % 3 == 0 { "a/1" } else { "a/2" };
        store
            .append(batch(key, &["v"]), Durability::Applied)
            .await
            .expect("appended");
        expected.insert((n, key.as_bytes().to_vec()));
    }
    let scan = Scan {
        selection: Selection::Prefix(Bytes::from_static(b"a/")),
        range: SequenceRange::ALL,
        start_time_ms: None,
        limit: PageLimit {
            records: 1_000,
            bytes: 1 << 20,
            time: None,
        },
        side: Side::Oldest,
        visibility: Visibility::Memory,
    };
    for most in [0, 2] {
        let page = read(&store, &scan, most).await;
        let entries = page.runs.iter().flat_map(|run| run.entries());
        let found = entries.map(|entry| {
            let entry = entry.expect("not damaged");
            let key = entry.key.expect("it names its key");
            (entry.sequence.get(), key.as_bytes().to_vec())
        });
        assert_eq!(found.collect::<BTreeSet<_>>(), expected);
    }
    store.close(CLOSE).await.expect("closed");
}

#[tokio::test]
async fn rows_that_are_too_large_to_be_merged_are_read_in_their_order() {
    let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let store = open_with(&objects, |_| ()).await.expect("opened");
    let limits = Limits::default();
    for round in 0..2 {
        for name in ["a", "b", "c"] {
            // Together more than is merged at a time, and in the second round more than before.
            let value = vec![b'v'; 5_000_000 + round * 1_000_000];
            let record = Record::parse(name.into(), value.into(), &limits);
            let batch = Batch::new(vec![record.expect("within the limits")], &limits);
            let append = batch.expect("a batch").into();
            let appended = store.append(append, Durability::Applied).await;
            appended.expect("appended");
        }
    }
    let scan = Scan {
        selection: Selection::Prefix(Bytes::new()),
        range: SequenceRange::ALL,
        start_time_ms: None,
        limit: EVERYTHING,
        side: Side::Oldest,
        visibility: Visibility::Memory,
    };
    let merged = read(&store, &scan, 1_000).await;
    assert_eq!(merged.records, 6);
    assert_eq!(encoded(&merged), encoded(&read(&store, &scan, 0).await));
    store.close(CLOSE).await.expect("closed");
}

#[tokio::test]
async fn what_was_read_ahead_is_shown_as_far_as_it_is_still_there() {
    let mut used = 0;
    for seed in 1..=12 {
        let mut noise = Noise(seed);
        let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let clock = Standing::now();
        let seal = log_domain::SealPolicy {
            interval: None,
            bytes: Some(20_000),
        };
        let options = Options {
            seal,
            ..Options::default()
        };
        let opened = open_by(&objects, Arc::clone(&clock) as _, options).await;
        let mut both = Both {
            store: opened.expect("opened"),
            model: Model::new(seal),
            clock: Arc::clone(&clock),
        };
        for _ in 0..60 {
            both.append(noise.batch()).await;
        }
        let mut scan = noise.scan(1, clock.now_ms());
        scan.selection = Selection::Prefix(Bytes::new());
        scan.range = SequenceRange::ALL;
        scan.start_time_ms = None;
        loop {
            clock.advance(Duration::from_millis(noise.below(20)));
            match noise.below(5) {
                0 => both.delete(&mut noise).await,
                1 => {
                    let before = scan.range.start().plus(noise.below(30));
                    both.trim(before.min(both.model.tip())).await;
                }
                2 => {
                    let max_age = Duration::from_millis(1 + noise.below(900));
                    both.keep_for(max_age).await;
                }
                3 => both.append(noise.batch()).await,
                _ => {}
            }
            let (store, model) = (&both.store, &both.model);
            scan.limit.records = 1 + noise.below(60) as usize;
            used += store.read_ahead.records();
            let page = read(store, &scan, 0).await;
            let expected = model.scan(&scan, model.tip()).expect("scanned");
            assert_eq!(encoded(&page), encoded(&expected), "seed {seed}: {scan:?}");
            let ends = |page: &Page| (page.next, page.complete, page.trimmed_before);
            assert_eq!(ends(&page), ends(&expected), "seed {seed}: {scan:?}");
            if page.complete {
                break;
            }
            scan.range = scan.range.starting_at(page.next);
        }
        both.store.close(CLOSE).await.expect("closed");
    }
    assert!(used > 10_000, "only {used} records were read ahead");
}
