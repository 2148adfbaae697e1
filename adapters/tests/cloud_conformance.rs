//! The SlateDB store on emulators of Google Cloud Storage and Azure Blob Storage, opened as the server does.

use std::cell::Cell;
use std::sync::Arc;

use log_adapters::objects::{Place, Reach, Variables, azure, gcs};
use log_adapters::slate::{Options, Parts, SlateStore};
use log_domain::conformance::{Fixture, Options as Opening, run_all};
use log_testkit::azurite::{ACCOUNT, Azurite};
use log_testkit::gcs::Gcs;
use object_store::ObjectStore;
use slatedb_common::metrics::NoopMetricsRecorder;

const NAME: &str = "conformance";

/// A log of its own in the bucket.
struct InBucket {
    bucket: Arc<dyn ObjectStore>,
    path: String,
}

impl Fixture for InBucket {
    type Store = SlateStore;

    async fn open(&self, opening: Opening) -> SlateStore {
        let parts = Parts {
            objects: Arc::clone(&self.bucket),
            clock: opening.clock,
            listener: opening.followers,
            telemetry: Arc::new(()),
            recorder: Arc::new(NoopMetricsRecorder::new()),
            seed: None,
        };
        let options = Options {
            path: self.path.clone(),
            seal: opening.seal,
            ..Options::default()
        };
        SlateStore::open(parts, options).await.expect("opened")
    }
}

async fn conforms(place: &Place, variables: Variables) {
    let reach = Reach {
        variables,
        network: None,
    };
    place.check("log", &reach).await.expect("fit for a log");
    let bucket = place.open(&reach).await.expect("a client");
    let next = Cell::new(0);
    run_all(|| {
        next.set(next.get() + 1);
        InBucket {
            bucket: Arc::clone(&bucket),
            path: format!("log-{}", next.get()),
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_slate_store_conforms_on_an_emulator_of_azure() {
    let azurite = Azurite::start();
    azurite.create_container(NAME);
    let place = Place::Azure(azure::Container {
        account: ACCOUNT.into(),
        name: NAME.into(),
        endpoint: None,
    });
    conforms(&place, azurite.environment()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_slate_store_conforms_on_an_emulator_of_google() {
    let gcs = Gcs::start();
    gcs.create_bucket(NAME);
    let place = Place::Gcs(gcs::Bucket {
        name: NAME.into(),
        endpoint: None,
    });
    conforms(&place, gcs.environment_with_token()).await;
}
