//! What is merged, and how soon replaced files are gone, in a store with SlateDB's compactor and garbage collector.

use std::collections::HashSet;
use std::path::Path;

use log_domain::SealPolicy;
use slatedb::VersionedManifest;
use slatedb::config::Settings;
use slatedb::manifest::Segment;

use super::*;

const KIB: usize = 1 << 10;
const LONGEST: Duration = Duration::from_secs(60);

/// Small files, and no waits.
fn at_once(settings: &mut Settings) {
    settings.l0_sst_size_bytes = 32 * KIB;
    compact_every(settings, Duration::from_millis(20));
}

async fn append(store: &SlateStore, bytes: usize) {
    let limits = Limits::default();
    let value = vec![b'v'; bytes];
    let record = Record::parse("key".into(), value.into(), &limits).expect("within the limits");
    let batch = Batch::new(vec![record], &limits).expect("a batch");
    let appended = store.append(batch.into(), Durability::Applied).await;
    appended.expect("appended");
}

/// Waits for a manifest, and returns how long that took.
async fn until(store: &SlateStore, holds: impl Fn(&VersionedManifest) -> bool) -> Duration {
    let began = Instant::now();
    while !holds(&store.manifest()) {
        assert!(
            began.elapsed() < LONGEST,
            "still {:?}",
            store.manifest().segments()
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    began.elapsed()
}

fn sources(segment: &Segment) -> usize {
    segment.l0().len() + segment.compacted().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn sealed_segments_become_one_run_and_the_fewest_l0_files_do_not_stop_appends() {
    const RECORDS: usize = 200;
    for l0_max in [2, 5, 64] {
        let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let store = open_with(&objects, |options| {
            at_once(&mut options.settings);
            options.settings.l0_max_ssts = l0_max;
            options.settings.max_unflushed_bytes = 64 * KIB;
            options.seal = SealPolicy {
                bytes: Some(256 * KIB as u64),
                interval: None,
            };
        });
        let store = store.await.expect("opened");
        for _ in 0..RECORDS {
            append(&store, 16 * KIB).await;
        }
        let of_system = [0; 4];
        until(&store, |manifest| {
            let newest = manifest.segments().last().map(Segment::prefix);
            manifest.segments().len() > 10
                && manifest.segments().iter().all(|segment| {
                    match segment.prefix()[..] == of_system {
                        true => segment.compacted().len() <= 2 && segment.l0().len() < 8,
                        false => sources(segment) == 1 || Some(segment.prefix()) == newest,
                    }
                })
        })
        .await;
        assert_eq!(values(&store, "key").await.len(), RECORDS);
        store.close(CLOSE).await.expect("closed");
    }
}

/// Replaced files go soon.
fn collect_soon(settings: &mut Settings) {
    let compactor = settings.compactor_options.as_mut().expect("on by default");
    compactor.checkpoint_lifetime = Duration::from_secs(5);
    let collector = settings.garbage_collector_options.as_mut();
    let files = &mut collector.expect("on by default").compacted_options;
    let files = files.get_or_insert_default();
    files.interval = Some(Duration::from_secs(1));
    files.min_age = Duration::from_secs(5);
}

fn data_files(folder: &Path) -> HashSet<String> {
    let files = std::fs::read_dir(folder.join("log/compacted")).expect("data files");
    let names = files.map(|file| file.expect("a file").file_name());
    names
        .map(|name| name.to_string_lossy().into_owned())
        .collect()
}

fn named(manifest: &VersionedManifest) -> HashSet<String> {
    let files = manifest.all_sst_views();
    let names = files.map(|file| format!("{}.sst", file.sst.id.value()));
    names.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_file_goes_within_twenty_seconds_if_the_settings_ask_for_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let objects = Folder::new(folder.path().to_owned()).open_now();
    let objects = objects.expect("opened");
    let store = open_with(&objects, |options| {
        at_once(&mut options.settings);
        collect_soon(&mut options.settings);
        let compactor = options.settings.compactor_options.as_mut();
        let scheduler = &mut compactor.expect("on").scheduler_options;
        scheduler.insert("min_compaction_sources".into(), "4".into());
    });
    let store = store.await.expect("opened");
    let first_run = |manifest: &VersionedManifest| {
        let segment = manifest.segments().last();
        segment.is_some_and(|segment| !segment.compacted().is_empty())
    };
    let mut seen = HashSet::new();
    while !first_run(&store.manifest()) {
        append(&store, 16 * KIB).await;
        seen.extend(named(&store.manifest()));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let replaced: HashSet<_> = seen
        .difference(&named(&store.manifest()))
        .cloned()
        .collect();
    let newest = replaced.iter().max().expect("files that were replaced");
    // The newest L0 file of all stays until there is another one.
    while !named(&store.manifest()).iter().any(|name| name > newest) {
        append(&store, 16 * KIB).await;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let began = Instant::now();
    while !data_files(folder.path()).is_disjoint(&replaced) {
        assert!(began.elapsed() < Duration::from_secs(20), "{replaced:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(!values(&store, "key").await.is_empty());
    store.close(CLOSE).await.expect("closed");
}
