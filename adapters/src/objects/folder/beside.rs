//! A folder that is opened while a server uses it, to read its log and keep a checkpoint of it.
//!
//! It is not locked. What is written are new files only, each created by one step of the file system, which does not replace a
//! file that the server has created at the same moment.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

use log_domain::{Error, Result};
use object_store::ObjectStore;
use object_store::local::LocalFileSystem;

use super::probe;

/// Opens the folder, which must be there, and syncs what is written to it if `sync` says so.
///
/// # Errors
/// [`Error::Invalid`] for a folder that is not there, that is another user's, or that cannot be read.
pub(super) fn open(folder: &Path, sync: bool) -> Result<Arc<dyn ObjectStore>> {
    probe::refuse_what_is_none(folder)?;
    if !folder.exists() {
        return Err(Error::invalid(format!(
            "the folder {} does not exist",
            folder.display()
        )));
    }
    // Files are private to the user who makes them: the server could not read those of another one.
    let log = folder.join("log");
    let found = if log.exists() {
        log.metadata()
    } else {
        folder.metadata()
    };
    let owner = found.map_err(|error| probe::cannot("read", folder, &error))?;
    let user = rustix::process::geteuid().as_raw();
    if owner.uid() != user {
        return Err(Error::invalid(format!(
            "the folder {} belongs to user {}, and this is user {user}: run the command as the user of the server, for example with \
             `sudo -u '#{}'`",
            folder.display(),
            owner.uid(),
            owner.uid()
        )));
    }
    let files = LocalFileSystem::new_with_prefix(folder).map_err(|error| {
        Error::invalid(format!(
            "cannot use the folder {}: {error}",
            folder.display()
        ))
    })?;
    Ok(Arc::new(files.with_fsync(sync)))
}
