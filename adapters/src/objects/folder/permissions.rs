//! Who else may use a folder that was there before. It is left as it is: the operator chose it.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

const OTHERS_ENTER: u32 = 0o001;
const OTHERS_WRITE: u32 = 0o002;
const OTHERS_READ: u32 = 0o004;
/// Only the owner of a file may delete it.
const STICKY: u32 = 0o1000;

/// Warns when other users of the machine can read what is in `folder`, or replace it.
pub(super) fn warn(folder: &Path) {
    let Ok(mode) = folder.metadata().map(|metadata| metadata.mode()) else {
        return;
    };
    if mode & OTHERS_WRITE != 0 && mode & STICKY == 0 {
        tracing::warn!(
            "every user of this machine can delete or replace what is in the data folder {0}: chmod o-w {0}",
            folder.display()
        );
    }
    // Files are made for their owner alone, except by earlier versions.
    if mode & OTHERS_ENTER != 0 && has_open_folders(folder) {
        tracing::warn!(
            "every user of this machine can read what is in the data folder {0}: chmod -R go= {0}",
            folder.display()
        );
    }
}

fn has_open_folders(folder: &Path) -> bool {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut modes = entries.filter_map(|entry| {
        let metadata = entry.metadata().ok()?;
        metadata.is_dir().then(|| metadata.mode())
    });
    modes.any(|mode| mode & (OTHERS_READ | OTHERS_ENTER) != 0)
}
