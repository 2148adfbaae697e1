//! Objects that vanish from S3, and are put back from a copy.

use bytes::Bytes;
use serde::Serialize;

use super::objects::Objects;

/// What vanishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Loss {
    /// All files of the WAL.
    Wal {
        /// They are there, and have 0 bytes.
        emptied: bool,
    },
    /// One file of the WAL.
    WalFile {
        /// Which: so far from the first to the last.
        at_percent: usize,
        /// It is there, and has 0 bytes.
        emptied: bool,
    },
    /// All manifests.
    Manifests,
}

/// A copy of the objects that vanished.
pub struct Copies(Vec<(String, Bytes)>);

impl Objects {
    /// Deletes or empties objects. The answer is what was in them.
    pub fn lose(&self, loss: Loss) -> Copies {
        let mut names = self.names();
        let folder = match loss {
            Loss::Manifests => "/manifest/",
            Loss::Wal { .. } | Loss::WalFile { .. } => "/wal/",
        };
        names.retain(|name| name.contains(folder));
        if let Loss::WalFile { at_percent, .. } = loss {
            let last = names.len().saturating_sub(1);
            names = names
                .into_iter()
                .skip(last * at_percent / 100)
                .take(1)
                .collect();
        }
        let left = match loss {
            Loss::Wal { emptied: true } | Loss::WalFile { emptied: true, .. } => Some(Bytes::new()),
            _ => None,
        };
        let copies = names.into_iter().filter_map(|name| {
            let copy = self.replace(&name, left.clone())?;
            Some((name, copy))
        });
        Copies(copies.collect())
    }

    /// Puts these objects where they were, over what is there now.
    pub fn put_back(&self, copies: Copies) {
        for (name, copy) in copies.0 {
            self.replace(&name, Some(copy));
        }
    }
}
