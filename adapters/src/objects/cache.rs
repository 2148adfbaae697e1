//! The folder of the disk cache, checked before the log is opened.
//!
//! SlateDB keeps copies of parts of data files in it. It does without the folder whenever it fails: what cannot be
//! written is not cached, what cannot be read, or is damaged, is read from the object store. So only a folder that
//! can never work is an error, and only at startup.

use std::io::ErrorKind;
use std::path::Path;

use log_domain::Result;

use super::unusable_folder::cannot_use;

/// The file that is written to find out whether the folder can be written to.
const PROBE: &str = ".writable";

/// Makes the folder if it is not there, and writes a byte into it. A full disk is not a reason to refuse: the server
/// is slower without its cache, and not wrong.
///
/// # Errors
/// [`log_domain::Error::Invalid`] when the folder cannot be made or written to.
pub fn prepare(folder: &Path) -> Result<()> {
    let probe = folder.join(PROBE);
    let written = std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(&probe, b"."))
        .and_then(|()| std::fs::remove_file(&probe));
    match written {
        Ok(()) => Ok(()),
        Err(error) if full(error.kind()) => {
            tracing::warn!(
                "the disk of the cache folder {} is full: nothing new is cached until there is room",
                folder.display()
            );
            // What was begun is in the way of the cache itself.
            drop(std::fs::remove_file(&probe));
            Ok(())
        }
        Err(error) => Err(cannot_use("write to", "cache folder", folder, &error)),
    }
}

fn full(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}
