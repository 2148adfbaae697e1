//! What is below the floor of a prefix goes, and no reader can tell.

use log_domain::{PrefixRule, PrefixRules};

use super::held_store::{Held, What};
use super::purge::{LONGEST, append, count, is_sound, names, open, rows};
use super::*;
use crate::store::slate::layout::{directory, keys, prefix, prefix_floors, records};

/// Raises the floors of these prefixes to the tip; answers it.
async fn raise(store: &SlateStore, prefixes: &[&'static str]) -> u64 {
    // Everything is older by then.
    tokio::time::sleep(Duration::from_millis(5)).await;
    let rules = prefixes.iter().map(|prefix| PrefixRule {
        prefix: (*prefix).into(),
        max_age: Duration::from_millis(1),
    });
    let rules = PrefixRules::new(rules.collect(), &Limits::default()).expect("rules");
    let raised = store.apply_rules(&rules).await.expect("applied");
    let floors: Vec<u64> = raised.iter().map(|raised| raised.floor.get()).collect();
    let tip = store.watermarks().tip.get();
    assert_eq!(floors, vec![tip; prefixes.len()]);
    tip
}

async fn until<F: Future<Output = bool>>(what: &str, is_so: impl Fn() -> F) {
    let so = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let in_time = tokio::time::timeout(LONGEST, so).await;
    assert!(in_time.is_ok(), "{what}");
}

/// Waits until the directory lists no key in segments where all its records are below the floor of a prefix.
async fn unlisted(store: &SlateStore) {
    let unlisted = || async {
        let prefixes = store.shared.key_floors.prefixes().now();
        prefixes.to_unlist().is_empty()
    };
    until("the keys are unlisted", unlisted).await;
}

/// All three records of a key are shown, and no floor.
async fn shows_all(store: &SlateStore, key: &'static str) {
    let floor = store.prefix_floor(&Key::stored(key.into()));
    assert_eq!(floor, Sequence::ZERO);
    assert_eq!(names(store).await, ["other", key]);
    assert_eq!(count(store, key).await, 3);
    assert_eq!(values(store, key).await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_below_the_floor_of_their_prefix_are_unlisted_and_their_records_go_with_merges() {
    let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let store = open(&objects).await;
    for _ in 0..200 {
        append(&store, &["p/gone", "p/stays", "other", "p/gone"]).await;
    }
    flush(&store).await;
    assert!(store.shared.segments().len() > 2);
    let tip = raise(&store, &["p/", "q"]).await;
    assert_eq!(names(&store).await, ["other"]);
    append(&store, &["p/stays", "other"]).await;
    unlisted(&store).await;
    assert_eq!(rows(&store, directory::prefix(b"p/gone")).await, 0);
    assert_eq!(rows(&store, directory::prefix(b"p/stays")).await, 1);
    assert_eq!(
        rows(&store, directory::prefix(b"other")).await,
        store.shared.segments().len()
    );
    assert_eq!(
        store.db.get(keys::key(b"p/gone")).await.expect("read"),
        None
    );
    assert_eq!(rows(&store, prefix_floors::prefix()).await, 2);
    assert_eq!(names(&store).await, ["other", "p/stays"]);
    flush(&store).await;
    is_sound(&objects).await;
    // The segment that was appended to is sealed and merged, without them.
    let active = store.status().active_segment;
    while store.status().active_segment == active {
        append(&store, &["other"]).await;
    }
    let are_gone = || async {
        flush(&store).await;
        let of_active = records::prefix(active, b"p/gone");
        rows(&store, of_active).await == 0
    };
    until("a merge leaves the records out", are_gone).await;
    assert_eq!(count(&store, "p/gone").await, 0);
    assert_eq!(count(&store, "p/stays").await, 1);
    assert!(count(&store, "other").await > 200);
    // The key begins anew.
    append(&store, &["p/gone", "p/gone"]).await;
    assert_eq!(count(&store, "p/gone").await, 2);
    assert_eq!(values(&store, "p/gone").await.len(), 2);
    flush(&store).await;
    is_sound(&objects).await;
    store.close(CLOSE).await.expect("closed");

    let store = open(&objects).await;
    assert_eq!(store.prefix_floor(&Key::stored("q1".into())).get(), tip);
    assert_eq!(count(&store, "p/gone").await, 2);
    assert_eq!(count(&store, "p/stays").await, 1);
    assert_eq!(names(&store).await, ["other", "p/gone", "p/stays"]);
    // What a trim covers is forgotten, once its segments are gone.
    let trim = Trim::BeforeSequence(store.watermarks().tip);
    store.trim(trim).await.expect("trimmed");
    let forgotten = || async {
        let none = PrefixRules::default();
        append(&store, &["other"]).await;
        store.apply_rules(&none).await.expect("applied");
        rows(&store, prefix_floors::prefix()).await == 0
    };
    until("the floors are forgotten", forgotten).await;
    assert_eq!(count(&store, "p/gone").await, 0);
    assert_eq!(names(&store).await, ["other"]);
    assert!(store.shared.key_floors.prefixes().is_empty());
    store.close(CLOSE).await.expect("closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merge_leaves_nothing_out_that_the_directory_would_list_after_a_crash() {
    let memory: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let plans = Held::of(Arc::clone(&memory), What::Write, "/compactions/");
    let plans = Arc::new(plans);
    let wal = Arc::new(Held::of(plans.clone(), What::Write, "/wal/"));
    let objects: Arc<dyn ObjectStore> = wal.clone();
    let store = open_with(&objects, |options| {
        options.remove_every = Duration::from_millis(1);
        options.seal.bytes = Some(600);
        compact_every(&mut options.settings, Duration::from_millis(5));
    });
    let store = store.await.expect("opened");
    // No merge begins before the plan of it is stored.
    plans.hold_next();
    while store.shared.segments().len() < 2 {
        append(&store, &["p/gone", "other", "p/gone"]).await;
        flush(&store).await;
    }
    plans.is_held().await;
    let gone = Key::stored("p/gone".into());
    wal.hold_next();
    let unlisting_is_held = async {
        wal.is_held().await;
        // The floor becomes durable, and what follows from it does not.
        while store.prefix_floor(&gone) == Sequence::ZERO {
            wal.hold_next();
            wal.release();
            wal.is_held().await;
        }
    };
    tokio::join!(raise(&store, &["p/"]), unlisting_is_held);
    let is_merged = || async {
        let manifest = store.manifest();
        let mut segments = manifest.segments().iter();
        segments.any(|segment| {
            prefix::segment(segment.prefix()) == Some(1)
                && segment.l0().is_empty()
                && segment.compacted().len() == 1
        })
    };
    assert!(!is_merged().await);
    plans.release();
    until("the sealed segment is merged", is_merged).await;
    // A crash.
    drop(store);
    is_sound(&memory).await;

    let store = open(&memory).await;
    unlisted(&store).await;
    assert_eq!(rows(&store, directory::prefix(b"p/gone")).await, 0);
    append(&store, &["p/gone", "p/gone"]).await;
    assert_eq!(count(&store, "p/gone").await, 2);
    assert_eq!(names(&store).await, ["other", "p/gone"]);
    flush(&store).await;
    is_sound(&memory).await;
    store.close(CLOSE).await.expect("closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_floor_of_a_prefix_hides_nothing_before_it_is_durable() {
    let memory: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let wal = Held::of(Arc::clone(&memory), What::Write, "/wal/");
    let wal = Arc::new(wal);
    let objects: Arc<dyn ObjectStore> = wal.clone();
    let store = super::open(&objects).await;
    for _ in 0..3 {
        append(&store, &["p/gone", "other"]).await;
    }
    wal.hold_next();
    let reads = async {
        wal.is_held().await;
        let is_written = || async {
            let prefixes = store.shared.key_floors.prefixes().now();
            prefixes.has(b"p/")
        };
        until("the floor is written", is_written).await;
        shows_all(&store, "p/gone").await;
    };
    tokio::select! {
        _ = raise(&store, &["p/"]) => panic!("answered before the floor is durable"),
        () = reads => {}
    }
    // A crash.
    drop(store);

    let store = super::open(&memory).await;
    shows_all(&store, "p/gone").await;
    raise(&store, &["p/"]).await;
    assert_eq!(names(&store).await, ["other"]);
    assert_eq!(count(&store, "p/gone").await, 0);
    store.close(CLOSE).await.expect("closed");
}
