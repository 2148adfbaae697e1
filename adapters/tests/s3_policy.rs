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
use log_testkit::recorder::{Call, Recorder};
use log_testkit::seaweedfs::{SeaweedFs, through};
use serde_json::Value;
use slatedb_common::metrics::NoopMetricsRecorder;

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/s3.md");

/// The names that the document uses.
const BUCKET: &str = "my-log";
const PATH: &str = "log";

/// Allowed without having been seen: it only comes after an upload that failed.
const AFTER_FAILURES: &str = "s3:AbortMultipartUpload on arn:aws:s3:::my-log/log/*";

#[tokio::test(flavor = "multi_thread")]
async fn the_documented_policy_allows_what_the_server_does_and_no_more() {
    let s3 = SeaweedFs::start();
    s3.create_bucket(BUCKET);
    let proxy = Recorder::before(s3.port(), &[]);
    let seen = || proxy.calls().iter().map(needs).collect::<BTreeSet<_>>();

    let environment = ClientEnvironment {
        variables: through(&proxy.url(), s3.environment()),
        network: None,
    };

    // Started twice, written to until something was compacted and something deleted.
    let store = start(&environment).await;
    let deletes = "s3:DeleteObject on arn:aws:s3:::my-log/log/*";
    for round in 0.. {
        append(&store, round).await;
        let compacted = proxy
            .calls()
            .iter()
            .any(|c| c.path.contains("/compactions/"));
        if compacted && seen().contains(deletes) {
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

    let mut needed = seen();
    let allowed = allowed(&std::fs::read_to_string(DOCUMENT).expect("read the document"));
    let missing: Vec<_> = needed.difference(&allowed).collect();
    assert!(missing.is_empty(), "the policy lacks {missing:#?}");
    needed.insert(AFTER_FAILURES.into());
    let idle: Vec<_> = allowed.difference(&needed).collect();
    assert!(idle.is_empty(), "nobody needs {idle:#?}");
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

/// The action, and the resource, that S3 asks a policy for.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html>
fn needs(call: &Call) -> String {
    let path = call.path.trim_start_matches('/');
    let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
    assert_eq!(bucket, BUCKET, "another bucket: {call:?}");
    let has = |parameter: &str| call.query.split('&').any(|p| p.starts_with(parameter));
    let action = match call.method.as_str() {
        "GET" if key.is_empty() && has("list-type=2") => {
            assert!(
                has("prefix=log"),
                "a list of what is not the log's: {call:?}"
            );
            return format!("s3:ListBucket on arn:aws:s3:::{BUCKET}");
        }
        "POST" if key.is_empty() && has("delete") => "s3:DeleteObject",
        "DELETE" if has("uploadId") => "s3:AbortMultipartUpload",
        "DELETE" => "s3:DeleteObject",
        "GET" | "HEAD" => "s3:GetObject",
        "PUT" if !call.headers.contains_key("x-amz-copy-source") => "s3:PutObject",
        "POST" if has("uploads") || has("uploadId") => "s3:PutObject",
        _ => panic!("what does this need? {call:?}"),
    };
    let of_the_log = key.is_empty() || key.starts_with(&format!("{PATH}/"));
    assert!(of_the_log, "an object that is not the log's: {call:?}");
    format!("{action} on arn:aws:s3:::{BUCKET}/{PATH}/*")
}

/// What the first policy in the document allows.
fn allowed(document: &str) -> BTreeSet<String> {
    let (_, policy) = document.split_once("```json\n").expect("a policy");
    let (policy, _) = policy.split_once("```").expect("the end of the policy");
    let policy: Value = serde_json::from_str(policy).expect("the policy is JSON");
    let mut allowed = BTreeSet::new();
    for statement in policy["Statement"].as_array().expect("statements") {
        assert_eq!(statement["Effect"], "Allow");
        for action in texts(&statement["Action"]) {
            for resource in texts(&statement["Resource"]) {
                allowed.insert(format!("{action} on {resource}"));
            }
        }
    }
    allowed
}

/// One text, or a list of them: IAM takes both.
fn texts(value: &Value) -> Vec<&str> {
    match value.as_array() {
        Some(list) => list.iter().filter_map(Value::as_str).collect(),
        None => value.as_str().into_iter().collect(),
    }
}
