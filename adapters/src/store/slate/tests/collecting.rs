//! The garbage collector deletes nothing that is on its way into the manifest, however long that takes, and everything else soon.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::TryStreamExt;
use log_domain::segment::EMPTIED_AFTER;
use object_store::ObjectStoreExt;
use object_store::path::Path;
use slatedb::admin::Admin;
use slatedb::compactor::SourceId;

use super::held_store::{Held, What};
use super::removal::{open_sealing_by, removed, trim};
use super::*;

const LONGEST: Duration = Duration::from_secs(60);
const OFTEN: Duration = Duration::from_millis(10);

/// Merges two files where it can, and collects all the time, with no least age.
fn greedy(settings: &mut Settings) {
    compact_every(settings, OFTEN);
    if let Some(compactor) = &mut settings.compactor_options {
        let least = ("min_compaction_sources".to_owned(), "2".to_owned());
        compactor.scheduler_options.extend([least]);
        compactor.checkpoint_lifetime = OFTEN;
        compactor.worker_heartbeat_timeout = 50 * OFTEN;
    }
    collect_all_the_time(settings);
}

async fn open_greedy(objects: &Arc<dyn ObjectStore>, compacts: bool) -> SlateStore {
    let store = open_with(objects, |options| {
        greedy(&mut options.settings);
        if !compacts {
            options.settings.compactor_options = None;
        }
    });
    store.await.expect("opened")
}

/// Appends a record and flushes the memtable, so many times.
async fn fill(store: &SlateStore, times: usize) {
    for _ in 0..times {
        let began = Instant::now();
        loop {
            let appended = store.append(batch("k", &["v"]), Durability::Durable);
            match appended.await {
                Ok(_) => break,
                // With a collector that waits for nothing, the lookup of the key can be the slower one, and nothing was appended. Whether
                // the file should still be there is asked at the end.
                Err(Error::Corrupt(why))
                    if why.contains("not found") && began.elapsed() < LONGEST => {}
                Err(error) => panic!("{error}"),
            }
        }
        flush(store).await;
    }
}

/// Waits for something.
async fn until<T>(what: &str, mut holds: impl AsyncFnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = holds().await {
            return found;
        }
        assert!(began.elapsed() < LONGEST, "{what}");
        tokio::time::sleep(OFTEN).await;
    }
}

/// Waits until the collector has run from the beginning to the end: it collects files that nothing needs, twice.
async fn collected(objects: &Arc<dyn ObjectStore>) {
    // The oldest names that there can be, and their time is not 0.
    for name in ["00000000010000000000000000", "00000000020000000000000000"] {
        let garbage = Path::from(format!("log/compacted/{name}.sst"));
        let put = objects.put(&garbage, "garbage".into()).await;
        put.expect("written");
        until("the collector does not run", async || {
            objects.head(&garbage).await.is_err().then_some(())
        })
        .await;
    }
}

/// Everything that the newest manifest names is there, and all `records` are, also for the next server.
async fn is_whole(store: SlateStore, objects: &Arc<dyn ObjectStore>, records: usize) {
    let listed = objects.list(Some(&Path::from("log/compacted")));
    let listed: Vec<_> = listed.try_collect().await.expect("listed");
    let there: HashSet<_> = listed
        .iter()
        .filter_map(|f| f.location.filename())
        .collect();
    let manifest = Admin::builder("log", Arc::clone(objects)).build();
    let manifest = manifest.read_manifest(None).await.expect("read");
    for file in manifest.expect("a manifest").all_sst_views() {
        let name = format!("{}.sst", file.sst.id.value());
        assert!(there.contains(&name[..]), "{name} was collected");
    }
    assert_eq!(values(&store, "k").await.len(), records);
    store.close(CLOSE).await.expect("closed");
    let store = open(objects).await;
    assert_eq!(values(&store, "k").await.len(), records);
    store.close(CLOSE).await.expect("closed");
}

/// Waits until the first L0 files are merged into a run.
async fn merged(store: &SlateStore) {
    until("nothing is merged", async || {
        let manifest = store.manifest();
        let mut segments = manifest.segments().iter();
        segments
            .any(|segment| !segment.compacted().is_empty())
            .then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flush_whose_file_or_manifest_takes_long_loses_nothing_to_the_collector() {
    for (what, of) in [
        (What::Written, "/compacted/"),
        (What::Write, "/manifest/"),
        (What::Written, "/manifest/"),
    ] {
        let memory: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        // A merge is over, and held back nothing.
        let store = open_greedy(&memory, true).await;
        fill(&store, 3).await;
        merged(&store).await;
        store.close(CLOSE).await.expect("closed");
        let held = Arc::new(Held::of(Arc::clone(&memory), what, of));
        let objects: Arc<dyn ObjectStore> = held.clone();
        let store = Arc::new(open_greedy(&objects, false).await);
        fill(&store, 1).await;
        // Twice: after that, no checkpoint is left that could expire.
        collected(&memory).await;
        held.hold_next();
        let filled = [(); 2].map(|()| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { fill(&store, 1).await })
        });
        held.is_held().await;
        let appended = store.append(batch("k", &["v"]), Durability::Durable);
        appended.await.expect("the WAL is not held up");
        collected(&memory).await;
        held.release();
        for filled in filled {
            filled.await.expect("filled");
        }
        collected(&memory).await;
        let store = Arc::into_inner(store).expect("the last one");
        is_whole(store, &memory, 3 + 1 + 2 + 1).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merge_whose_file_or_manifest_takes_long_loses_nothing_to_the_collector_nor_does_its_successor()
 {
    for (what, of, is_taken_over) in [
        (What::Written, "/compacted/", false),
        (What::Written, "/compacted/", true),
        (What::Write, "/compactions/", false),
        (What::Written, "/compactions/", true),
        (What::Write, "/manifest/", false),
    ] {
        let memory: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let store = open_greedy(&memory, false).await;
        fill(&store, 4).await;
        store.close(CLOSE).await.expect("closed");
        let held = Arc::new(Held::of(Arc::clone(&memory), what, of));
        let objects: Arc<dyn ObjectStore> = held.clone();
        // Files are due to be merged, so the first that is written is the result of that.
        let is_file = of == "/compacted/";
        if is_file {
            held.hold_next();
        }
        let mut store = Arc::new(open_greedy(&objects, true).await);
        if !is_file {
            held.hold_next();
        }
        let fill_some = |records| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { fill(&store, records).await })
        };
        // What was due can have been done before it was to be held up.
        let mut filling = Vec::new();
        while !held.is_held_soon().await {
            filling.push(fill_some(2));
        }
        // Newer files than those that are on their way. If a manifest is held up, they wait.
        filling.push(fill_some(2));
        match is_file {
            true => collected(&memory).await,
            false => tokio::time::sleep(20 * OFTEN).await,
        }
        if is_taken_over {
            let newer = Arc::new(open_greedy(&memory, true).await);
            fill(&newer, 2).await;
            // The older one continues as soon as it can.
            held.release();
            // It is fenced, so it does what it will.
            drop(filling);
            drop(std::mem::replace(&mut store, newer));
        } else {
            held.release();
            for filled in filling {
                filled.await.expect("filled");
            }
        }
        fill(&store, 4).await;
        merged(&store).await;
        collected(&memory).await;
        let records = values(&store, "k").await.len();
        assert!(records >= 4 + 2 + 4, "{records}");
        let store = Arc::into_inner(store).expect("the last one");
        is_whole(store, &memory, records).await;
    }
}

/// The files of a folder that contain `marker`.
fn with_marker(folder: &std::path::Path, marker: &str) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(with_marker(&path, marker));
        } else if let Ok(content) = std::fs::read(&path) {
            let mut windows = content.windows(marker.len());
            if windows.any(|window| window == marker.as_bytes()) {
                found.push(path);
            }
        }
    }
    found
}

/// The clock of the machine, or ahead of it.
#[derive(Debug, Default)]
struct Ahead(AtomicBool);

impl Clock for Ahead {
    fn now_ms(&self) -> i64 {
        let ahead_ms = match self.0.load(Ordering::SeqCst) {
            true => EMPTIED_AFTER.as_millis() as i64,
            false => 0,
        };
        crate::clock::SystemClock.now_ms() + ahead_ms
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_trimmed_is_gone_from_the_folder_soon_also_of_a_log_that_was_trimmed_as_a_whole() {
    const MARKERS: [&str; 3] = [
        "the-oldest-record",
        "another-old-record",
        "the-newest-record",
    ];
    let folder = tempfile::tempdir().expect("a folder");
    let objects = Folder::new(folder.path().to_owned()).open_now();
    let objects: Arc<dyn ObjectStore> = objects.expect("opened");
    let clock = Arc::new(Ahead::default());
    let store = open_sealing_by(&objects, Arc::clone(&clock) as Arc<_>).await;
    for marker in MARKERS {
        let appended = store.append(batch("k", &[marker]), Durability::Durable);
        appended.await.expect("appended");
        flush(&store).await;
    }
    let left = |marker| with_marker(folder.path(), marker);
    assert!(MARKERS.iter().all(|marker| !left(marker).is_empty()));
    for (before, kept) in [(2, 2), (3, 3)] {
        // So that the newest segment is old enough to be sealed.
        clock.0.store(before > 2, Ordering::SeqCst);
        trim(&store, before).await;
        removed(&store).await;
        until("it is still there", async || {
            MARKERS[..kept]
                .iter()
                .all(|marker| left(marker).is_empty())
                .then_some(())
        })
        .await;
        assert!(
            MARKERS[kept..]
                .iter()
                .all(|marker| !left(marker).is_empty())
        );
    }
    // Of the segments with records, no file is left.
    let manifest = store.manifest();
    let files: Vec<_> = manifest
        .all_sst_views()
        .map(|file| SourceId::SstView(file.id))
        .collect();
    assert_eq!(manifest.segments().len(), 1, "{files:?}");
    let appended = store.append(batch("k", &["again"]), Durability::Durable);
    assert_eq!(appended.await.expect("appended").start.get(), 3);
    assert_eq!(values(&store, "k").await.len(), 1);
    store.close(CLOSE).await.expect("closed");
}

/// How long it takes, by the clock of the server, until so many segments that were trimmed have no files any more.
async fn dropped(segments: u64) -> Duration {
    let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let store = open_with(&objects, |options| options.seal.bytes = Some(1));
    let store = store.await.expect("opened");
    for _ in 0..segments {
        let appended = store.append(batch("k", &["v"]), Durability::Applied);
        appended.await.expect("appended");
    }
    flush(&store).await;
    trim(&store, segments).await;
    let began = Instant::now();
    // The system segment and the newest one stay.
    while store.manifest().segments().len() > 2 {
        assert!(began.elapsed() < Duration::from_secs(2 * 60 * 60));
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let took = began.elapsed();
    store.close(CLOSE).await.expect("closed");
    took
}

#[tokio::test(start_paused = true)]
async fn hundreds_of_segments_are_dropped_at_each_look_of_the_compactor() {
    let took = dropped(600).await;
    assert!(took < Duration::from_secs(30), "{took:?}");
}
