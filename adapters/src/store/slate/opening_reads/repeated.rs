//! What was read a moment ago, and is not asked for twice.
//!
//! Before a log is opened, it is looked at, and then the storage engine begins with the same reads: both list the manifests, read the newest one and
//! the boundary of the garbage collector, and find the end of the WAL. That is four requests that wait for one another. Here the second of these reads
//! is answered with what the first one found, until something is written, and no longer than [`FRESH`].
//!
//! To the engine this is as if it had read, and then been slow for a moment. It allows for that: whatever it writes after these reads is
//! written on the condition that nobody has written it since.

use std::collections::HashMap;
use std::sync::Arc;

use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{Error, GetResult, ObjectMeta, ObjectStore, Result};
use parking_lot::Mutex;
use tokio::time::Instant;

use super::FRESH;
use super::found::Found;

/// Objects with more bytes are read again.
const MAX_BYTES: u64 = 1 << 20;

/// What was read, shared with the lists that are being read.
#[derive(Debug)]
pub(super) struct RepeatedReads(Arc<Mutex<Reads>>);

/// What was read.
#[derive(Debug, Default)]
struct Reads {
    /// Whether what is read now is kept, or given again what was.
    phase: Phase,
    gets: HashMap<Path, Found>,
    /// By folder, and what they begin after.
    lists: HashMap<(Option<Path>, Option<Path>), Vec<ObjectMeta>>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Keeping,
    Repeating {
        until: Instant,
    },
    #[default]
    Over,
}

impl RepeatedReads {
    /// Keeps what is read until it is to be [repeated](Self::repeat).
    pub(super) fn keeping() -> Self {
        let reads = Reads {
            phase: Phase::Keeping,
            ..Reads::default()
        };
        Self(Arc::new(Mutex::new(reads)))
    }

    /// From now on each GET that was kept is answered once more with what it found, and each list as often as it is asked for.
    pub(super) fn repeat(&self) {
        self.0.lock().phase = Phase::Repeating {
            until: Instant::now() + FRESH,
        };
    }

    /// Something may be different from now on: everything is read again.
    pub(super) fn forget(&self) {
        *self.0.lock() = Reads::default();
    }

    /// What an earlier read found of this object, or of its length (HEAD).
    pub(super) fn found(&self, location: &Path, head: bool) -> Option<Found> {
        self.0.lock().found(location, head)
    }

    /// Keeps the answer to a read of an object, if answers are kept.
    pub(super) async fn keep(&self, location: &Path, got: Result<GetResult>) -> Result<GetResult> {
        if !self.0.lock().keeps() {
            return got;
        }
        let found = match Found::of(got, MAX_BYTES).await {
            Ok(found) => found,
            Err(other) => return other,
        };
        let mut reads = self.0.lock();
        if reads.keeps() {
            reads.gets.insert(location.clone(), found.clone());
        }
        drop(reads);
        found.answer(location)
    }

    /// A list of what is in `store`, or what an earlier one found.
    pub(super) fn listed(
        &self,
        store: &dyn ObjectStore,
        prefix: Option<&Path>,
        after: Option<&Path>,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        let key = (prefix.cloned(), after.cloned());
        let mut reads = self.0.lock();
        if reads.repeats()
            && let Some(listed) = reads.lists.get(&key).cloned()
        {
            return futures::stream::iter(listed.into_iter().map(Ok)).boxed();
        }
        let keeps = reads.keeps();
        drop(reads);
        let listed = match after {
            Some(after) => store.list_with_offset(prefix, after),
            None => store.list(prefix),
        };
        if !keeps {
            return listed;
        }
        let reads = Arc::clone(&self.0);
        let kept = async move {
            let listed: Vec<ObjectMeta> = listed.try_collect().await?;
            let mut reads = reads.lock();
            if reads.keeps() {
                reads.lists.insert(key, listed.clone());
            }
            Ok::<_, Error>(futures::stream::iter(listed.into_iter().map(Ok)))
        };
        futures::stream::once(kept).try_flatten().boxed()
    }
}

impl Reads {
    fn keeps(&self) -> bool {
        self.phase == Phase::Keeping
    }

    fn repeats(&mut self) -> bool {
        let Phase::Repeating { until } = self.phase else {
            return false;
        };
        if Instant::now() >= until {
            *self = Self::default();
        }
        self.phase != Phase::Over
    }

    /// What an earlier read found of this object. For a HEAD, an earlier list of its folder says it.
    fn found(&mut self, location: &Path, head: bool) -> Option<Found> {
        if !self.repeats() {
            return None;
        }
        if !head {
            return self.gets.remove(location);
        }
        let (folder, _) = location.as_ref().rsplit_once('/')?;
        let folder = Some(Path::from(folder));
        let mut lists = self.lists.iter();
        let (_, listed) = lists.find(|((of, after), _)| {
            *of == folder && after.as_ref().is_none_or(|after| location > after)
        })?;
        let meta = listed.iter().find(|meta| meta.location == *location);
        Some(meta.map_or(Found::Nothing, |meta| Found::head(meta.clone())))
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use object_store::memory::InMemory;
    use object_store::{GetOptions, ObjectStoreExt};

    use super::super::OpeningReads;
    use super::*;

    const OBJECT: &str = "log/manifest/1";

    async fn put(store: &dyn ObjectStore, name: &str, content: &'static str) {
        store.put(&name.into(), content.into()).await.expect("put");
    }

    /// What is there, if it is.
    async fn get(store: &dyn ObjectStore, name: &str) -> Option<Bytes> {
        match store.get(&name.into()).await {
            Ok(got) => Some(got.bytes().await.expect("read")),
            Err(Error::NotFound { .. }) => None,
            Err(error) => panic!("{error}"),
        }
    }

    async fn listed(store: &dyn ObjectStore) -> usize {
        let listed = store.list(Some(&"log/manifest".into()));
        listed.try_collect::<Vec<_>>().await.expect("listed").len()
    }

    async fn listed_after(store: &dyn ObjectStore, after: &str) -> usize {
        let listed = store.list_with_offset(Some(&"log/wal".into()), &after.into());
        listed.try_collect::<Vec<_>>().await.expect("listed").len()
    }

    async fn is_there(store: &dyn ObjectStore, name: &str) -> bool {
        store.head(&name.into()).await.is_ok()
    }

    /// A store that repeats two reads, one of an object that was not there. Another process has written both since.
    async fn repeating() -> (Arc<InMemory>, OpeningReads) {
        let inner = Arc::new(InMemory::new());
        put(&*inner, OBJECT, "before").await;
        let store = OpeningReads::of(Arc::clone(&inner) as Arc<_>);
        assert_eq!(get(&store, OBJECT).await.as_deref(), Some(&b"before"[..]));
        assert_eq!(get(&store, "log/nothing").await, None);
        assert_eq!(listed(&store).await, 1);
        put(&*inner, OBJECT, "after").await;
        put(&*inner, "log/manifest/2", "after").await;
        put(&*inner, "log/nothing", "after").await;
        store.repeat();
        (inner, store)
    }

    #[tokio::test]
    async fn what_was_read_is_given_once_more() {
        let (_, store) = repeating().await;
        assert_eq!(listed(&store).await, 1);
        assert_eq!(get(&store, OBJECT).await.as_deref(), Some(&b"before"[..]));
        assert_eq!(get(&store, OBJECT).await.as_deref(), Some(&b"after"[..]));
        assert_eq!(get(&store, "log/nothing").await, None);
        assert!(get(&store, "log/nothing").await.is_some());
        assert!(is_there(&store, OBJECT).await);
        assert!(!is_there(&store, "log/manifest/2").await);
    }

    #[tokio::test]
    async fn a_list_says_only_of_what_is_behind_its_beginning_whether_it_is_there() {
        let inner = Arc::new(InMemory::new());
        let files = ["log/wal/1", "log/wal/2", "log/wal/3"];
        for name in &files[..2] {
            put(&*inner, name, "content").await;
        }
        let store = OpeningReads::of(Arc::clone(&inner) as Arc<_>);
        assert_eq!(listed_after(&store, files[0]).await, 1);
        for name in files {
            inner.delete(&name.into()).await.expect("deleted");
        }
        put(&*inner, files[2], "content").await;
        store.repeat();
        assert_eq!(listed_after(&store, files[0]).await, 1);
        assert_eq!(listed_after(&store, "log/wal/0").await, 1, "the new one");
        let found = [
            is_there(&store, files[0]).await,
            is_there(&store, files[1]).await,
            is_there(&store, files[2]).await,
        ];
        // The first one is looked for, the others were or were not listed.
        assert_eq!(found, [false, true, false]);
    }

    #[tokio::test]
    async fn after_a_write_everything_is_read_again() {
        let (_, store) = repeating().await;
        put(&store, "log/other", "content").await;
        assert_eq!(get(&store, OBJECT).await.as_deref(), Some(&b"after"[..]));
        assert_eq!(listed(&store).await, 2);
        assert!(is_there(&store, "log/manifest/2").await);
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_read_long_ago_is_read_again() {
        let (_, store) = repeating().await;
        tokio::time::advance(FRESH).await;
        assert_eq!(get(&store, OBJECT).await.as_deref(), Some(&b"after"[..]));
        assert_eq!(listed(&store).await, 2);
        assert!(is_there(&store, "log/manifest/2").await);
    }

    #[tokio::test]
    async fn a_part_of_an_object_or_what_depends_on_its_version_is_always_read() {
        let (inner, store) = repeating().await;
        let part = store.get_range(&OBJECT.into(), 0..3).await.expect("read");
        assert_eq!(part.as_ref(), b"aft");
        let now = inner.head(&OBJECT.into()).await.expect("there");
        let options = GetOptions {
            if_none_match: now.e_tag,
            ..GetOptions::default()
        };
        let got = store.get_opts(&OBJECT.into(), options).await;
        assert!(matches!(got, Err(Error::NotModified { .. })), "{got:?}");
    }

    #[tokio::test]
    async fn what_is_kept_is_dropped_when_it_is_not_wanted() {
        let inner = Arc::new(InMemory::new());
        put(&*inner, OBJECT, "before").await;
        let store = OpeningReads::of(Arc::clone(&inner) as Arc<_>);
        assert!(get(&store, OBJECT).await.is_some());
        put(&*inner, OBJECT, "after").await;
        store.forget();
        assert_eq!(get(&store, OBJECT).await.as_deref(), Some(&b"after"[..]));
    }
}
