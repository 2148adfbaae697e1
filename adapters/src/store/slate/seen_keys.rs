//! Keys whose records a read has looked at, to tell when some of them went meanwhile.

use log_domain::sequencer::PrefixFloors;
use log_domain::{Key, Result};
use slatedb::DbReadOps;

use super::read::Reader;
use super::seen_key::SeenKey;

impl<D: DbReadOps + Sync> Reader<'_, D> {
    /// What holds for `key`. To be asked before rows of it are read. `prefixes` are the floors of prefixes from before the floor of the
    /// reader was read.
    pub(super) async fn see(&self, key: &Key, prefixes: &PrefixFloors) -> Result<SeenKey> {
        // Before its floor and its rows are read.
        let mark = self.key_floors.mark(key);
        let of_key = self.key_floors.of(self.db, key).await?;
        // One of a prefix may be forgotten since, for that of the log, which was read before.
        let of_prefixes = prefixes.of_key(key.as_ref());
        Ok(SeenKey {
            mark,
            of_key,
            floor: self.floor.max(of_key).max(of_prefixes),
        })
    }

    /// Whether no records of the keys went since they were seen, and since keys had been purged `purges` times.
    pub(super) async fn are_as_seen<'a>(
        &self,
        keys: impl Iterator<Item = (&'a Key, &'a SeenKey)> + Clone + Send,
        purges: u64,
    ) -> Result<bool> {
        for (key, seen) in keys.clone() {
            if !seen.is_as_seen(key, self.key_floors) {
                return Ok(false);
            }
        }
        if self.key_floors.purges() == purges {
            return Ok(true);
        }
        // A key that was deleted and purged meanwhile has no mark any more.
        for (key, seen) in keys {
            if self.key_floors.of(self.db, key).await? != seen.of_key {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
