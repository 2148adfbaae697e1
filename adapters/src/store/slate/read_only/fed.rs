//! What the writer told of the log, and what the object store answered last: from both, a poll can be answered without a request.
//!
//! The writer sends files of the WAL once they are in the object store, so they can be read from memory in its place. And while the writer
//! tells of every file that is new, the question for the next one need not be asked: what was not there when the store was asked last, and
//! what the writer did not tell of since, counts as not there. That is no claim about the store, only a decision to look later. In each
//! poll interval the store itself is asked, whatever the writer says: another writer may have taken over.
//!
//! Everything here may be forgotten at any time. The store is asked instead.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use log_domain::CommitFile;
use object_store::path::Path;
use parking_lot::Mutex;
use tokio::time::Instant;

/// Bytes of files that wait to be read from memory. Further ones are read from the store.
const FED_BYTES: usize = 64 << 20;

/// What each file is charged in addition to its bytes.
const FILE_OVERHEAD: usize = 128;

/// After so many polls from memory, or polls that found so many bytes, the store is asked, so that what it has in data files
/// is not held in memory too. It matters where the poll interval is long.
const POLLS: usize = 1_000;
const POLLED_BYTES: usize = 16 << 20;

/// What one reader knows without a request.
#[derive(Debug)]
pub(super) struct Fed {
    interval: Duration,
    bytes: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Whether the writer tells of each new file.
    is_live: bool,
    /// The files that it sent, and what they are charged.
    files: BTreeMap<u64, Bytes>,
    held: usize,
    /// The newest file that it told of.
    told: u64,
    /// When the store was asked last, and what it answered.
    asked: Option<Instant>,
    answered: Answered,
    /// Whether the poll that runs is answered from memory.
    from_memory: bool,
    /// Such polls since the store was asked, and bytes of files that were sent since.
    polls: usize,
    polled: usize,
}

/// What the object store answered in one poll.
#[derive(Debug, Default)]
struct Answered {
    /// The next manifest, which was not there.
    no_manifest: Option<Path>,
    /// The object that says which manifests are collected.
    boundary: Option<Boundary>,
    /// The first file of the WAL that was not there. Those after it were not there either: they are written in order.
    no_file: Option<u64>,
}

/// What was answered about the object that says which manifests are collected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Boundary {
    /// There is none.
    None,
    /// It is the one with this ETag.
    Is(String),
}

/// What to do with a question for a file of the WAL.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum File {
    /// Its content.
    Is(Bytes),
    /// It counts as not there.
    Missing,
    /// The store is to be asked.
    Ask,
}

impl Fed {
    /// Nothing is known yet. The store is asked in each `interval` at least.
    pub(super) fn new(interval: Duration) -> Self {
        Self::holding(FED_BYTES, interval)
    }

    fn holding(bytes: usize, interval: Duration) -> Self {
        Self {
            interval,
            bytes,
            state: Mutex::default(),
        }
    }

    /// From now on the writer tells of each file. What it had written before is in the store, which is asked first.
    pub(super) fn is_live(&self) {
        let mut state = self.state.lock();
        state.is_live = true;
        state.asked = None;
    }

    /// The writer tells nothing any more.
    pub(super) fn is_silent(&self) {
        self.state.lock().is_live = false;
    }

    /// Whether the writer tells of each file.
    pub(super) fn is_told(&self) -> bool {
        self.state.lock().is_live
    }

    /// The store is asked in the next poll.
    pub(super) fn ask_next(&self) {
        self.state.lock().asked = None;
    }

    /// When the store has to be asked again, if polls since were answered from memory.
    pub(super) fn due(&self) -> Option<Instant> {
        let state = self.state.lock();
        let asked = state.asked.filter(|_| state.polls > 0);
        asked.map(|asked| asked + self.interval)
    }

    /// The writer told of this file.
    pub(super) fn put(&self, file: CommitFile) {
        let mut state = self.state.lock();
        state.told = state.told.max(file.id);
        let Some(content) = file.content else {
            return;
        };
        state.polled += content.len();
        let charged = FILE_OVERHEAD + content.len();
        if state.held + charged <= self.bytes && !state.files.contains_key(&file.id) {
            state.held += charged;
            state.files.insert(file.id, content);
        }
    }

    /// Forgets the files up to `read`. A poll has read them; if it could not use one, the next poll is to read it from the store.
    pub(super) fn drop_read(&self, read: u64) {
        let mut state = self.state.lock();
        while let Some(first) = state.files.first_entry().filter(|file| *file.key() <= read) {
            let bytes = first.remove().len();
            state.held -= FILE_OVERHEAD + bytes;
        }
    }

    /// A poll asks for this manifest. Whether it counts as not there; if not, the store is to be asked, now and for the rest of this poll.
    pub(super) fn has_no_manifest(&self, manifest: &Path) -> bool {
        let mut state = self.state.lock();
        let is_recent = state.asked.is_some_and(|at| at.elapsed() < self.interval);
        let is_known = state.answered.no_manifest.as_ref() == Some(manifest)
            && state.answered.boundary.is_some()
            && state.answered.no_file.is_some();
        let has_room = state.polls < POLLS && state.polled < POLLED_BYTES;
        state.from_memory = state.is_live && is_recent && is_known && has_room;
        if state.from_memory {
            state.polls += 1;
        } else {
            state.asked = Some(Instant::now());
            state.answered = Answered::default();
            state.polls = 0;
            state.polled = 0;
        }
        state.from_memory
    }

    /// The store has no such manifest.
    pub(super) fn no_manifest(&self, manifest: &Path) {
        self.state.lock().answered.no_manifest = Some(manifest.clone());
    }

    /// What the store answered last about the boundary, if the poll that runs is answered from memory.
    pub(super) fn boundary(&self) -> Option<Boundary> {
        let state = self.state.lock();
        let known = state.answered.boundary.clone();
        known.filter(|_| state.from_memory)
    }

    /// What the store answered about the boundary; nothing if that cannot be answered again.
    pub(super) fn boundary_is(&self, boundary: Option<Boundary>) {
        self.state.lock().answered.boundary = boundary;
    }

    /// What a question for this file of the WAL is answered.
    pub(super) fn file(&self, id: u64) -> File {
        let state = self.state.lock();
        if let Some(content) = state.files.get(&id) {
            return File::Is(content.clone());
        }
        let was_missing = state.answered.no_file.is_some_and(|first| first <= id);
        match state.from_memory && was_missing && id > state.told {
            true => File::Missing,
            false => File::Ask,
        }
    }

    /// The store has this file of the WAL, or has not.
    pub(super) fn file_is_there(&self, id: u64, is_there: bool) {
        let no_file = &mut self.state.lock().answered.no_file;
        *no_file = match (*no_file, is_there) {
            (Some(first), true) => Some(first.max(id + 1)),
            (None, true) => None,
            (first, false) => Some(first.map_or(id, |first| first.min(id))),
        };
    }

    #[cfg(test)]
    pub(super) fn held_bytes(&self) -> usize {
        self.state.lock().held
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn file(id: u64, length: usize) -> CommitFile {
        CommitFile {
            id,
            content: Some(vec![0; length].into()),
        }
    }

    fn manifest(id: u64) -> Path {
        Path::from(format!("log/manifest/{id:020}.manifest"))
    }

    /// A poll of the store, which has WAL files up to `last`.
    fn polled(fed: &Fed, next: u64, last: u64) {
        assert!(!fed.has_no_manifest(&manifest(next)));
        fed.no_manifest(&manifest(next));
        fed.boundary_is(Some(Boundary::None));
        for probe in [1, 2, 4] {
            assert_eq!(fed.file(last + probe), File::Ask);
            fed.file_is_there(last + probe, false);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_poll_is_answered_from_memory_while_the_writer_tells_and_the_store_was_asked_recently()
     {
        let fed = Fed::new(SECOND);
        polled(&fed, 2, 7);
        assert!(!fed.has_no_manifest(&manifest(2)), "nobody tells");
        fed.is_live();
        polled(&fed, 2, 7);
        assert_eq!(fed.due(), None);
        assert!(fed.has_no_manifest(&manifest(2)));
        assert_eq!(fed.boundary(), Some(Boundary::None));
        assert!([8, 9, 100].iter().all(|id| fed.file(*id) == File::Missing));
        assert_eq!(fed.file(7), File::Ask);
        assert_eq!(fed.due(), Some(Instant::now() + SECOND));
        assert!(!fed.has_no_manifest(&manifest(3)), "another question");
        polled(&fed, 2, 7);
        tokio::time::advance(SECOND).await;
        assert!(!fed.has_no_manifest(&manifest(2)), "long ago");
        polled(&fed, 2, 7);
        fed.is_silent();
        assert!(!fed.has_no_manifest(&manifest(2)), "silent");
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_writer_told_of_is_read_from_memory_or_asked_for() {
        let fed = Fed::new(SECOND);
        fed.is_live();
        polled(&fed, 2, 7);
        fed.put(file(9, 10));
        assert!(fed.has_no_manifest(&manifest(2)));
        assert_eq!(fed.file(8), File::Ask, "it may be there");
        assert!(matches!(fed.file(9), File::Is(_)));
        assert_eq!(fed.file(10), File::Missing);
        fed.put(CommitFile {
            id: 10,
            content: None,
        });
        assert_eq!(fed.file(10), File::Ask);
        fed.file_is_there(10, true);
        assert_eq!(fed.file(10), File::Ask);
        assert_eq!(fed.file(11), File::Missing);
        fed.drop_read(9);
        assert_eq!((fed.file(9), fed.held_bytes()), (File::Ask, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_held_is_bounded_and_the_store_is_asked_after_so_much() {
        let fed = Fed::holding(1_000, SECOND);
        fed.is_live();
        polled(&fed, 2, 0);
        for id in 1..20 {
            fed.put(file(id, 172));
            assert!(fed.held_bytes() <= 1_000);
        }
        assert!(matches!(fed.file(3), File::Is(_)));
        assert_eq!(fed.file(4), File::Ask);
        for _ in 0..POLLS {
            assert!(fed.has_no_manifest(&manifest(2)));
        }
        assert!(!fed.has_no_manifest(&manifest(2)));
        polled(&fed, 2, 20);
        fed.put(file(21, POLLED_BYTES));
        assert!(!fed.has_no_manifest(&manifest(2)));
    }
}
