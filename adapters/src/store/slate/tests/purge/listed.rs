//! Listings of keys that are overtaken by a purge.

use super::*;
use crate::store::slate::tests::held_store::Held;

const KEPT: usize = 500;

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_purged_while_a_page_of_keys_is_read_is_not_listed() {
    let held = Arc::new(Held::new(Arc::new(InMemory::new()), "/compacted/"));
    let objects: Arc<dyn ObjectStore> = held.clone();
    let clock = Standing::now();
    let opened = || {
        let mut options = Options::default();
        at_once(&mut options);
        // Rounds come every 400 ms, and the purge is due only when the clock says so.
        options.purge_within = Duration::from_secs(40);
        open_by(&objects, Arc::clone(&clock) as Arc<_>, options)
    };
    let store = opened().await.expect("opened");
    // So many that rows of keys and those of the directory are not in the same block.
    let kept: Vec<String> = (0..KEPT)
        .map(|number| format!("kept-{number:04}"))
        .collect();
    let limits = Limits::default();
    let all = ["gone".to_owned()].into_iter().chain(kept.clone());
    let records = all.map(|key| Record::parse(key.into(), "1".into(), &limits));
    let records = records.collect::<Result<Vec<_>>>();
    let batch = Batch::new(records.expect("within the limits"), &limits).expect("a batch");
    let appended = store.append(batch.into(), Durability::Durable).await;
    appended.expect("appended");
    flush(&store).await;
    store.close(CLOSE).await.expect("closed");

    // A new server has nothing in its caches but what this reads.
    let store = Arc::new(opened().await.expect("opened"));
    let row = store.db.get(directory::key(b"kept-0100", 1)).await;
    assert!(row.expect("read").is_some());
    delete(&store, "gone", None).await;
    held.hold_next();
    let of_store = Arc::clone(&store);
    let listing = tokio::spawn(async move { names(&of_store).await });
    held.is_held().await;
    // The page reads the rows of before, and the key is forgotten meanwhile.
    assert_eq!(store.status().purges, 1);
    clock.advance(Duration::from_secs(40));
    let began = Instant::now();
    while store.status().purges > 0 {
        assert!(began.elapsed() < LONGEST);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    held.release();
    assert_eq!(listing.await.expect("listed"), kept);
    assert_eq!(names(&store).await, kept);
    store.close(CLOSE).await.expect("closed");
}
