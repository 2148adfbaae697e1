//! The policies in docs/backup.md allow what the commands do in the buckets, and no more.

use std::collections::BTreeSet;

use log_testkit::recorder::Recorder;
use log_testkit::s3_policy::{Permission, Policy, needed};
use log_testkit::seaweedfs::{SeaweedFs, through};

use super::{small_files, succeeded};
use crate::support::client::Client;
use crate::support::server::{Server, run_with};

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/backup.md");

/// The URL that the document uses.
const BACKUPS: &str = "s3://my-log-backups/my-log";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_documented_policies_allow_what_the_commands_do_and_no_more() {
    let s3 = SeaweedFs::start();
    for bucket in ["my-log", "my-log-backups", "my-log-restored"] {
        s3.create_bucket(bucket);
    }
    let proxy = Recorder::before(s3.port(), &[]);
    let environment = through(&proxy.url(), s3.environment());
    let of_command = |line: &str| {
        let before = proxy.calls().len();
        let arguments: Vec<_> = line.split(' ').map(str::to_owned).collect();
        succeeded(&run_with(&arguments, &environment));
        let calls = proxy.calls().split_off(before);
        calls.iter().flat_map(needed).collect::<BTreeSet<_>>()
    };
    // The server does not go through the proxy.
    let log = ["--s3-bucket", "my-log"].map(str::to_owned);
    let server = Server::start(&log, &[s3.environment(), small_files()].concat());
    let client = Client::new(&server);
    let back_up = format!("backup --s3-bucket my-log --to {BACKUPS} --verify");
    let mut seen = BTreeSet::new();
    for round in 0..2 {
        for number in 0..10 {
            let value = format!("{round} {number} ").repeat(1_000);
            client.append_one("key", &value, true).await;
        }
        seen.extend(of_command(&back_up));
    }
    seen.extend(of_command(&format!("backup list --to {BACKUPS}")));
    let pruned = of_command(&format!("backup prune --to {BACKUPS} --keep 1"));
    only_in(&pruned, "my-log-backups");
    seen.extend(pruned);
    let checked = of_command("check --s3-bucket my-log");
    only_in(&checked, "my-log");
    seen.extend(checked);
    // It only comes after an upload that failed.
    seen.insert(Permission::new(
        "AbortMultipartUpload",
        "my-log-backups/my-log/object",
    ));
    let document = std::fs::read_to_string(DOCUMENT).expect("read the document");
    Policy::below("### Who makes backups", &document).assert_is_least(&seen);

    let mut seen = of_command(&format!(
        "restore --from {BACKUPS} --to s3://my-log-restored/log"
    ));
    seen.insert(Permission::new(
        "AbortMultipartUpload",
        "my-log-restored/log/object",
    ));
    Policy::below("### Who restores", &document).assert_is_least(&seen);
}

/// All of it is for this bucket.
fn only_in(seen: &BTreeSet<Permission>, bucket: &str) {
    let resource = format!(" on arn:aws:s3:::{bucket}");
    for permission in seen.iter().map(ToString::to_string) {
        let after = permission.split_once(&resource);
        let is_in = after.is_some_and(|(_, after)| after.is_empty() || after.starts_with('/'));
        assert!(is_in, "{permission} is not for {bucket}");
    }
}
