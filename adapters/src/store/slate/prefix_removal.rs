//! Removes what is below the floors of prefixes, in the background.
//!
//! When the floor of a prefix has come into force, a walk through the rows of the directory of its keys finds those in segments up to the
//! floor. Batch by batch, they are taken out of the directory (see `unlisting`). Once that is durable, merges leave out the records
//! below the floor. Nothing is rewritten for it: the bytes go with the next merge, or with their segments.
//!
//! Nothing of this is remembered: after a restart, all steps are taken again for each prefix with a floor.

use std::sync::Arc;

use log_domain::{PrefixFloor, Result};
use slatedb::config::FlushType;

use super::compaction::DeletedKeys;
use super::directory;
use super::flush::flush;
use super::layout::directory::with_prefix;
use super::rounds::Rounds;
use super::shared::Shared;
use super::unlisting::{KEYS, Unlisting};

/// Keys that one walk visits; the next one continues. It bounds how long an iterator is open.
const VISITED: usize = 16_384;

/// Removes what is below the floors of prefixes of one store.
pub(super) struct PrefixRemoval {
    pub(super) unlisting: Unlisting,
    /// What merges leave out.
    pub(super) deleted: Arc<DeletedKeys>,
}

impl Rounds for PrefixRemoval {
    const FAILURE: &'static str = "could not remove all that is below the floors of prefixes";

    fn shared(&self) -> &Arc<Shared> {
        &self.unlisting.shared
    }

    /// Takes keys out of the directory, of all prefixes whose floors have risen, and lets merges leave out their records.
    async fn round(&self) -> Result<()> {
        let Unlisting { db, shared, .. } = &self.unlisting;
        let prefixes = shared.key_floors.prefixes();
        let floors = match prefixes.is_empty() {
            true => Vec::new(),
            false => prefixes.now().to_unlist(),
        };
        for floor in &floors {
            self.unlist(floor).await?;
        }
        if !floors.is_empty() {
            // After a crash, the directory must not list what a merge has left out.
            flush(db, FlushType::Wal).await?;
            floors.iter().for_each(|floor| prefixes.unlisted(floor));
        }
        let unlisted = match prefixes.is_empty() {
            true => Vec::new(),
            false => prefixes.now().all_unlisted(),
        };
        // Those that were forgotten meanwhile are hidden by others.
        let has_forgotten = unlisted.len() < self.deleted.prefixes();
        if !floors.is_empty() || has_forgotten {
            self.deleted.set_prefixes(unlisted);
        }
        Ok(())
    }
}

impl PrefixRemoval {
    /// Takes all keys with the prefix out of the directory for segments where all their records are below the floor.
    async fn unlist(&self, floor: &PrefixFloor) -> Result<()> {
        let Unlisting { db, shared, .. } = &self.unlisting;
        let segments = shared.segments();
        let below = segments.partition_point(|segment| segment.start < floor.floor);
        let Some(last) = below.checked_sub(1).and_then(|last| segments.get(last)) else {
            return Ok(());
        };
        let (end, mut keys, mut after) = (last.id.saturating_add(1), 0, None);
        loop {
            let rows = with_prefix(&floor.prefix, after.as_ref());
            let walk = directory::listed_in(db, end, rows, (KEYS, VISITED));
            let (found, visited) = walk.await?;
            keys += found.len();
            let floors = found.into_iter().map(|key| (key, floor.floor));
            self.unlisting.unlist(floors.collect()).await?;
            after = visited;
            if after.is_none() {
                break;
            }
            tokio::task::yield_now().await;
        }
        tracing::debug!(
            prefix = %floor.prefix.escape_ascii(),
            floor = %floor.floor,
            keys,
            "visited the keys of a prefix with records below its floor"
        );
        Ok(())
    }
}
