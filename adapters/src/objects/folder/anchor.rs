//! Checks that a folder is still the one that was opened.
//!
//! A path can come to mean another folder: its volume is unmounted, it is deleted and made again, moved away, or something
//! is mounted over it. Files would then go to whatever is there now. So the folders of a log are held open, and their
//! device and inode numbers, which nothing else can have while they are open, are compared with those at the path.

use std::collections::BTreeMap;
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use super::lock::Lock;
use crate::lost_store::Gone;

/// How deep folders are looked for at the start: `FOLDER/log/wal`.
const DEPTH: usize = 3;

/// At most so many folders are held open. A log has six.
const FOLDERS: usize = 64;

/// The folders of a log, held open.
pub(super) struct Anchor {
    lock: Lock,
    folders: Mutex<BTreeMap<PathBuf, Arc<File>>>,
}

impl Anchor {
    /// Holds the locked folder, and those in it.
    pub(super) fn new(lock: Lock) -> io::Result<Self> {
        let anchor = Self {
            folders: Mutex::default(),
            lock,
        };
        // The object store resolves links once, so that only what it sees is held.
        let folder = anchor.lock.folder.canonicalize()?;
        anchor.hold_below(&folder, DEPTH)?;
        Ok(anchor)
    }

    fn hold_below(&self, folder: &Path, depth: usize) -> io::Result<()> {
        if depth == 0 {
            return Ok(());
        }
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                self.hold(&entry.path())?;
                self.hold_below(&entry.path(), depth - 1)?;
            }
        }
        Ok(())
    }

    /// Opens this folder and holds it open.
    pub(super) fn hold(&self, folder: &Path) -> io::Result<()> {
        let mut folders = self.folders.lock();
        if folders.len() < FOLDERS && !folders.contains_key(folder) {
            folders.insert(folder.to_owned(), Arc::new(File::open(folder)?));
        }
        Ok(())
    }

    /// Whether every folder is still at its path.
    ///
    /// # Errors
    /// [`Gone`], which names the first that is not.
    pub(super) fn check(&self) -> Result<(), Gone> {
        if !is_at(self.lock.directory(), &self.lock.folder) {
            return Err(self.gone(&self.lock.folder));
        }
        let folders = self.folders.lock();
        match folders.iter().find(|(path, folder)| !is_at(folder, path)) {
            None => Ok(()),
            Some((path, _)) => Err(self.gone(path)),
        }
    }

    fn gone(&self, path: &Path) -> Gone {
        Gone(format!(
            "{} is no longer the folder that this server opened: it was deleted, replaced or unmounted",
            path.display()
        ))
    }
}

fn is_at(file: &File, path: &Path) -> bool {
    let number = |metadata: Metadata| (metadata.dev(), metadata.ino());
    let (held, found) = (file.metadata(), path.metadata());
    held.is_ok_and(|held| found.is_ok_and(|found| number(held) == number(found)))
}
