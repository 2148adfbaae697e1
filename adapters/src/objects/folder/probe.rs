//! Whether a log can live in a folder, found out at the start by doing what the log will do.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use log_domain::{Error, Result};

use crate::objects::unusable_folder::cannot_use;

/// What is written. More than fits into an inode, so that a full disk shows.
const BYTES: [u8; 4096] = [b'.'; 4096];

/// Makes the folder, and those above it, if it is not there.
///
/// # Errors
/// [`Error::Invalid`] when it cannot be made, or is not a folder.
pub(super) fn create(folder: &Path) -> Result<()> {
    match std::fs::create_dir_all(folder) {
        Ok(()) => Ok(()),
        Err(error) => {
            refuse_what_is_none(folder)?;
            Err(cannot("create", folder, &error))
        }
    }
}

/// Refuses what is at the path and is no folder.
///
/// # Errors
/// [`Error::Invalid`] for a file, and for a link to nothing.
pub(super) fn refuse_what_is_none(folder: &Path) -> Result<()> {
    if folder.is_symlink() && !folder.exists() {
        return Err(Error::invalid(format!(
            "the data folder {} is a link to a folder that is not there: is its disk mounted?",
            folder.display()
        )));
    }
    if folder.exists() && !folder.is_dir() {
        return Err(Error::invalid(format!(
            "the data folder {} is a file: name a folder, or a path at which nothing is",
            folder.display()
        )));
    }
    Ok(())
}

/// Writes a file into the folder, syncs it if files are to be synced, links and removes it.
///
/// # Errors
/// [`Error::Invalid`] when one of these cannot be done.
pub(super) fn probe(folder: &Path, sync: bool) -> Result<()> {
    let files = Files::of(folder);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&files.written)
        .map_err(|error| cannot("write to", folder, &error))?;
    file.write_all(&BYTES)
        .and_then(|()| if sync { file.sync_all() } else { Ok(()) })
        .map_err(|error| cannot("write to", folder, &error))?;
    std::fs::hard_link(&files.written, &files.linked)
        .map_err(|error| cannot_link(folder, &error))?;
    if sync {
        // As the store does it after each file.
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(|error| cannot("sync", folder, &error))?;
    }
    files
        .remove()
        .map_err(|error| cannot("remove files from", folder, &error))
}

/// The files of the probe, removed when it is over, however it ends.
struct Files {
    written: PathBuf,
    linked: PathBuf,
}

impl Files {
    /// Uses names that are unique to this process. Files that an earlier process with the same id left do no harm.
    fn of(folder: &Path) -> Self {
        let name = |what| folder.join(format!(".probe-{}-{what}", std::process::id()));
        let files = Self {
            written: name("written"),
            linked: name("linked"),
        };
        drop(files.remove());
        files
    }

    fn remove(&self) -> io::Result<()> {
        let linked = std::fs::remove_file(&self.linked);
        std::fs::remove_file(&self.written)?;
        linked
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        drop(self.remove());
    }
}

fn cannot_link(folder: &Path, error: &io::Error) -> Error {
    Error::invalid(format!(
        "the file system of the data folder {} has no hard links ({error}), and a log needs them: use another file system",
        folder.display()
    ))
}

/// That the data folder cannot be used; see [`cannot_use`].
pub(super) fn cannot(what: &str, folder: &Path, error: &io::Error) -> Error {
    cannot_use(what, "data folder", folder, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_without_hard_links_is_told_as_such() {
        let error = rustix::io::Errno::PERM.into();
        let told = cannot_link(Path::new("/data"), &error).to_string();
        assert!(
            told.contains("/data") && told.contains("no hard links"),
            "{told}"
        );
    }

    #[test]
    fn the_probe_leaves_nothing_behind_and_minds_nothing_that_was_left() {
        let folder = tempfile::tempdir().unwrap();
        for sync in [true, false] {
            for name in ["written", "linked"] {
                let left = format!(".probe-{}-{name}", std::process::id());
                std::fs::write(folder.path().join(left), "left").unwrap();
            }
            probe(folder.path(), sync).unwrap();
            assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        }
    }
}
