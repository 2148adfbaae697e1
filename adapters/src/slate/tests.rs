use std::sync::Arc;

use log_domain::conformance::{Fixture, Options as Opening, run_all};
use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use slatedb_common::metrics::NoopMetricsRecorder;

use super::*;

pub(super) struct On(pub(super) Arc<dyn ObjectStore>);

impl Fixture for On {
    type Store = SlateStore;

    async fn open(&self, opening: Opening) -> SlateStore {
        let parts = Parts {
            objects: Arc::clone(&self.0),
            clock: opening.clock,
            listener: opening.followers,
            recorder: Arc::new(NoopMetricsRecorder::new()),
            seed: None,
        };
        let options = Options {
            seal: opening.seal,
            ..Options::default()
        };
        SlateStore::open(parts, options).await.expect("opened")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_slate_store_conforms_on_an_object_store_in_memory() {
    run_all(|| On(Arc::new(InMemory::new()))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_slate_store_conforms_on_a_local_folder() {
    let folders = tempfile::tempdir().expect("a folder");
    let next = std::cell::Cell::new(0);
    run_all(|| {
        next.set(next.get() + 1);
        let folder = folders.path().join(next.get().to_string());
        std::fs::create_dir(&folder).expect("created");
        let store = LocalFileSystem::new_with_prefix(folder).expect("a store");
        On(Arc::new(store.with_fsync(true)))
    })
    .await;
}
