//! The SlateDB store on a real S3 server and on emulators of Google Cloud Storage and Azure Blob Storage, opened as the
//! server does.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use log_adapters::clock::SystemClock;
use log_adapters::objects::{ClientEnvironment, Place, Variables, azure, gcs, s3};
use log_adapters::store::slate::{Options, SlateStore, StoreParts};
use log_domain::conformance::{Options as Opening, StoreFixture, run_all};
use log_domain::follow::Followers;
use log_domain::{Limits, LogWriter};
use log_testkit::azurite::{ACCOUNT, Azurite};
use log_testkit::gcs::Gcs;
use log_testkit::seaweedfs::SeaweedFs;
use object_store::ObjectStore;
use slatedb_common::metrics::NoopMetricsRecorder;

const NAME: &str = "conformance";

/// A log of its own in the bucket.
struct InBucket {
    bucket: Arc<dyn ObjectStore>,
    path: String,
}

impl StoreFixture for InBucket {
    type Store = SlateStore;

    async fn open(&self, opening: Opening) -> SlateStore {
        let parts = StoreParts {
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

async fn opened(place: &Place, path: &str, variables: Variables) -> Arc<dyn ObjectStore> {
    let environment = ClientEnvironment {
        variables,
        network: None,
    };
    place
        .check(path, &environment)
        .await
        .expect("fit for a log");
    place.open(&environment).await.expect("a client")
}

async fn conforms(place: &Place, variables: Variables) {
    let bucket = opened(place, "log", variables).await;
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

fn in_s3(name: &str) -> Place {
    Place::S3(s3::Bucket {
        name: name.into(),
        region: None,
        encryption: None,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn the_slate_store_conforms_on_a_real_s3_server() {
    let s3 = SeaweedFs::start();
    s3.create_bucket(NAME);
    conforms(&in_s3(NAME), s3.environment()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prefix_of_everything_that_is_accepted_is_what_the_names_in_the_bucket_begin_with() {
    let s3 = SeaweedFs::start();
    let prefix = "A b/!$&'()+,-.:;=@_/...9";
    s3.create_bucket("prefixes");
    let bucket = opened(&in_s3("prefixes"), prefix, s3.environment()).await;
    let parts = StoreParts {
        objects: bucket,
        clock: Arc::new(SystemClock),
        listener: Arc::new(Followers::new(&Limits::default())),
        telemetry: Arc::new(()),
        recorder: Arc::new(NoopMetricsRecorder::new()),
        seed: None,
    };
    let options = Options {
        path: prefix.to_owned(),
        ..Options::default()
    };
    let store = SlateStore::open(parts, options).await.expect("opened");
    store.close(Duration::from_secs(60)).await.expect("closed");
    let names = s3.objects("prefixes");
    assert!(names.iter().any(|name| name.contains("/wal/")), "{names:?}");
    for name in names {
        assert!(name.starts_with(&format!("{prefix}/")), "{name}");
    }
}
