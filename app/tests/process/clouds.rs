//! A log in Google Cloud Storage or Azure Blob Storage, against emulators.

mod identity;
mod outage;
mod start;
mod wal;

use log_testkit::azurite::{ACCOUNT, Azurite};
use log_testkit::gcs::Gcs;

use crate::support::refusals::{and, refused, says};

const BUCKET: &str = "cloud-tests";

fn google() -> Gcs {
    let gcs = Gcs::start();
    gcs.create_bucket(BUCKET);
    gcs
}

fn azure() -> Azurite {
    let azurite = Azurite::start();
    azurite.create_container(BUCKET);
    azurite
}

/// The flags for a log in a bucket of Google.
fn in_google(bucket: &str) -> Vec<String> {
    ["--port", "0", "--gcs-bucket", bucket]
        .map(str::to_owned)
        .to_vec()
}

/// The flags for a log in a container of the emulator's account.
fn in_azure(container: &str) -> Vec<String> {
    let account = ["--port", "0", "--azure-account", ACCOUNT];
    let container = ["--azure-container", container];
    [&account[..], &container[..]]
        .concat()
        .into_iter()
        .map(str::to_owned)
        .collect()
}
