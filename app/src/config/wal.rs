//! Where the write-ahead log lives, if it has a store of its own. It need not be of the data's kind.

use log_adapters::objects::Place;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Config, Refusal, Storage, azure, gcs, s3};

/// Where the write-ahead log lives.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Wal {
    /// A separate S3 bucket.
    pub s3: WalBucket,
    /// A separate Google Cloud Storage bucket.
    pub gcs: WalGcs,
    /// A separate Azure Blob Storage container.
    pub azure: WalContainer,
}

/// An S3 bucket for the write-ahead log only, for example in S3 Express One Zone. It can be set only when the log is
/// created.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WalBucket {
    /// The name of the bucket.
    pub bucket: Option<String>,
    /// The region of the bucket. Default: the region of the data's bucket.
    pub region: Option<String>,
}

/// A Google Cloud Storage bucket for the write-ahead log only, at `storage.gcs.endpoint`. It can be set only when the
/// log is created.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WalGcs {
    /// The name of the bucket.
    pub bucket: Option<String>,
}

/// An Azure Blob Storage container for the write-ahead log only, for example in a premium account. It can be set only
/// when the log is created.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WalContainer {
    /// The storage account. Default: the account of the data's container.
    pub account: Option<String>,
    /// The name of the container.
    pub container: Option<String>,
}

const S3: &str = "storage.wal.s3.bucket";
const GCS: &str = "storage.wal.gcs.bucket";
const AZURE: &str = "storage.wal.azure.container";

impl Config {
    /// The place of the WAL, if it has one of its own.
    pub fn wal_place(&self) -> Option<Place> {
        let Storage {
            s3,
            gcs,
            azure,
            wal,
            ..
        } = &self.storage;
        if let Some(bucket) = &wal.s3.bucket {
            let region = wal.s3.region.as_ref().or(s3.region.as_ref());
            return Some(s3::place(s3, bucket, region));
        }
        if let Some(bucket) = &wal.gcs.bucket {
            return Some(gcs::place(gcs, bucket));
        }
        let container = wal.azure.container.as_ref()?;
        let own = wal.azure.account.as_ref();
        let same = own.is_none() || own == azure.account.as_ref();
        // The endpoint is one of an account.
        let azure = match same {
            true => azure.clone(),
            false => azure::Azure {
                account: own.cloned(),
                ..azure::Azure::default()
            },
        };
        Some(azure::place(&azure, azure.account.as_ref(), container))
    }
}

/// Settings that contradict each other.
pub(super) fn validate(storage: &Storage) -> Result<(), Refusal> {
    let Storage { azure, wal, .. } = storage;
    let names = [
        (&wal.s3.bucket, S3),
        (&wal.gcs.bucket, GCS),
        (&wal.azure.container, AZURE),
    ];
    let mut given = Vec::new();
    for (name, setting) in names {
        match name.as_deref() {
            Some("") => return Err(Refusal(format!("{setting} is empty"))),
            Some(_) => given.push(setting),
            None => {}
        }
    }
    if given.len() > 1 {
        return Err(Refusal(format!(
            "{} contradict each other: the write-ahead log lives in one place",
            given.join(" and ")
        )));
    }
    let buckets = [&storage.s3.bucket, &storage.gcs.bucket, &azure.container];
    if let Some(setting) = given.first()
        && buckets.iter().all(|bucket| bucket.is_none())
    {
        return Err(Refusal(format!(
            "{setting} is set, but none of storage.s3.bucket, storage.gcs.bucket and storage.azure.container is"
        )));
    }
    if wal.s3.region.is_some() && wal.s3.bucket.is_none() {
        let message = format!("storage.wal.s3.region is set, but {S3} is not");
        return Err(Refusal(message));
    }
    if wal.azure.account.is_some() && wal.azure.container.is_none() {
        let message = format!("storage.wal.azure.account is set, but {AZURE} is not");
        return Err(Refusal(message));
    }
    if wal.azure.container.is_some() && wal.azure.account.is_none() && azure.account.is_none() {
        return Err(Refusal(format!(
            "{AZURE} is set, but storage.wal.azure.account is not"
        )));
    }
    Ok(())
}
