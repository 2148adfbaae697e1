//! A log in a bucket: what is found out at the start, who gives credentials, what goes out with each PUT, and a WAL of
//! its own.

mod encryption;
mod identity;
mod start;
mod wal;

use log_testkit::seaweedfs::{SeaweedFs, through};

use crate::support::refusals::{and, refused, says};
use crate::support::server::Variable;

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
