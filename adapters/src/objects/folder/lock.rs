//! One server at a time: advisory locks on the folder and on a file in it, which end with the process that holds them.
//!
//! The file alone could be deleted under a server, and made and locked anew by the next one. The folder alone cannot be locked on every
//! file system (NFS), and does not say which process has it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use log_domain::{Error, Result};

use super::{Purpose, probe};

/// The lock file in the folder. It is never deleted; the lock on it counts, not its existence.
pub(super) const FILE: &str = "opendata-log.lock";

/// Longest process id that is read from the file, in bytes.
const PID: u64 = 20;

/// A folder that this process has, or has taken over and waits for.
pub(super) struct Lock {
    /// The folder, as it was named.
    pub(super) folder: PathBuf,
    /// The file in it, which is locked as well as the folder. The locks end when the two are closed.
    file: Arc<File>,
    /// The folder itself.
    directory: Arc<File>,
}

impl Lock {
    /// Locks `folder`. With `take_over`, a folder that another process has locked is opened anyway, and locked once
    /// that process has ended.
    ///
    /// # Errors
    /// [`Error::Invalid`] when another process has the folder, or its file cannot be opened.
    pub(super) fn take(folder: &Path, take_over: bool, purpose: Purpose) -> Result<Self> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(folder.join(FILE));
        let file = file.map_err(|error| probe::cannot("write to", folder, &error))?;
        let directory = File::open(folder);
        let directory = directory.map_err(|error| probe::cannot("read", folder, &error))?;
        let lock = Self {
            folder: folder.to_owned(),
            file: Arc::new(file),
            directory: Arc::new(directory),
        };
        match (lock.directory.try_lock(), lock.file.try_lock()) {
            (_, Err(TryLockError::WouldBlock)) | (Err(TryLockError::WouldBlock), _) => {
                match take_over {
                    true => lock.follow()?,
                    false => return Err(lock.taken(purpose)),
                }
            }
            // Some file systems lock files alone.
            (_, Ok(())) => sign(&lock.file),
            (_, Err(TryLockError::Error(error))) => tracing::warn!(
                %error,
                "cannot lock the data folder {}: a second server could take it over",
                folder.display()
            ),
        }
        Ok(lock)
    }

    /// The folder itself, held open.
    pub(super) fn directory(&self) -> &File {
        &self.directory
    }

    fn taken(&self, purpose: Purpose) -> Error {
        let holder = match self.holder() {
            Some(pid) => format!(" (process {pid})"),
            None => String::new(),
        };
        if purpose == Purpose::Backups {
            return Error::invalid(format!(
                "another process{holder} has the folder {}, perhaps another backup or prune: wait until it has ended",
                self.folder.display()
            ));
        }
        Error::invalid(format!(
            "another server{holder} has the data folder {}: stop that one, or start this one with --take-over to replace it",
            self.folder.display()
        ))
    }

    /// Waits for the lock on a thread of its own, to acquire it as soon as the other process ends.
    fn follow(&self) -> Result<()> {
        tracing::warn!(
            "taking over the data folder {} from another server (process {})",
            self.folder.display(),
            self.holder().unwrap_or_else(|| "unknown".to_owned())
        );
        let (file, directory) = (Arc::clone(&self.file), Arc::clone(&self.directory));
        let folder = self.folder.clone();
        let waiting = move || match wait(&directory, &file) {
            Ok(()) => {
                sign(&file);
                tracing::info!("the server before is gone, {} is locked", folder.display());
            }
            Err(error) => tracing::warn!(%error, "cannot lock {}", folder.display()),
        };
        let thread = std::thread::Builder::new().name("folder-lock".into());
        match thread.spawn(waiting) {
            Ok(_) => Ok(()),
            Err(error) => Err(Error::internal(format!("cannot start a thread: {error}"))),
        }
    }

    /// The process that holds the lock, as it wrote itself.
    fn holder(&self) -> Option<String> {
        let mut text = String::new();
        let mut file = &*self.file;
        file.seek(SeekFrom::Start(0)).ok()?;
        file.take(PID).read_to_string(&mut text).ok()?;
        let pid = text.trim();
        let is_number = !pid.is_empty() && pid.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| pid.to_owned())
    }
}

/// Waits for both locks, or for that of the file alone where folders have none.
fn wait(directory: &File, file: &File) -> io::Result<()> {
    drop(directory.lock());
    file.lock()
}

/// Writes down which process has the lock: only for the message to one that is refused, so a failure changes nothing.
fn sign(file: &File) {
    let mut writer = file;
    let written = file
        .set_len(0)
        .and_then(|()| writer.seek(SeekFrom::Start(0)))
        .and_then(|_| writer.write_all(format!("{}\n", std::process::id()).as_bytes()));
    if let Err(error) = written {
        tracing::debug!(%error, "the lock of the data folder does not say which process has it");
    }
}
