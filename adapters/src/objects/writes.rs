//! Detects an object store that rejects writes.
//!
//! SlateDB retries a failed write until it succeeds, and does not report it. This wrapper of its store records for each
//! folder (`wal`, `manifest`, `compacted`) since when every write has failed, and why.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use object_store::path::Path;
use object_store::{Error, MultipartUpload, ObjectStore, PutPayload, PutResult, Result};
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::observed_store::{ObservedStore, WriteObserver};

/// Maximum number of watched folders; further ones are not watched.
const MAX_FOLDERS: usize = 32;
/// A failure without a retry within this time is dropped: the write was abandoned. SlateDB retries after a second at
/// most, and an attempt without a response is not a rejection.
const FORGOTTEN: Duration = Duration::from_secs(10);
/// Bytes of a cause that are kept.
const MAX_CAUSE: usize = 500;

/// The writes that fail in one or more stores.
#[derive(Debug, Default)]
pub struct FailingWrites(Mutex<BTreeMap<String, Failing>>);

#[derive(Debug)]
struct Failing {
    since: Instant,
    last: Instant,
    cause: String,
}

/// Writes that have all failed for some time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WritesFail {
    /// For how long.
    pub since: Duration,
    /// What the store said last.
    pub cause: String,
}

impl FailingWrites {
    /// `store`, with its writes watched here.
    pub fn watch(self: &Arc<Self>, store: Arc<dyn ObjectStore>) -> Arc<dyn ObjectStore> {
        ObservedStore::around(store, Arc::clone(self))
    }

    /// The writes that have failed for the longest time, if any do.
    pub fn longest(&self) -> Option<WritesFail> {
        let mut failing = self.0.lock();
        failing.retain(|_, failing| failing.last.elapsed() < FORGOTTEN);
        let longest = failing.values().min_by_key(|failing| failing.since)?;
        Some(WritesFail {
            since: longest.since.elapsed(),
            cause: longest.cause.clone(),
        })
    }

    fn ended<T>(&self, location: &Path, began: Instant, outcome: &Result<T>) {
        let folder = match location.as_ref().rsplit_once('/') {
            Some((folder, _)) => folder,
            None => "",
        };
        let mut failing = self.0.lock();
        match outcome {
            Ok(_) => {
                failing.remove(folder);
            }
            Err(error) if is_refusal(error) => {
                if failing.len() >= MAX_FOLDERS && !failing.contains_key(folder) {
                    return;
                }
                let mut cause = error.to_string();
                cause.truncate(cause.floor_char_boundary(MAX_CAUSE));
                let now = Instant::now();
                let since = failing.get(folder).map_or(began, |failing| failing.since);
                let last = Failing {
                    since,
                    last: now,
                    cause,
                };
                failing.insert(folder.to_owned(), last);
            }
            Err(_) => {}
        }
    }
}

impl WriteObserver for FailingWrites {
    fn put(
        &self,
        location: &Path,
        _content: &PutPayload,
        began: Instant,
        outcome: &Result<PutResult>,
    ) {
        self.ended(location, began, outcome);
    }

    fn upload_begun(
        &self,
        location: &Path,
        began: Instant,
        outcome: &Result<Box<dyn MultipartUpload>>,
    ) {
        if outcome.is_err() {
            self.ended(location, began, outcome);
        }
    }
}

/// Whether the store did not take the write, and not because of what is there already.
fn is_refusal(error: &Error) -> bool {
    !matches!(
        error,
        Error::AlreadyExists { .. } | Error::Precondition { .. } | Error::NotModified { .. }
    )
}
