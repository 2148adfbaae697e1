//! Where the log's objects are kept: memory, a local folder, or S3.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use log_domain::{Error, Result};
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, S3ConditionalPut};
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::{ClientConfigKey, ObjectStore};

/// A connection that takes longer is given up, unless `AWS_CONNECT_TIMEOUT` says otherwise. Without a bound a
/// partition is never noticed.
const CONNECT_TIMEOUT: &str = "3 seconds";

/// A request that takes longer is given up and retried, unless `AWS_TIMEOUT` says otherwise. It includes the body: after
/// an outage the first file of the write-ahead log can be as large as all that was not flushed.
const REQUEST_TIMEOUT: &str = "60 seconds";

/// A place for objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// This process's memory; gone when it ends.
    Memory,
    /// A folder of this machine, made if it is not there. Files are synced to disk before they count as written.
    Folder(PathBuf),
    /// An S3 bucket. Endpoint, credentials and further options come from the standard `AWS_*` variables.
    S3 {
        /// The bucket's name.
        bucket: String,
        /// Its region; `AWS_REGION` if not given.
        region: Option<String>,
    },
}

impl Place {
    /// The store for this place. Nothing is read or written yet.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the folder cannot be made or used, or the S3 options contradict each other.
    pub fn open(&self) -> Result<Arc<dyn ObjectStore>> {
        match self {
            Self::Memory => Ok(Arc::new(InMemory::new())),
            Self::Folder(folder) => open_folder(folder),
            Self::S3 { bucket, region } => open_s3(bucket, region.as_deref()),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("memory (gone when the server stops)"),
            Self::Folder(folder) => write!(f, "folder {}", folder.display()),
            Self::S3 { bucket, .. } => write!(f, "s3://{bucket}"),
        }
    }
}

/// Asks `objects` for anything at all below `path`, so that a wrong bucket or wrong credentials are found out at
/// once and not after minutes of retries.
///
/// # Errors
/// [`Error::Unavailable`] with what the object store said.
pub async fn probe(objects: &dyn ObjectStore, path: &str, timeout: Duration) -> Result<()> {
    let prefix = object_store::path::Path::from(path);
    let mut listing = objects.list(Some(&prefix));
    match tokio::time::timeout(timeout, listing.next()).await {
        Ok(None | Some(Ok(_))) => Ok(()),
        Ok(Some(Err(object_store::Error::NotFound { source, .. }))) => {
            Err(Error::unavailable(format!("it does not exist: {source}")))
        }
        Ok(Some(Err(error))) => Err(Error::unavailable(error.to_string())),
        Err(_) => Err(Error::unavailable(format!(
            "no answer within {} s",
            timeout.as_secs()
        ))),
    }
}

fn open_folder(folder: &Path) -> Result<Arc<dyn ObjectStore>> {
    let cannot = |what: &str, error: &dyn fmt::Display| {
        Error::invalid(format!(
            "cannot {what} the data folder {}: {error}",
            folder.display()
        ))
    };
    std::fs::create_dir_all(folder).map_err(|error| cannot("create", &error))?;
    let store = LocalFileSystem::new_with_prefix(folder).map_err(|error| cannot("use", &error))?;
    Ok(Arc::new(store.with_fsync(true)))
}

fn open_s3(bucket: &str, region: Option<&str>) -> Result<Arc<dyn ObjectStore>> {
    let mut builder = AmazonS3Builder::from_env()
        .with_bucket_name(bucket)
        .with_conditional_put(S3ConditionalPut::ETagMatch);
    for (variable, key, default) in [
        (
            "AWS_CONNECT_TIMEOUT",
            ClientConfigKey::ConnectTimeout,
            CONNECT_TIMEOUT,
        ),
        ("AWS_TIMEOUT", ClientConfigKey::Timeout, REQUEST_TIMEOUT),
    ] {
        if std::env::var_os(variable).is_none() {
            builder = builder.with_config(AmazonS3ConfigKey::Client(key), default);
        }
    }
    if let Some(region) = region {
        builder = builder.with_region(region);
    }
    let store = builder
        .build()
        .map_err(|error| Error::invalid(format!("S3 options for bucket {bucket}: {error}")))?;
    Ok(Arc::new(store))
}
