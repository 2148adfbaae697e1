//! A data folder inside the one of another server, where that one keeps, lists and deletes files.

use std::fs::{File, TryLockError};
use std::path::Path;

use log_domain::{Error, Result};

use super::lock;

/// The folder of a log below its data folder, in which no other log can live.
const LOG: &str = "log";

/// Refuses a folder, which need not be there, below one that a running server has locked, or in the log of one that is not running.
///
/// # Errors
/// [`Error::Invalid`], which names both.
pub(super) fn refuse(folder: &Path) -> Result<()> {
    let Ok(absolute) = std::path::absolute(folder) else {
        return Ok(());
    };
    // Links are followed in what is there already.
    let there = absolute.ancestors().find_map(|part| {
        let real = part.canonicalize().ok()?;
        Some(match absolute.strip_prefix(part) {
            Ok(rest) => real.join(rest),
            Err(_) => real,
        })
    });
    let folder = there.unwrap_or(absolute);
    for above in folder.ancestors().skip(1) {
        let log = above.join(LOG);
        let is_a_log = log.join("manifest").is_dir();
        if !is_a_log && !above.join(lock::FILE).is_file() {
            continue;
        }
        let why = if is_locked(above) || is_locked(&above.join(lock::FILE)) {
            "is inside the data folder of another server"
        } else if is_a_log && folder.starts_with(&log) {
            "is inside a log"
        } else {
            continue;
        };
        return Err(Error::invalid(format!(
            "{} {why}, {}: name a folder outside of it",
            folder.display(),
            above.display()
        )));
    }
    Ok(())
}

/// Whether a process holds the lock of this file or folder.
fn is_locked(path: &Path) -> bool {
    let file = File::open(path);
    file.is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}
