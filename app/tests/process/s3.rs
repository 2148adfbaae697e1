//! A log in a bucket: what is found out at the start, who gives credentials, what goes out with each PUT, and a WAL of
//! its own.

mod encryption;
mod identity;
mod start;
mod wal;

use log_testkit::seaweedfs::{SeaweedFs, through};

use crate::support::server::{Variable, run_with, variables};

const BUCKET: &str = "s3-tests";

/// A server with an empty bucket.
fn with_bucket(s3: SeaweedFs) -> SeaweedFs {
    s3.create_bucket(BUCKET);
    s3
}

/// The flags for a log in a bucket.
fn flags(bucket: &str) -> Vec<String> {
    ["--port", "0", "--s3-bucket", bucket]
        .map(str::to_owned)
        .to_vec()
}

/// The environment of a client of `s3`, without any credentials.
fn environment(s3: &SeaweedFs) -> Vec<Variable> {
    let is_secret = |name: &str| name.contains("KEY") || name.contains("TOKEN");
    let all = s3.environment().into_iter();
    all.filter(|(name, _)| !is_secret(name)).collect()
}

fn and(mut environment: Vec<Variable>, more: &[(&str, &str)]) -> Vec<Variable> {
    environment.extend(variables(more));
    environment
}

/// Starts the server, which must end by itself with exit code 2 and one line, and gives that line.
fn refused(flags: &[String], environment: &[Variable]) -> String {
    let exit = run_with(flags, environment);
    assert_eq!(exit.code, Some(2), "{exit:?}");
    let lines = exit.stderr.lines();
    // What went well before, for example the first of two buckets, may be told too.
    let mut lines: Vec<_> = lines
        .filter(|line| !line.contains("\"level\":\"INFO\""))
        .collect();
    assert_eq!(lines.len(), 1, "one line, not {}: {exit:?}", lines.len());
    lines.remove(0).to_owned()
}
