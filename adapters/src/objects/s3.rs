//! An S3 bucket as an object store.

use std::sync::Arc;

use log_domain::{Error, Result};
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, S3ConditionalPut};
use object_store::client::{HttpConnector, ReqwestConnector};
use object_store::{ClientConfigKey, ObjectStore};

use super::check;
use super::conflict::RetryingConflicts;
use super::credentials::Source;

/// A connection that takes longer is given up, unless `AWS_CONNECT_TIMEOUT` says otherwise. Without a bound a
/// partition is never noticed.
const CONNECT_TIMEOUT: &str = "3 seconds";

/// A request that takes longer is given up and retried, unless `AWS_TIMEOUT` says otherwise. It includes the body: after
/// an outage the first file of the write-ahead log can be as large as all that was not flushed.
const REQUEST_TIMEOUT: &str = "60 seconds";

/// How the name of a directory bucket ends: one of S3 Express One Zone, which is spoken to in sessions.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/directory-bucket-naming-rules.html>
const DIRECTORY_BUCKET: &str = "--x-s3";

/// Names and values of environment variables.
pub type Variables = Vec<(String, String)>;

/// How buckets are reached.
#[derive(Debug, Clone, Default)]
pub struct Reach {
    /// The `AWS_*` variables, which name endpoint, credentials and further options.
    pub variables: Variables,
    /// The network; this machine's if not given.
    pub network: Option<Arc<dyn HttpConnector>>,
}

impl Reach {
    /// As this process is told to: by its environment, over the network of its machine.
    pub fn of_process() -> Self {
        Self {
            variables: environment(),
            network: None,
        }
    }
}

/// A bucket, and what every object in it is written with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    /// Its name.
    pub name: String,
    /// Its region; `AWS_REGION` if not given.
    pub region: Option<String>,
    /// How S3 is to encrypt what is written; as `AWS_SERVER_SIDE_ENCRYPTION` says, or the bucket, if not given.
    pub encryption: Option<Encryption>,
}

/// What S3 encrypts with, at rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Encryption {
    /// Keys of S3's own.
    SseS3,
    /// A key in KMS: this one, or the account's own for S3.
    SseKms(Option<String>),
    /// Twice, with a key in KMS: this one, or the account's own for S3.
    DsseKms(Option<String>),
}

/// The `AWS_*` variables of this process.
fn environment() -> Variables {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| name.starts_with("AWS_"))
        .collect()
}

impl Bucket {
    /// The store in this bucket. Nothing is read or written yet.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the options contradict each other.
    pub fn open(&self, reach: &Reach) -> Result<Arc<dyn ObjectStore>> {
        let builder = self.builder(reach);
        Source::of(&builder)?;
        Ok(Arc::new(builder.build().map_err(|e| self.invalid(&e))?))
    }

    /// Finds out within seconds whether a log can live here below `path`: gets credentials, lists, and holds the
    /// store to its promise that a conditional PUT does not overwrite.
    ///
    /// # Errors
    /// [`Error::Invalid`] for options that contradict each other and a store without conditional PUTs,
    /// [`Error::Unavailable`] for anything that the store, or who gives credentials, refuses or does not answer.
    /// The message is one line.
    pub async fn check(&self, path: &str, reach: &Reach) -> Result<()> {
        check::check(self, path, reach).await
    }

    pub(super) fn builder(&self, reach: &Reach) -> AmazonS3Builder {
        let mut builder = AmazonS3Builder::new();
        builder = builder.with_http_connector(match &reach.network {
            Some(network) => RetryingConflicts(Arc::clone(network)),
            None => RetryingConflicts(Arc::new(ReqwestConnector::default())),
        });
        for (key, default) in [
            (ClientConfigKey::ConnectTimeout, CONNECT_TIMEOUT),
            (ClientConfigKey::Timeout, REQUEST_TIMEOUT),
        ] {
            builder = builder.with_config(AmazonS3ConfigKey::Client(key), default);
        }
        let encryption = self.encryption.as_ref().map(Encryption::variables);
        for (name, value) in reach.variables.iter().chain(encryption.iter().flatten()) {
            if let Ok(key) = name.to_ascii_lowercase().parse() {
                builder = builder.with_config(key, value);
            }
        }
        builder = builder
            .with_bucket_name(&self.name)
            .with_conditional_put(S3ConditionalPut::ETagMatch)
            // The variable would be for both buckets, and one of them may be an ordinary one.
            .with_s3_express(self.name.ends_with(DIRECTORY_BUCKET));
        if let Some(region) = &self.region {
            builder = builder.with_region(region);
        }
        builder
    }

    pub(super) fn invalid(&self, error: &object_store::Error) -> Error {
        Error::invalid(format!("S3 options for bucket {}: {error}", self.name))
    }
}

impl Encryption {
    /// The variables that say the same.
    fn variables(&self) -> Variables {
        let (kind, key) = match self {
            Self::SseS3 => ("AES256", None),
            Self::SseKms(key) => ("aws:kms", key.as_ref()),
            Self::DsseKms(key) => ("aws:kms:dsse", key.as_ref()),
        };
        let kind = ("AWS_SERVER_SIDE_ENCRYPTION", kind);
        let key = key.map(|key| ("AWS_SSE_KMS_KEY_ID", key.as_str()));
        let variables = std::iter::once(kind).chain(key);
        variables
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }
}
