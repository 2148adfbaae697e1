//! How old the state is that a reader of the database shows.
//!
//! SlateDB's reader polls by itself, logs a poll that failed, and reports it to nobody. But its requests tell: a poll asks for a newer
//! manifest, then for newer files of the WAL, which it reads. So the wrapper of its stores (`watched`) tells when the last poll began that
//! did what it had to. That is known once the next one begins.
//!
//! A poll that could not use a file of the WAL leaves the reader where it was, and the next one reads that file again.
//!
//! A poll that is answered from memory (`fed`) shows what the writer told of, and is no evidence of anything else: a writer that was
//! taken over may not know it yet, while its successor writes. So only polls of the object store count. One begins in each poll
//! interval.

use std::sync::Arc;
use std::time::Duration;

use object_store::path::Path;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::Instant;

use super::fed::Fed;
use crate::store::slate::wal_files::WalFiles;

/// The least time between polls, as a multiple of the time that it takes to show what one found, and at most.
const SPACING: u32 = 10;
const MAX_SPACING: Duration = Duration::from_secs(1);

/// The polls of one reader.
#[derive(Debug)]
pub(super) struct Polls {
    pub(super) wal: Arc<WalFiles>,
    /// What is answered without a request.
    pub(super) fed: Fed,
    now: Mutex<Poll>,
    /// When the last poll began that reached the end of the WAL.
    good: watch::Sender<Instant>,
    /// How long it took last to show what a poll found.
    shown_within: Mutex<Duration>,
}

/// The poll that runs, or ran last.
#[derive(Debug, Default)]
struct Poll {
    /// When it last asked for a manifest. What was durable then, it finds.
    began: Option<Instant>,
    /// Whether it was answered from memory.
    from_memory: bool,
    /// Whether it has asked for files of the WAL.
    in_wal: bool,
    failed: bool,
    /// The last file of the WAL that it has read.
    reading: u64,
    /// The last file that an earlier poll has read.
    read: u64,
}

impl Polls {
    /// Those of a reader that is being opened, of a log with this WAL, which asks the store once in each `interval`.
    pub(super) fn begin(wal: Arc<WalFiles>, interval: Duration) -> Arc<Self> {
        Arc::new(Self {
            wal,
            fed: Fed::new(interval),
            now: Mutex::default(),
            good: watch::Sender::new(Instant::now()),
            shown_within: Mutex::default(),
        })
    }

    /// Notes how long it took to show what a poll found.
    pub(super) fn took(&self, shown_within: Duration) {
        *self.shown_within.lock() = shown_within;
    }

    /// The least time between polls, so that most of the time is left for reads. Each poll that finds something leaves a table in memory,
    /// until the writer has made a data file of them: the more there are, the longer it takes to show the next one.
    pub(super) fn least_spacing(&self) -> Duration {
        MAX_SPACING.min(*self.shown_within.lock() * SPACING)
    }

    /// How long ago the last poll began that did what it had to.
    pub(super) fn age(&self) -> Duration {
        self.good.borrow().elapsed()
    }

    /// Resolves when a poll that began after `moment` has done what it had to.
    pub(super) async fn one_after(&self, moment: Instant) {
        // The sender is here, so it does not go.
        let _ = self.good.subscribe().wait_for(|good| *good > moment).await;
    }

    /// The last file of the WAL that a poll has read.
    pub(super) fn last_read(&self) -> u64 {
        let poll = self.now.lock();
        poll.read.max(poll.reading)
    }

    /// A poll asks for this manifest. Whether it is to be answered that there is none.
    pub(super) fn asks_for_manifest(&self, manifest: &Path) -> bool {
        let mut poll = self.now.lock();
        if poll.in_wal {
            // So the one before has ended.
            if let Some(began) = poll.began
                && !poll.failed
                && !poll.from_memory
            {
                self.good.send_replace(began);
            }
            let read = poll.read.max(poll.reading);
            self.fed.drop_read(read);
            *poll = Poll {
                read,
                ..Poll::default()
            };
        }
        poll.began = Some(Instant::now());
        poll.from_memory = self.fed.has_no_manifest(manifest);
        poll.from_memory
    }

    /// It asks for files of the WAL.
    pub(super) fn asks_for_wal(&self) {
        self.now.lock().in_wal = true;
    }

    /// It has read this file of the WAL, of so many bytes; `None` if it is not there.
    pub(super) fn has_read_wal(&self, file: u64, bytes: Option<u64>) {
        let mut poll = self.now.lock();
        match bytes {
            None => poll.failed = true,
            // A writer's first file is empty. It counts as read only once the next one has content.
            Some(0) => {}
            Some(_) => {
                poll.failed |= file <= poll.read;
                poll.reading = poll.reading.max(file);
            }
        }
    }
}
