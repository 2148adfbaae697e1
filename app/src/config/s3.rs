//! The settings of an S3 bucket.

use log_adapters::objects::s3::{self, Bucket};
use log_adapters::objects::{Place, check_prefix};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Refusal, Storage};

/// An S3 bucket. Endpoint and credentials come from the standard `AWS_*` variables.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct S3 {
    /// The name of the bucket.
    pub bucket: Option<String>,
    /// The region of the bucket. Default: `AWS_REGION`.
    pub region: Option<String>,
    /// The prefix of all object names, by default `log`, for example `logs/orders`. It can contain ASCII letters and
    /// digits, spaces and ``!$&'()+,-.:;=@_``. With different prefixes, one bucket can hold several logs.
    pub prefix: Option<String>,
    /// The server-side encryption of new objects: `sse-s3`, `sse-kms` or `dsse-kms`. Default: the setting of the
    /// bucket.
    pub encryption: Option<Encryption>,
    /// The KMS key to encrypt with. Default: the account's own key for S3.
    pub kms_key_id: Option<String>,
}

/// Server-side encryption.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Encryption {
    /// Keys of S3's own.
    SseS3,
    /// A key in KMS.
    SseKms,
    /// Twice, with a key in KMS.
    DsseKms,
}

/// The bucket of this name and region, encrypted as `s3` says.
pub(super) fn place(s3: &S3, bucket: &str, region: Option<&String>) -> Place {
    let key = s3.kms_key_id.clone();
    Place::S3(Bucket {
        name: bucket.to_owned(),
        region: region.cloned(),
        encryption: s3.encryption.map(|encryption| match encryption {
            Encryption::SseS3 => s3::Encryption::SseS3,
            Encryption::SseKms => s3::Encryption::SseKms(key),
            Encryption::DsseKms => s3::Encryption::DsseKms(key),
        }),
    })
}

/// Settings that contradict each other.
pub(super) fn validate(storage: &Storage) -> Result<(), Refusal> {
    const BUCKET: &str = "storage.s3.bucket (--s3-bucket)";
    let s3 = &storage.s3;
    let needs = [
        (
            s3.region.is_some(),
            "storage.s3.region (--s3-region)",
            BUCKET,
        ),
        (
            s3.prefix.is_some(),
            "storage.s3.prefix (--s3-prefix)",
            BUCKET,
        ),
        (s3.encryption.is_some(), "storage.s3.encryption", BUCKET),
        (s3.kms_key_id.is_some(), "storage.s3.kms_key_id", BUCKET),
    ];
    for (set, name, needed) in needs {
        if set && s3.bucket.is_none() {
            return Err(Refusal(format!("{name} is set, but {needed} is not")));
        }
    }
    if s3.bucket.as_deref() == Some("") {
        return Err(Refusal(format!("{BUCKET} is empty")));
    }
    if let Some(prefix) = &s3.prefix {
        check_prefix(prefix)
            .map_err(|why| Refusal(format!("storage.s3.prefix (--s3-prefix): {why}")))?;
    }
    let with_kms = matches!(
        s3.encryption,
        Some(Encryption::SseKms | Encryption::DsseKms)
    );
    if s3.kms_key_id.is_some() && !with_kms {
        return Err(Refusal(
            "storage.s3.kms_key_id is set, but storage.s3.encryption is neither sse-kms nor dsse-kms".into(),
        ));
    }
    Ok(())
}
