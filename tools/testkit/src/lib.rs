//! Outside parts for the tests of every crate, as real as they can be had.
//!
//! [`seaweedfs::SeaweedFs`] is an S3 server of the test's own, on loopback ports of its own, gone with the test.
//! So are [`azurite::Azurite`], Microsoft's emulator of Azure Blob Storage, and [`gcs::Gcs`], one of Google Cloud Storage.
//! [`sts::Sts`] is the one that gives credentials for a role, and a [`recorder::Recorder`] stands before any of them;
//! [`s3_policy`] compares what it wrote down with a policy.
//! [`arbitrary`] is input for settings.
//! It has no dependency on the crates under test and no async runtime, so any of them may use it.

pub mod arbitrary;
pub mod azurite;
pub mod counting_proxy;
pub mod gcs;
pub mod http;
mod leash;
pub mod ports;
pub mod prometheus;
pub mod recorder;
pub mod s3_policy;
pub mod seaweedfs;
pub mod sts;
