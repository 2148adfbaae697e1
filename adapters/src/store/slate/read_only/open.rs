//! Opens a log to read it, alongside the server that writes it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use log_domain::{Error, Result};
use object_store::ObjectStore;
use slatedb::config::DbReaderOptions;
use slatedb::{DbReader, DbReaderMode};
use tokio::sync::watch;

use super::poll_clock::{PollClock, PollSoon};
use super::polls::Polls;
use super::view::Views;
use super::watched::Watched;
use super::writer_progress::WriterProgress;
use super::{ReadOnlyStore, follow};
use crate::object_prefix::check_prefix;
use crate::store::slate::caches;
use crate::store::slate::engine_clock::EngineClock;
use crate::store::slate::filters::filters;
use crate::store::slate::key_names::KeyNames;
use crate::store::slate::layout::prefix::BySegment;
use crate::store::slate::options::{Options, StoreParts};
use crate::store::slate::read_ahead::ReadAhead;
use crate::store::slate::wal_files::WalFiles;
use crate::store::slate::{error, vanished, wal_place};

/// Options of a store that only reads, in addition to those that it shares with a writer: the path, the place of the WAL, the time-outs of checks
/// and of opening, the caches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReaderOptions {
    /// How often to look for what was written.
    pub poll_interval: Duration,
    /// If the writer tells of something new, the next look begins so soon after the last one ended, or later. Such a look sends no request
    /// to the object store if the writer sent what is new.
    pub poll_spacing: Duration,
    /// What is shown may be so old; if it is older, checks fail.
    pub max_lag: Duration,
}

impl Default for ReaderOptions {
    fn default() -> Self {
        Self {
            poll_interval: Duration::from_secs(1),
            poll_spacing: Duration::from_millis(10),
            max_lag: Duration::from_secs(30),
        }
    }
}

/// Which log is read. Another one at its place, or none, is not seen by the polls.
pub(super) struct Identity {
    objects: Arc<dyn ObjectStore>,
    path: String,
    found: Option<Bytes>,
}

impl Identity {
    /// Looks for it.
    ///
    /// # Errors
    /// That it is gone; an [`Error::Unavailable`] with a cause when that is not known.
    pub(super) async fn verify(&self) -> Result<()> {
        let Some(found) = &self.found else {
            return Ok(());
        };
        match vanished::identity(&self.objects, &self.path).await? {
            Some(now) if now == found => Ok(()),
            Some(_) => Err(gone("another log is in its place")),
            None => Err(gone("the object that identifies it is missing")),
        }
    }
}

fn gone(how: &str) -> Error {
    Error::unavailable(format!(
        "the log is gone: {how}. What this server shows is what was there before; restart it once the log is back"
    ))
}

impl ReadOnlyStore {
    /// Opens the log at `options.path`, which must be there. Nothing is written.
    ///
    /// # Errors
    /// [`Error::Invalid`] where there is no log, for another place of the WAL than the log began with, and for a path that not all objects
    /// would lie below. [`Error::Unavailable`] when the object store does not answer in time; [`Error::Corrupt`] when what is there is not a
    /// log of this version.
    pub async fn open(parts: StoreParts, options: Options, reader: ReaderOptions) -> Result<Self> {
        let limit = options.open_timeout;
        match tokio::time::timeout(limit, open(parts, options, reader)).await {
            Ok(opened) => opened,
            Err(_) => Err(Error::unavailable(format!(
                "the object store did not answer within {} ms",
                limit.as_millis()
            ))),
        }
    }
}

async fn open(parts: StoreParts, options: Options, reader: ReaderOptions) -> Result<ReadOnlyStore> {
    let path = options.path.as_str();
    check_prefix(path).map_err(Error::invalid)?;
    let wal_files = WalFiles::of(path);
    let polls = Polls::begin(wal_files, reader.poll_interval);
    let objects = Watched::around(&polls, parts.objects);
    if !vanished::has_manifest(&objects, path).await? {
        return Err(Error::invalid(format!(
            "there is no log at {path}, and a read-only server does not begin one: start the server that writes it first, and check that both \
             have the same bucket or folder, and prefix"
        )));
    }
    wal_place::settle(&*objects, path, options.wal.as_ref()).await?;
    vanished::look(&objects, &options).await?;
    let identity = Identity {
        found: vanished::identity(&objects, path).await?,
        objects: Arc::clone(&objects),
        path: path.to_owned(),
    };
    let soon = Arc::new(PollSoon::default());
    let clock = EngineClock::new(&*parts.clock);
    let (spacing, of) = (reader.poll_spacing, Arc::clone(&polls));
    let clock = PollClock::new(clock, Arc::clone(&soon), spacing, of);
    let (caches, number) = caches::of(&options);
    let mut builder = DbReader::builder(path, objects)
        .with_reader_mode(DbReaderMode::FollowLatest)
        .with_options(DbReaderOptions {
            manifest_poll_interval: reader.poll_interval,
            object_store_cache_options: options.settings.object_store_cache_options.clone(),
            object_store_max_retries: options.settings.object_store_max_retries,
            ..DbReaderOptions::default()
        })
        .with_system_clock(Arc::new(clock))
        .with_segment_extractor(Arc::new(BySegment))
        .with_filter_policies(filters())
        .with_db_cache(caches, number)
        .with_metrics_recorder(parts.recorder);
    if let Some(wal) = &options.wal {
        builder = builder.with_wal_object_store(Watched::around(&polls, Arc::clone(&wal.objects)));
    }
    if let Some(seed) = parts.seed {
        builder = builder.with_seed(seed);
    }
    let db = builder.build().await.map_err(|error| match error.kind() {
        slatedb::ErrorKind::Invalid => Error::invalid(error.to_string()),
        _ => error::read(error),
    })?;
    let db = Arc::new(db);
    let views = Arc::new(Views::new(Arc::clone(&parts.listener)));
    if let Err(error) = views.load(&db).await {
        // Its task would go on.
        let _ = db.close().await;
        return Err(error);
    }
    let writer = Arc::new(WriterProgress::new(
        Arc::clone(&views),
        Arc::clone(&polls),
        soon,
        identity.found.clone(),
    ));
    let stopped = watch::Sender::new(None);
    tokio::spawn(follow::run(
        Arc::clone(&db),
        Arc::clone(&views),
        Arc::clone(&polls),
        parts.listener,
        stopped.clone(),
    ));
    Ok(ReadOnlyStore {
        db,
        views,
        names: KeyNames::default(),
        read_ahead: ReadAhead::new(options.read_ahead_bytes),
        polls,
        clock: parts.clock,
        identity,
        max_lag: reader.max_lag,
        writer,
        check_timeout: options.check_timeout,
        stopped,
    })
}
