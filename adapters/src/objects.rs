//! Where the log's objects are kept: memory, a local folder, or S3.

mod check;
mod conflict;
mod credentials;
pub mod s3;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use log_domain::{Error, Result};
use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;

use s3::{Bucket, Reach};

/// A place for objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// This process's memory; gone when it ends.
    Memory,
    /// A folder of this machine, made if it is not there. Files are synced to disk before they count as written.
    Folder(PathBuf),
    /// An S3 bucket.
    S3(Bucket),
}

impl Place {
    /// The store for this place; buckets are reached as `reach` says. Nothing is read or written yet.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the folder cannot be made or used, or the S3 options contradict each other.
    pub fn open(&self, reach: &Reach) -> Result<Arc<dyn ObjectStore>> {
        match self {
            Self::Memory => Ok(Arc::new(InMemory::new())),
            Self::Folder(folder) => open_folder(folder),
            Self::S3(bucket) => bucket.open(reach),
        }
    }

    /// Finds out within seconds whether a log can live here below `path`; see [`Bucket::check`]. Memory and folders
    /// need no check.
    ///
    /// # Errors
    /// As [`Bucket::check`].
    pub async fn check(&self, path: &str, reach: &Reach) -> Result<()> {
        match self {
            Self::Memory | Self::Folder(_) => Ok(()),
            Self::S3(bucket) => bucket.check(path, reach).await,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("memory (gone when the server stops)"),
            Self::Folder(folder) => write!(f, "folder {}", folder.display()),
            Self::S3(bucket) => write!(f, "s3://{}", bucket.name),
        }
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
