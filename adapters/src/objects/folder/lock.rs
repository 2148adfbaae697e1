//! One server at a time: an advisory lock on a file in the folder, which ends with the process that holds it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use log_domain::{Error, Result};

use super::probe;

/// The file that is locked, in the folder itself. It stays; who holds the lock is known by the lock, not by the file.
const FILE: &str = "opendata-log.lock";

/// Longest process id that is read from the file, in bytes.
const PID: u64 = 20;

/// A folder that this process has, or has taken over and waits for.
pub(super) struct Lock {
    /// The folder, as it was named.
    pub(super) folder: PathBuf,
    /// The locked file. The lock ends when it is closed.
    pub(super) file: Arc<File>,
}

impl Lock {
    /// Where the locked file is.
    pub(super) fn path(&self) -> PathBuf {
        self.folder.join(FILE)
    }

    /// Locks `folder`. With `take_over`, a folder that another process has is taken all the same, and locked as soon as
    /// that process is gone.
    ///
    /// # Errors
    /// [`Error::Invalid`] when another process has the folder, or its file cannot be opened.
    pub(super) fn take(folder: &Path, take_over: bool) -> Result<Self> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(folder.join(FILE));
        let file = file.map_err(|error| probe::cannot("write to", folder, &error))?;
        let lock = Self {
            folder: folder.to_owned(),
            file: Arc::new(file),
        };
        match lock.file.try_lock() {
            Ok(()) => lock.sign(),
            Err(TryLockError::WouldBlock) if take_over => lock.follow()?,
            Err(TryLockError::WouldBlock) => return Err(lock.taken()),
            Err(TryLockError::Error(error)) => tracing::warn!(
                %error,
                "cannot lock the data folder {}: nothing keeps a second server from taking it over",
                folder.display()
            ),
        }
        Ok(lock)
    }

    fn taken(&self) -> Error {
        let holder = match self.holder() {
            Some(pid) => format!(" (process {pid})"),
            None => String::new(),
        };
        Error::invalid(format!(
            "another server{holder} has the data folder {}: stop that one, or start this one with --take-over to replace it",
            self.folder.display()
        ))
    }

    /// Waits for the lock on a thread of its own: nothing else tells at once when the other process is gone.
    fn follow(&self) -> Result<()> {
        tracing::warn!(
            "taking over the data folder {} from another server (process {})",
            self.folder.display(),
            self.holder().unwrap_or_else(|| "unknown".to_owned())
        );
        let file = Arc::clone(&self.file);
        let folder = self.folder.clone();
        let waiting = move || match file.lock() {
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

    fn sign(&self) {
        sign(&self.file);
    }
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
