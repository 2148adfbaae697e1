//! Forgets old backups, and deletes the objects that no other one needs.

use std::collections::HashSet;

use log_domain::{Clock, Error, Result};

use super::plan::{Step, kept, steps};
use super::repository::Repository;
use super::unfinished::Unfinished;

/// What a prune did.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// The backups that it forgot, the oldest first.
    pub forgotten: Vec<String>,
    /// The number of objects that it deleted.
    pub deleted: u64,
}

/// Keeps the newest `keep` backups. What an unfinished backup has copied stays.
///
/// # Errors
/// [`Error::Invalid`] for `keep` of 0, and while a backup may be running; [`Error::Corrupt`] when the manifest of a kept
/// backup cannot be read, and nothing is deleted then; [`Error::Unavailable`] when the store does not answer.
pub async fn prune(repository: &Repository, keep: usize, clock: &dyn Clock) -> Result<Pruned> {
    if keep == 0 {
        return Err(Error::invalid(
            "--keep must be at least 1, for example --keep 7",
        ));
    }
    // In this order, because a backup may run or finish meanwhile: it is unfinished before it copies its first object, and listed before
    // it is no longer unfinished. So what it has copied by now is known to be needed by one or the other.
    let mut stored = repository.stored(|_| true).await?;
    let unfinished = Unfinished::read(repository).await?;
    let names = repository.names().await?;
    let (kept, forgotten) = kept(&names, keep);
    let mut needed = HashSet::new();
    for name in kept {
        let manifest = repository.manifest(name).await?;
        needed.extend(manifest.objects.into_iter().map(|object| object.name));
    }
    if let Some(unfinished) = unfinished {
        if unfinished.is_recent(clock.now_ms()) {
            return Err(running(repository));
        }
        needed.extend(unfinished.names());
    }
    stored.retain(|name, _| !needed.contains(name));
    let mut pruned = Pruned::default();
    for step in steps(forgotten, stored.into_keys(), &needed) {
        match step {
            Step::Forget(name) => {
                repository.forget(&name).await?;
                pruned.forgotten.push(name);
            }
            Step::Delete(name) => {
                repository.delete(&repository.object(&name)).await?;
                pruned.deleted += 1;
            }
        }
    }
    Ok(pruned)
}

fn running(repository: &Repository) -> Error {
    Error::invalid(format!(
        "a backup to {} is running, or ended less than a minute ago without finishing: prune when it has finished, or in a minute",
        repository.shown()
    ))
}
