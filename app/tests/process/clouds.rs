//! A log in Google Cloud Storage or Azure Blob Storage, against emulators.

mod identity;
mod outage;
mod start;
mod wal;

use log_testkit::azurite::{ACCOUNT, Azurite};
use log_testkit::gcs::Gcs;

use crate::support::server::{Variable, run_with, variables};

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

fn and(mut environment: Vec<Variable>, more: &[(&str, &str)]) -> Vec<Variable> {
    for (name, value) in variables(more) {
        environment.retain(|(earlier, _)| *earlier != name);
        environment.push((name, value));
    }
    environment
}

/// Starts the server, which must end by itself with exit code 2 and one line, and gives that line.
fn refused(flags: &[String], environment: &[Variable]) -> String {
    let exit = run_with(flags, environment);
    assert_eq!(exit.code, Some(2), "{exit:?}");
    let lines = exit.stderr.lines();
    let mut lines: Vec<_> = lines
        .filter(|line| !line.contains("\"level\":\"INFO\""))
        .collect();
    assert_eq!(lines.len(), 1, "one line, not {}: {exit:?}", lines.len());
    lines.remove(0).to_owned()
}

#[track_caller]
fn says(line: &str, parts: &[&str]) {
    for part in parts {
        assert!(line.contains(part), "{line:?} does not say {part:?}");
    }
}
