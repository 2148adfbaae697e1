//! Where the log's objects are kept: memory, a local folder, S3, Google Cloud Storage, or Azure Blob Storage.

pub mod azure;
pub mod cache;
mod check;
mod client_environment;
mod conflict;
mod credential_file;
mod folder;
pub mod gcs;
pub mod library_variables;
mod proxy;
pub mod s3;
mod s3_credentials;
mod unusable_folder;
pub mod writes;

use std::fmt;
use std::sync::Arc;

use log_domain::Result;
use object_store::memory::InMemory;
use object_store::{ObjectStore, RetryConfig};

use crate::quoted::{cut, without_user};

pub use crate::object_prefix::check_prefix;
use check::Candidate;
pub use client_environment::{ClientEnvironment, PREFIXES, Variables};
pub use folder::{Folder, Purpose};
use library_variables::Reader;

/// A place for objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// This process's memory; gone when it ends.
    Memory,
    /// A folder of this machine. Files are synced to disk before they count as written, unless [`Folder::sync`] is off.
    Folder(Folder),
    /// An S3 bucket.
    S3(s3::Bucket),
    /// A bucket of Google Cloud Storage.
    Gcs(gcs::Bucket),
    /// A container of Azure Blob Storage.
    Azure(azure::Container),
}

impl Place {
    /// The store for this place; buckets are reached as `environment` says, and nothing in them is read or written yet. A folder is
    /// locked, and tried out: see [`Folder`].
    ///
    /// # Errors
    /// [`log_domain::Error::Invalid`] when the folder cannot be made or used, or another server has it, or options of the
    /// store are not valid or contradict each other. [`log_domain::Error::Unavailable`] for a folder whose disk does not
    /// answer.
    pub async fn open(&self, environment: &ClientEnvironment) -> Result<Arc<dyn ObjectStore>> {
        if let Self::Folder(folder) = self {
            return folder.open().await;
        }
        Ok(match self.candidate(environment, RetryConfig::default())? {
            Some(candidate) => candidate.store,
            None => Arc::new(InMemory::new()),
        })
    }

    /// The store for this place while another process uses it: a folder is not locked, created or probed.
    ///
    /// # Errors
    /// As [`Place::open`], and [`log_domain::Error::Invalid`] for a folder that is not there or whose files are another
    /// user's.
    pub async fn open_beside(
        &self,
        environment: &ClientEnvironment,
    ) -> Result<Arc<dyn ObjectStore>> {
        match self {
            Self::Folder(folder) => folder.open_beside(),
            _ => self.open(environment).await,
        }
    }

    /// The client that reads environment variables for this place, if there is one.
    pub fn reader(&self) -> Option<Reader> {
        match self {
            Self::Memory | Self::Folder(_) => None,
            Self::S3(_) => Some(Reader::S3),
            Self::Gcs(_) => Some(Reader::Gcs),
            Self::Azure(_) => Some(Reader::Azure),
        }
    }

    /// Rejects invalid options without requests to a store; folders are only inspected.
    ///
    /// # Errors
    /// As [`Place::open`].
    pub fn validate(&self, environment: &ClientEnvironment) -> Result<()> {
        if let Self::Folder(folder) = self {
            return folder.validate();
        }
        self.candidate(environment, RetryConfig::default())
            .map(drop)
    }

    /// Finds out within seconds whether a log can live here below `path`: gets credentials, lists, and holds the store to
    /// its promise that a conditional PUT does not overwrite. Memory and folders need no check once they are open.
    ///
    /// # Errors
    /// [`log_domain::Error::Invalid`] for options that are not valid or contradict each other and a store without
    /// conditional PUTs, [`log_domain::Error::Unavailable`] for anything that the store, or who gives credentials, refuses or
    /// does not answer. The message is one line.
    pub async fn check(&self, path: &str, environment: &ClientEnvironment) -> Result<()> {
        match self.candidate(environment, check::no_retries())? {
            Some(candidate) => check::check(&candidate, path).await,
            None => Ok(()),
        }
    }

    /// Finds out within seconds whether a log below `path` can be read here: gets credentials and lists. Nothing is written. Memory and
    /// folders need no check once they are open.
    ///
    /// # Errors
    /// As [`Place::check`].
    pub async fn check_to_read(&self, path: &str, environment: &ClientEnvironment) -> Result<()> {
        match self.candidate(environment, check::no_retries())? {
            Some(candidate) => check::check_to_read(&candidate, path).await,
            None => Ok(()),
        }
    }

    /// The client of a cloud store, before its first request.
    fn candidate(
        &self,
        environment: &ClientEnvironment,
        retries: RetryConfig,
    ) -> Result<Option<Candidate>> {
        Ok(Some(match self {
            Self::Memory | Self::Folder(_) => return Ok(None),
            Self::S3(bucket) => bucket.candidate(environment, retries)?,
            Self::Gcs(bucket) => bucket.candidate(environment, retries)?,
            Self::Azure(container) => container.candidate(environment, retries)?,
        }))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("memory (gone when the server stops)"),
            Self::Folder(folder) => write!(f, "folder {}", folder.path.display()),
            Self::S3(bucket) => write!(f, "s3://{}", cut(&without_user(&bucket.name))),
            Self::Gcs(bucket) => write!(f, "gs://{}", cut(&without_user(&bucket.name))),
            Self::Azure(container) => {
                let account = cut(&without_user(&container.account));
                write!(f, "az://{account}/{}", cut(&without_user(&container.name)))
            }
        }
    }
}
