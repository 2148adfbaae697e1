//! The policy in docs/s3.md allows what the server does in the bucket, and no more.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use log_adapters::clock::SystemClock;
use log_adapters::objects::s3::Bucket;
use log_adapters::objects::{ClientEnvironment, Place};
use log_adapters::store::slate::{Instance, Options, SlateStore, StoreParts};
use log_domain::follow::Followers;
use log_domain::{Batch, Durability, Limits, LogWriter, Record};
use log_testkit::recorder::Recorder;
use log_testkit::s3_policy::{Permission, Policy, needed};
use log_testkit::seaweedfs::{SeaweedFs, through};
use slatedb_common::metrics::NoopMetricsRecorder;

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/s3.md");

/// The names that the document uses.
const BUCKET: &str = "my-log";
const PATH: &str = "log";

#[tokio::test(flavor = "multi_thread")]
async fn the_documented_policy_allows_what_the_server_does_and_no_more() {
    let s3 = SeaweedFs::start();
    s3.create_bucket(BUCKET);
    let proxy = Recorder::before(s3.port(), &[]);
    let seen = || {
        proxy
            .calls()
            .iter()
            .flat_map(needed)
            .collect::<BTreeSet<_>>()
    };

    let environment = ClientEnvironment {
        variables: through(&proxy.url(), s3.environment()),
        network: None,
    };

    // Started twice, written to until something was compacted and something deleted.
    let store = start(&environment).await;
    for round in 0.. {
        append(&store, round).await;
        let compacted = proxy
            .calls()
            .iter()
            .any(|c| c.path.contains("/compactions/"));
        let deleted = seen()
            .iter()
            .any(|each| each.to_string().starts_with("s3:DeleteObject "));
        if compacted && deleted {
            break;
        }
        assert!(round < 600, "nothing was deleted: {:#?}", seen());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    store
        .close(std::time::Duration::from_secs(60))
        .await
        .expect("closed");
    let store = start(&environment).await;
    append(&store, 0).await;
    store
        .close(std::time::Duration::from_secs(60))
        .await
        .expect("closed");

    for call in proxy.calls() {
        let lists = call.query.contains("list-type=2");
        assert!(
            !lists || call.query.contains("prefix=log"),
            "a list of what is not the log's: {call:?}"
        );
    }
    let mut seen = seen();
    // It only comes after an upload that failed.
    seen.insert(Permission::new("AbortMultipartUpload", "my-log/log/object"));
    let document = std::fs::read_to_string(DOCUMENT).expect("read the document");
    Policy::below("## Permissions", &document).assert_is_least(&seen);
}

/// As the server does, but small and in a hurry, so that compaction and deletion come within seconds.
async fn start(environment: &ClientEnvironment) -> SlateStore {
    let bucket = Place::S3(Bucket {
        name: BUCKET.into(),
        region: None,
        encryption: None,
    });
    bucket
        .check(PATH, environment)
        .await
        .expect("fit for a log");
    let mut options = Options {
        path: PATH.into(),
        instance: Some(Instance {
            name: "server".into(),
            take_over: false,
        }),
        ..Options::default()
    };
    let settings = &mut options.settings;
    settings.l0_sst_size_bytes = 64 << 10;
    if let Some(compactor) = &mut settings.compactor_options {
        compactor.poll_interval = Duration::from_millis(200);
    }
    if let Some(collector) = &mut settings.garbage_collector_options {
        for directory in [
            &mut collector.wal_options,
            &mut collector.compacted_options,
            &mut collector.manifest_options,
        ] {
            let directory = directory.get_or_insert_default();
            directory.interval = Some(Duration::from_millis(500));
            directory.min_age = Duration::from_secs(1);
        }
    }
    let parts = StoreParts {
        objects: bucket.open(environment).await.expect("a client"),
        clock: Arc::new(SystemClock),
        listener: Arc::new(Followers::new(&options.limits)),
        telemetry: Arc::new(()),
        recorder: Arc::new(NoopMetricsRecorder::new()),
        seed: None,
    };
    SlateStore::open(parts, options).await.expect("opened")
}

async fn append(store: &SlateStore, round: usize) {
    let limits = Limits::default();
    let value = format!("{round} ").repeat(32 << 10);
    let record = Record::parse("key".into(), value.into(), &limits).expect("within the limits");
    let batch = Batch::new(vec![record], &limits).expect("a batch");
    let appended = store.append(batch.into(), Durability::Durable).await;
    appended.expect("appended");
}
