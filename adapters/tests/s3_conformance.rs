//! The SlateDB store on a real S3 server.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use log_adapters::clock::SystemClock;
use log_adapters::slate::{Options, Parts, SlateStore};
use log_domain::conformance::{Fixture, Options as Opening, run_all};
use log_domain::follow::Followers;
use log_domain::{Limits, LogStore};
use log_testkit::seaweedfs::{ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY, SeaweedFs};
use object_store::ObjectStore;
use object_store::aws::{AmazonS3Builder, S3ConditionalPut};
use slatedb_common::metrics::NoopMetricsRecorder;

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

fn bucket(s3: &SeaweedFs, name: &str) -> Arc<dyn ObjectStore> {
    s3.create_bucket(name);
    Arc::new(
        AmazonS3Builder::new()
            .with_endpoint(s3.endpoint())
            .with_allow_http(true)
            .with_bucket_name(name)
            .with_region(REGION)
            .with_access_key_id(ACCESS_KEY_ID)
            .with_secret_access_key(SECRET_ACCESS_KEY)
            .with_conditional_put(S3ConditionalPut::ETagMatch)
            .build()
            .expect("a client"),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn the_slate_store_conforms_on_a_real_s3_server() {
    let s3 = SeaweedFs::start();
    let bucket = bucket(&s3, "conformance");
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
async fn a_prefix_of_everything_that_is_accepted_is_what_the_names_in_the_bucket_begin_with() {
    let s3 = SeaweedFs::start();
    let prefix = "A b/!$&'()+,-.:;=@_/...9";
    let bucket = bucket(&s3, "prefixes");
    let parts = Parts {
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
