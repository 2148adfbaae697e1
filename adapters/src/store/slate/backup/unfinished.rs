//! The record of a backup that has not finished: the next one resumes it, and a prune leaves its objects alone.

use std::collections::HashSet;

use log_domain::{Clock, Error, Result};
use serde::{Deserialize, Serialize};

use super::manifest::BackupObject;
use super::repository::Repository;

const OBJECT: &str = "unfinished.json";
const VERSION: u8 = 1;

/// A running backup writes its record at least this often (ms), while objects are copied.
pub(super) const WRITTEN_EVERY_MS: i64 = 2_000;

/// A record that is not older than this (ms) is that of a backup which may still run.
const RECENT_MS: i64 = 60_000;

/// What a backup is to contain, and what of it is copied.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Unfinished {
    version: u8,
    /// The object `identity` of the log.
    pub(super) identity: String,
    /// When the record was written (Unix ms).
    updated_ms: i64,
    /// Names of objects that it is to contain.
    pub(super) planned: Vec<String>,
    /// Objects that it copied.
    pub(super) copied: Vec<BackupObject>,
}

impl Unfinished {
    /// The record of a backup of the log with this identity, which has copied nothing.
    pub(super) fn of(identity: &str) -> Self {
        Self {
            version: VERSION,
            identity: identity.to_owned(),
            ..Self::default()
        }
    }

    /// The record in `repository`. One that cannot be read is as good as none: objects are copied again.
    pub(super) async fn read(repository: &Repository) -> Result<Option<Self>> {
        let found = repository.read(&repository.path(OBJECT)).await?;
        let decoded = found.and_then(|found| serde_json::from_slice::<Self>(&found).ok());
        Ok(decoded.filter(|record| record.version == VERSION))
    }

    /// Stores the record.
    pub(super) async fn write(&mut self, repository: &Repository, clock: &dyn Clock) -> Result<()> {
        self.updated_ms = clock.now_ms();
        let encoded = serde_json::to_vec(self).map_err(|error| {
            Error::internal(format!(
                "encode the record of an unfinished backup: {error}"
            ))
        })?;
        repository.write(&repository.path(OBJECT), encoded).await
    }

    /// Stores the record if the stored one is old.
    pub(super) async fn write_if_due(
        &mut self,
        repository: &Repository,
        clock: &dyn Clock,
    ) -> Result<()> {
        match clock.now_ms() - self.updated_ms >= WRITTEN_EVERY_MS {
            true => self.write(repository, clock).await,
            false => Ok(()),
        }
    }

    /// Deletes the record: its backup has finished.
    pub(super) async fn remove(repository: &Repository) -> Result<()> {
        repository.delete(&repository.path(OBJECT)).await
    }

    /// Whether its backup may still run.
    pub(super) fn is_recent(&self, now_ms: i64) -> bool {
        now_ms - self.updated_ms < RECENT_MS
    }

    /// Every object that its backup needs.
    pub(super) fn names(&self) -> HashSet<String> {
        let copied = self.copied.iter().map(|object| object.name.clone());
        self.planned.iter().cloned().chain(copied).collect()
    }
}
