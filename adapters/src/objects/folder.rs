//! A local folder as an object store: one server at a time, what is written is synced to disk unless that is switched off,
//! and nothing is written to another folder that appears at the same path.

mod anchor;
mod at_once;
mod beside;
mod error;
mod lock;
mod looks;
mod nested;
mod permissions;
mod probe;
mod store;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use log_domain::{Error, Result};
use object_store::ObjectStore;
use object_store::local::LocalFileSystem;

use anchor::Anchor;
use lock::Lock;
use store::FolderStore;

/// A disk that hangs, for example one on a network, is given up after this time.
const OPEN_WITHIN: Duration = Duration::from_secs(12);

/// A folder of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// Where it is.
    pub path: PathBuf,
    /// Whether it is made if it is not there.
    pub create: bool,
    /// Whether it is opened although another server has it.
    pub take_over: bool,
    /// Whether files, and the folders that name them, are synced to disk before they count as written. Otherwise they are
    /// the operating system's: they outlive this process, and not a crash of the machine. Files appear in one step in both
    /// cases.
    pub sync: bool,
    /// What is kept in it.
    pub purpose: Purpose,
}

/// What is kept in a folder: it is in the messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Purpose {
    /// A log, which one server at a time has open.
    #[default]
    Log,
    /// Backups, which one command at a time writes.
    Backups,
}

impl Folder {
    /// A folder that is made if it is not there, left to the server that has it, and synced.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            create: true,
            take_over: false,
            sync: true,
            purpose: Purpose::Log,
        }
    }

    /// Locks the folder, and finds out whether a log can live in it. The lock is released when the store is dropped, or
    /// the process ends.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a folder that cannot be made, written to, or whose file system has no hard links, and for
    /// one that another server has; the message is one line that names the folder and says why.
    /// [`Error::Unavailable`] when the disk does not answer.
    pub(super) async fn open(&self) -> Result<Arc<dyn ObjectStore>> {
        let folder = self.clone();
        let opening = blocking::unblock(move || folder.open_now());
        match tokio::time::timeout(OPEN_WITHIN, opening).await {
            Ok(opened) => opened,
            Err(_) => Err(Error::unavailable(format!(
                "the disk did not answer within {} s",
                OPEN_WITHIN.as_secs()
            ))),
        }
    }

    /// Opens the folder while a server uses it.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a folder that is not there, and for one of another user.
    pub(super) fn open_beside(&self) -> Result<Arc<dyn ObjectStore>> {
        beside::open(&self.path, self.sync)
    }

    /// Refuses a folder that can never be opened, and changes nothing.
    ///
    /// # Errors
    /// As [`Folder::open`], as far as it can be told by looking.
    pub(super) fn validate(&self) -> Result<()> {
        probe::refuse_what_is_none(&self.path)
    }

    /// As [`Folder::open`], on this thread.
    pub(crate) fn open_now(&self) -> Result<Arc<dyn ObjectStore>> {
        let folder = &self.path;
        nested::refuse(folder)?;
        let existed = folder.exists();
        if existed || self.create {
            probe::create(folder)?;
        } else {
            return Err(Error::invalid(format!(
                "the data folder {} does not exist, and storage.create is `never`",
                folder.display()
            )));
        }
        let lock = Lock::take(folder, self.take_over, self.purpose)?;
        probe::probe(folder, self.sync)?;
        if existed {
            permissions::warn(folder);
        }
        if !self.sync {
            tracing::warn!(
                "storage.sync is false: a power loss or a crash of this machine can lose records that were acknowledged as durable, \
                 and damage the log in {}",
                folder.display()
            );
        }
        let cannot_use = |error: &dyn std::fmt::Display| {
            Error::invalid(format!(
                "cannot use the data folder {}: {error}",
                folder.display()
            ))
        };
        let files = LocalFileSystem::new_with_prefix(folder).map_err(|error| cannot_use(&error))?;
        let anchor = Anchor::new(lock).map_err(|error| cannot_use(&error))?;
        let store = FolderStore::new(files.with_fsync(self.sync), anchor);
        Ok(Arc::new(store.map_err(|error| cannot_use(&error))?))
    }
}
