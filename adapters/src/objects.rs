//! Where the log's objects are kept: memory, a local folder, or S3.

mod check;
mod conflict;
mod credentials;
mod folder;
mod gone;
mod prefix;
pub mod s3;

use std::fmt;
use std::sync::Arc;

use log_domain::Result;
use object_store::ObjectStore;
use object_store::memory::InMemory;

pub use folder::Folder;
pub(crate) use gone::Gone;
pub use prefix::check_prefix;
use s3::{Bucket, Reach};

/// A place for objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// This process's memory; gone when it ends.
    Memory,
    /// A folder of this machine. Files are synced to disk before they count as written.
    Folder(Folder),
    /// An S3 bucket.
    S3(Bucket),
}

impl Place {
    /// The store for this place; buckets are reached as `reach` says, and nothing in them is read or written yet. A folder is
    /// locked, and tried out: see [`Folder`].
    ///
    /// # Errors
    /// [`log_domain::Error::Invalid`] when the folder cannot be made or used, or another server has it, or the S3 options
    /// contradict each other. [`log_domain::Error::Unavailable`] for a folder whose disk does not answer.
    pub async fn open(&self, reach: &Reach) -> Result<Arc<dyn ObjectStore>> {
        match self {
            Self::Memory => Ok(Arc::new(InMemory::new())),
            Self::Folder(folder) => folder.open().await,
            Self::S3(bucket) => bucket.open(reach),
        }
    }

    /// Finds out within seconds whether a log can live here below `path`; see [`Bucket::check`]. Memory and folders
    /// need no check once they are open.
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
            Self::Folder(folder) => write!(f, "folder {}", folder.path.display()),
            Self::S3(bucket) => write!(f, "s3://{}", bucket.name),
        }
    }
}
