//! Records the WAL files that this server wrote last, so that their presence can be checked and what the next server would have to read is known,
//! and offers them to read-only servers.
//!
//! SlateDB does not report the names and lengths of its WAL files. This wrapper of its store records them.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use log_domain::{Backlog, CommitFeed};
use object_store::path::{Path, PathPart};
use object_store::{ObjectStore, PutPayload, PutResult, Result};
use parking_lot::Mutex;
use tokio::time::Instant;

use super::plain_objects;
use crate::observed_store::{ObservedStore, WriteObserver};

/// Files whose presence is checked: the newest, and the one that was the newest at the previous flush.
const LAST: usize = 2;

/// Number of recorded files. SlateDB writes a data file after half as many (`max_wal_flushes_before_l0_flush`).
const REMEMBERED: usize = 8_192;

/// The files of a log's WAL.
#[derive(Debug)]
pub(super) struct WalFiles {
    folder: Path,
    written: Mutex<VecDeque<WalFile>>,
    /// Where they are offered.
    feed: Option<Arc<CommitFeed>>,
}

/// One that was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct WalFile {
    pub(super) id: u64,
    pub(super) bytes: u64,
}

impl WalFiles {
    /// Those of the log at `path`.
    pub(super) fn of(path: &str) -> Arc<Self> {
        Self::offered_to(None, path)
    }

    /// Those of the log at `path`. Each is offered to `feed` once it is written.
    pub(super) fn offered_to(feed: Option<Arc<CommitFeed>>, path: &str) -> Arc<Self> {
        Arc::new(Self {
            folder: plain_objects::object(path, "wal"),
            written: Mutex::default(),
            feed,
        })
    }

    /// `store`, with the files that are written to it remembered here.
    pub(super) fn watch(self: &Arc<Self>, store: Arc<dyn ObjectStore>) -> Arc<dyn ObjectStore> {
        ObservedStore::around(store, Arc::clone(self))
    }

    /// The last ones that were written, the newest last.
    pub(super) fn last(&self) -> Vec<WalFile> {
        let written = self.written.lock();
        let others = written.len().saturating_sub(LAST);
        written.iter().skip(others).copied().collect()
    }

    /// What the next server would have to read of the WAL, where everything up to `replayed` is in data files. Files that were written before
    /// this server opened the log count as files, and not as bytes.
    pub(super) fn backlog(&self, replayed: u64) -> Backlog {
        let mut written = self.written.lock();
        let is_old = |file: &WalFile| file.id <= replayed;
        while written.len() > LAST && written.front().is_some_and(is_old) {
            written.pop_front();
        }
        let newest = written.back().map_or(replayed, |newest| newest.id);
        let unread = written.iter().filter(|file| file.id > replayed);
        Backlog {
            pieces: newest.saturating_sub(replayed),
            bytes: unread.map(|file| file.bytes).sum(),
        }
    }

    /// Where a file is.
    pub(super) fn object(&self, id: u64) -> Path {
        let name = format!("{id:020}.sst");
        self.folder.clone().join(PathPart::from(name))
    }

    /// The folder of the files.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The id of the file that this object is, if it is one.
    pub(super) fn id(&self, object: &Path) -> Option<u64> {
        let (folder, name) = object.as_ref().rsplit_once('/')?;
        let is_here = folder == self.folder.as_ref();
        let id = name.strip_suffix(".sst").filter(|_| is_here)?;
        id.parse().ok()
    }

    fn note(&self, id: u64, bytes: usize) {
        let mut written = self.written.lock();
        if written.back().is_some_and(|newest| newest.id >= id) {
            return;
        }
        if written.len() >= REMEMBERED {
            written.pop_front();
        }
        let bytes = bytes as u64;
        written.push_back(WalFile { id, bytes });
    }

    /// Offers a file to read-only servers. After a PUT that failed it may be there nevertheless, and of another server.
    fn offer(&self, id: u64, content: Option<&PutPayload>) {
        if let Some(feed) = &self.feed {
            let content = content.map(|content| || Bytes::from(content.clone()));
            feed.offer(id, content);
        }
    }
}

impl WriteObserver for WalFiles {
    fn put(
        &self,
        location: &Path,
        content: &PutPayload,
        _began: Instant,
        outcome: &Result<PutResult>,
    ) {
        let Some(id) = self.id(location) else {
            return;
        };
        if outcome.is_ok() {
            self.note(id, content.content_length());
        }
        self.offer(id, Some(content).filter(|_| outcome.is_ok()));
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use log_domain::CommitFile;
    use object_store::Error;

    use super::*;

    #[test]
    fn what_is_left_to_the_next_server_is_what_is_not_in_data_files() {
        let files = WalFiles::of("log");
        assert_eq!(files.backlog(7), Backlog::default());
        for id in 8..20 {
            files.note(id, 100);
        }
        let left = |replayed| {
            (
                files.backlog(replayed).pieces,
                files.backlog(replayed).bytes,
            )
        };
        assert_eq!(left(7), (12, 1_200));
        // Those before were written by another server.
        assert_eq!(left(4), (15, 1_200));
        assert_eq!(left(17), (2, 200));
        assert_eq!(left(19), (0, 0));
        let last: Vec<_> = files.last().iter().map(|file| file.id).collect();
        assert_eq!(last, [18, 19]);
    }

    #[test]
    fn what_was_stored_is_offered_and_of_what_may_be_there_only_the_id() {
        let feed = Arc::new(CommitFeed::default());
        let files = WalFiles::offered_to(Some(Arc::clone(&feed)), "log");
        let mut following = feed.follow(0);
        let put = |object: &Path, outcome: Result<PutResult>| {
            let content = PutPayload::from_static(b"rows");
            files.put(object, &content, Instant::now(), &outcome);
        };
        let done = || {
            Ok(PutResult {
                e_tag: None,
                version: None,
                extensions: Default::default(),
            })
        };
        let exists = Error::AlreadyExists {
            path: String::new(),
            source: "another".into(),
        };
        put(&files.object(7), Err(exists));
        put(&files.object(7), done());
        put(
            &Path::from("log/manifest/00000000000000000001.manifest"),
            done(),
        );
        put(&Path::from("log/wal/other"), done());
        let told = std::iter::from_fn(|| following.next().now_or_never());
        let told: Vec<_> = told.filter_map(|news| news.file).collect();
        let of = |content: Option<&'static str>| CommitFile {
            id: 7,
            content: content.map(Bytes::from),
        };
        assert_eq!(told, [of(None), of(Some("rows"))]);
    }
}
