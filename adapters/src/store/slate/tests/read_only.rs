//! Reading a log from a database that is opened for reading only.

use log_domain::SealPolicy;
use slatedb::DbReader;

use super::*;
use crate::store::slate::layout::prefix::{ByKey, BySegment};

#[tokio::test]
async fn a_database_that_is_opened_for_reading_is_read_by_the_same_code() {
    let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let seal = SealPolicy {
        interval: None,
        bytes: Some(1),
    };
    let store = open_with(&objects, |options| options.seal = seal);
    let store = store.await.expect("opened");
    for value in ["a", "b", "c"] {
        for key in ["k", "other"] {
            let appended = store
                .append(batch(key, &[value]), Durability::Durable)
                .await;
            appended.expect("appended");
        }
    }
    let filter = slatedb::BloomFilterPolicy::new(10)
        .with_prefix_extractor(Arc::new(ByKey))
        .with_whole_key_filtering(false);
    let db = DbReader::builder("log", Arc::clone(&objects))
        .with_segment_extractor(Arc::new(BySegment))
        .with_filter_policies(vec![Arc::new(filter)])
        .build();
    let db = db.await.expect("opened for reading");
    let (watermarks, segments) = store.view();
    let reader = Reader {
        db: &db,
        segments: &segments,
        watermarks,
    };
    let scan = Scan {
        key: Key::stored("k".into()),
        range: SequenceRange::ALL,
        start_time_ms: None,
        limit: PageLimit {
            records: 100,
            bytes: 1 << 20,
        },
        visibility: Visibility::Durable,
    };
    let (found, expected) = (reader.scan(&scan).await, store.scan(&scan).await);
    let (found, expected) = (found.expect("scanned"), expected.expect("scanned"));
    assert_eq!((found.runs.len(), found.next), (3, expected.next));
    assert_eq!(found.runs, expected.runs);
    let count = reader.count(&scan.key, SequenceRange::ALL).await;
    assert_eq!(count.expect("counted"), 3);
    store.close(CLOSE).await.expect("closed");
}
