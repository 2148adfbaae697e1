//! Backups of a log that a server may be writing, and logs that are restored from them.
//!
//! A backup lives in a repository, which holds those of one log: the objects of all backups, each stored once, and a manifest
//! for each backup, written last. [`back_up`] holds a detached checkpoint while it copies, so it opens no writer and fences
//! none. [`restore`] makes a log of a backup at another place.

mod copying;
mod manifest;
pub(in crate::store::slate) mod pin;
mod plan;
mod progress;
mod pruning;
mod repository;
mod restoring;
mod run;
pub(in crate::store::slate) mod source;
#[cfg(test)]
mod tests;
mod unfinished;
mod verifying;
mod wal_tail;

pub use manifest::{BackupManifest, BackupObject};
pub use progress::Progress;
pub use pruning::{Pruned, prune};
pub use repository::Repository;
pub use restoring::{Destination, restore};
pub use run::{Finished, back_up};
pub use source::Source;
pub use verifying::verify;
