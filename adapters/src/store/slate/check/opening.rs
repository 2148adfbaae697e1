//! Opens a log for a check: a checkpoint, and a reader of exactly that state.

use std::sync::Arc;
use std::time::Duration;

use bytes::Buf;
use log_domain::{Error, Result, SegmentId};
use slatedb::config::DbReaderOptions;
use slatedb::db_cache::SplitCache;
use slatedb::db_cache::foyer::{FoyerCache, FoyerCacheOptions};
use slatedb::{DbReader, DbReaderMode, VersionedManifest};

use super::findings::Findings;
use super::frozen::{Frozen, Newest};
use super::peeked::damage;
use crate::clock::SystemClock;
use crate::store::slate::backup::Source;
use crate::store::slate::backup::pin::{self, Pin};
use crate::store::slate::layout::prefix::BySegment;

/// The name of the checkpoint.
const CHECKPOINT: &str = "opendata-log check";

/// A newer checkpoint is made if files of the WAL are garbage-collected before they are read. So often.
const ATTEMPTS: usize = 5;

/// The reader need not look at a log that does not change for it: no check takes so long.
const NEVER: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Memory for blocks, and for indexes and filters, in bytes.
const BLOCK_BYTES: u64 = 32 << 20;
const META_BYTES: u64 = 64 << 20;
const SHARDS: usize = 8;

/// A state of a log that is held, and a reader of it.
pub(super) struct Opened {
    pub(super) pin: Pin,
    pub(super) reader: Box<DbReader>,
}

/// Opens the log with everything that is durable now. `None` if it is too damaged for that, which is in the findings then.
pub(super) async fn open(source: &Source, findings: &mut Findings) -> Result<Option<Opened>> {
    for _ in 0..ATTEMPTS {
        let pin = Pin::take(source, CHECKPOINT, &SystemClock).await?;
        let outcome = open_at(source, &pin, findings).await;
        match outcome {
            Ok(Attempt::Opened(reader)) => return Ok(Some(Opened { pin, reader })),
            Ok(Attempt::Damaged) => {
                let is_lost = pin.is_lost().await;
                pin.release().await;
                return if is_lost { Err(pin::lost()) } else { Ok(None) };
            }
            Ok(Attempt::Collected) => pin.release().await,
            Err(error) => {
                pin.release().await;
                return Err(error);
            }
        }
    }
    Err(Error::unavailable(
        "files of the WAL were garbage-collected before they were read: try again when less is written",
    ))
}

/// How an attempt to open the log ended.
enum Attempt {
    Opened(Box<DbReader>),
    /// Files of the WAL were collected, which newer data files have.
    Collected,
    Damaged,
}

async fn open_at(source: &Source, pin: &Pin, findings: &mut Findings) -> Result<Attempt> {
    let replayed = pin.manifest().replay_after_wal_id();
    let place = || "the WAL".to_owned();
    let wal = source.wal_behind(replayed).await;
    let Some(wal) = findings.unless_damaged(place, wal)? else {
        return Ok(Attempt::Damaged);
    };
    let Some(wal) = wal else {
        return Ok(Attempt::Collected);
    };
    let newest = Newest {
        path: source.path.as_str().into(),
        manifest: pin.manifest().id(),
        wal: wal.last().map_or(replayed, |file| file.id),
    };
    match build(source, &newest).await {
        Ok(reader) => Ok(Attempt::Opened(Box::new(reader))),
        Err(_) if source.replayed_now().await? > replayed => Ok(Attempt::Collected),
        Err(why) => {
            let place = || "the log cannot be opened".to_owned();
            findings.unless_damaged(place, Err::<(), _>(damage(why)))?;
            Ok(Attempt::Damaged)
        }
    }
}

/// A reader that replays the WAL, into memory of the size of what the server has not flushed, and then stays as it is.
async fn build(source: &Source, newest: &Newest) -> std::result::Result<DbReader, slatedb::Error> {
    let cache = |bytes| {
        let options = FoyerCacheOptions {
            max_capacity: bytes,
            shards: SHARDS,
        };
        Some(Arc::new(FoyerCache::new_with_opts(options)) as Arc<_>)
    };
    let caches = SplitCache::new()
        .with_block_cache(cache(BLOCK_BYTES))
        .with_meta_cache(cache(META_BYTES))
        .build();
    let mut builder = DbReader::builder(
        source.path.as_str(),
        Frozen::around(&source.objects, newest),
    )
    .with_reader_mode(DbReaderMode::FollowLatest)
    .with_segment_extractor(Arc::new(BySegment))
    .with_db_cache(Arc::new(caches), 0)
    .with_options(DbReaderOptions {
        manifest_poll_interval: NEVER,
        ..DbReaderOptions::default()
    });
    if let Some(wal) = &source.wal {
        builder = builder.with_wal_object_store(Frozen::around(&wal.objects, newest));
    }
    builder.build().await
}

/// The segments that a manifest has data files of.
pub(super) fn segments_with_data(
    manifest: &VersionedManifest,
) -> impl Iterator<Item = SegmentId> + use<> {
    let prefixes = manifest.segments().iter();
    let ids = prefixes.filter_map(|segment| segment.prefix().as_ref().try_get_u32().ok());
    let ids: Vec<_> = ids.filter(|id| *id > 0).collect();
    ids.into_iter()
}
