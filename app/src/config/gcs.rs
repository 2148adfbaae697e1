//! The settings of a bucket of Google Cloud Storage.

use log_adapters::objects::{Place, check_prefix, gcs};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Refusal, Storage};

/// A Google Cloud Storage bucket. Credentials come from the `GOOGLE_*` variables or the metadata server.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Gcs {
    /// The name of the bucket.
    pub bucket: Option<String>,
    /// The prefix of all object names, by default `log`. With different prefixes, one bucket can hold several logs.
    pub prefix: Option<String>,
    /// The URL of the API, for example of a region or an emulator. Default: `GOOGLE_BASE_URL`, or Google's public URL.
    pub endpoint: Option<String>,
}

/// The bucket of this name, reached as `gcs` says.
pub(super) fn place(gcs: &Gcs, bucket: &str) -> Place {
    Place::Gcs(gcs::Bucket {
        name: bucket.to_owned(),
        endpoint: gcs.endpoint.clone(),
    })
}

/// Settings that are there without the bucket.
pub(super) fn validate(storage: &Storage) -> Result<(), Refusal> {
    let Gcs {
        bucket,
        prefix,
        endpoint,
    } = &storage.gcs;
    let rest = [
        (prefix, "storage.gcs.prefix (--gcs-prefix)"),
        (endpoint, "storage.gcs.endpoint"),
    ];
    for (setting, name) in rest {
        if setting.is_some() && bucket.is_none() {
            let message = format!("{name} is set, but storage.gcs.bucket (--gcs-bucket) is not");
            return Err(Refusal(message));
        }
    }
    if bucket.as_deref() == Some("") {
        return Err(Refusal("storage.gcs.bucket (--gcs-bucket) is empty".into()));
    }
    if let Some(prefix) = &storage.gcs.prefix {
        check_prefix(prefix)
            .map_err(|why| Refusal(format!("storage.gcs.prefix (--gcs-prefix): {why}")))?;
    }
    Ok(())
}
