//! Caches in memory, of one log or of several.

use std::fmt;
use std::sync::Arc;

use slatedb::db_cache::foyer::{FoyerCache, FoyerCacheOptions};
use slatedb::db_cache::{DbCache, SplitCache};

use super::Options;

/// Shards of the block cache. Pinned, so that what is cached does not depend on the machine.
const CACHE_SHARDS: usize = 8;

/// Caches in memory, which logs of one process can share.
#[derive(Clone)]
pub struct Caches {
    caches: Arc<dyn DbCache>,
    /// Tells the logs apart.
    log: u64,
}

impl Caches {
    /// Caches of these sizes in bytes: for blocks of data, and for indexes and filters.
    pub fn new(block_bytes: u64, meta_bytes: u64) -> Self {
        let cache = |bytes| {
            let options = FoyerCacheOptions {
                max_capacity: bytes,
                shards: CACHE_SHARDS,
            };
            Some(Arc::new(FoyerCache::new_with_opts(options)) as Arc<_>)
        };
        let caches = SplitCache::new()
            .with_block_cache(cache(block_bytes))
            .with_meta_cache(cache(meta_bytes))
            .build();
        Self {
            caches: Arc::new(caches),
            log: 0,
        }
    }

    /// The same caches for the log with this number, which no other log has that shares them.
    #[must_use]
    pub fn of_log(&self, number: u64) -> Self {
        Self {
            caches: Arc::clone(&self.caches),
            log: number,
        }
    }
}

impl fmt::Debug for Caches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Caches(log {})", self.log)
    }
}

/// The caches of a log, as SlateDB takes them.
pub(super) fn of(options: &Options) -> (Arc<dyn DbCache>, u64) {
    let own = || Caches::new(options.block_cache_bytes, options.meta_cache_bytes);
    let Caches { caches, log } = options.caches.clone().unwrap_or_else(own);
    (caches, log)
}
