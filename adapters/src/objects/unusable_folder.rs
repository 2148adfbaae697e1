//! What is told of a folder that cannot be used: who tried it, and what stands in the way.

use std::io::{self, ErrorKind};
use std::path::Path;

use log_domain::Error;

/// That the folder cannot be used, who tried it, and what may be done about it.
pub(crate) fn cannot_use(what: &str, kind: &str, folder: &Path, error: &io::Error) -> Error {
    let user = rustix::process::geteuid().as_raw();
    let because = match error.kind() {
        ErrorKind::PermissionDenied => match owner(folder) {
            Some(owner) => format!("{error}; {owner}"),
            None => error.to_string(),
        },
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => format!("the disk is full ({error})"),
        ErrorKind::ReadOnlyFilesystem => {
            format!("{error}; it is mounted read-only")
        }
        ErrorKind::NotADirectory => format!("{error}; a part of its path is a file"),
        _ => error.to_string(),
    };
    Error::invalid(format!(
        "cannot {what} the {kind} {} as user {user}: {because}",
        folder.display()
    ))
}

/// Whose the folder is, or the nearest one above that exists.
fn owner(folder: &Path) -> Option<String> {
    use std::os::unix::fs::MetadataExt;
    let absolute = std::path::absolute(folder).ok()?;
    let nearest = absolute.ancestors().find(|folder| folder.exists())?;
    let metadata = nearest.metadata().ok()?;
    Some(format!(
        "{} belongs to user {} with mode {:04o}",
        nearest.display(),
        metadata.uid(),
        metadata.mode() & 0o7777
    ))
}

#[cfg(test)]
mod tests {
    use rustix::io::Errno;

    use super::*;

    fn told(error: Errno) -> String {
        cannot_use("write to", "data folder", Path::new("/data"), &error.into()).to_string()
    }

    #[test]
    fn a_full_or_read_only_disk_is_told_as_such() {
        let full = told(Errno::NOSPC);
        assert!(
            full.contains("/data") && full.contains("the disk is full"),
            "{full}"
        );
        let read_only = told(Errno::ROFS);
        assert!(read_only.contains("mounted read-only"), "{read_only}");
    }

    #[test]
    fn who_may_not_and_whose_the_folder_is_are_told() {
        let told = told(Errno::ACCESS);
        let me = rustix::process::geteuid().as_raw();
        assert!(told.contains(&format!("as user {me}")), "{told}");
        assert!(told.contains("/ belongs to user 0 with mode"), "{told}");
    }
}
