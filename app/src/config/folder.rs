//! A log in a local folder.

use std::path::PathBuf;

use log_adapters::objects::{Folder, Place, Purpose};

use super::sources::Sources;
use super::{Config, Create, Refusal, Storage};

/// Where a log is if nobody says.
const DATA_DIR: &str = ".data";

const SYNC: &str = "storage.sync";

/// The folder, opened as `storage` says.
pub(super) fn place(storage: &Storage) -> Place {
    let path = storage.data_dir.clone();
    Place::Folder(Folder {
        path: path.unwrap_or_else(|| PathBuf::from(DATA_DIR)),
        create: storage.create == Create::IfMissing,
        take_over: storage.take_over,
        sync: storage.sync,
        purpose: Purpose::Log,
    })
}

/// Settings of a folder for a log that is not in one.
pub(super) fn check(config: &Config, sources: &Sources) -> Result<(), Refusal> {
    let (place, _) = config.place();
    if sources.given(SYNC) && !matches!(place, Place::Folder(_)) {
        return Err(Refusal(format!(
            "{SYNC} is set, but the log is not in a local folder: remove it, or set storage.data_dir (--data-dir)"
        )));
    }
    Ok(())
}
