//! What is read next, asked for together with what is read now.
//!
//! - After a manifest, the storage engine reads the boundary of the garbage collector.
//! - It asks how long a file of the WAL is (HEAD), and then reads it: a small one is read instead.
//! - It reads the end of a data file, where its index is, and then what is before that.
//!
//! Files do not change, and a boundary only rises: its last read before a write may be earlier than that of the manifest by the time of one request.
//! The engine writes on the condition that nobody else has written, and reads the boundary once more after that, which is always asked for.

use std::collections::HashMap;
use std::ops::Range;

use bytes::Bytes;
use object_store::path::Path;
use object_store::{
    GetOptions, GetRange, GetResult, ObjectMeta, ObjectStore, ObjectStoreExt, Result,
};
use parking_lot::Mutex;
use tokio::time::Instant;

use super::FRESH;
use super::found::{Found, is_plain, is_unconditional};

/// A boundary has fewer bytes.
const MAX_BOUNDARY: u64 = 1 << 10;

/// Files of the WAL with more bytes are not read before they are wanted.
const MAX_FILE: u64 = 512 << 10;

/// So much is read of the end of a data file.
const END: u64 = 64 << 10;

/// So many bytes are kept in all.
const MAX_KEPT: u64 = 4 << 20;

/// What was read before it is wanted, until the log is open.
#[derive(Debug)]
pub(super) struct ReadsAhead(Mutex<Option<Read>>);

#[derive(Debug, Default)]
struct Read {
    /// How many writes have begun or ended.
    writes: u64,
    boundaries: HashMap<Path, (Instant, Found)>,
    files: HashMap<Path, Piece>,
    bytes: u64,
    /// Whether a file of the WAL was too large to be read before it is wanted: so are others, probably.
    has_large: bool,
}

/// A part of a file.
#[derive(Debug)]
struct Piece {
    meta: ObjectMeta,
    from: u64,
    bytes: Bytes,
    /// What was wanted of it last. Who wants it again has found that it is damaged.
    given: Option<Range<u64>>,
}

impl ReadsAhead {
    /// Of an opening that begins now.
    pub(super) fn begin() -> Self {
        Self(Mutex::new(Some(Read::default())))
    }

    /// Nothing is read any more before it is wanted.
    pub(super) fn end(&self) {
        *self.0.lock() = None;
    }

    /// Something is or was written: a boundary that was asked for before may be wrong.
    pub(super) fn writes(&self) {
        if let Some(read) = &mut *self.0.lock() {
            read.writes += 1;
            read.boundaries.clear();
        }
    }

    /// What is in `store`, or was read of it before.
    pub(super) async fn get(
        &self,
        store: &dyn ObjectStore,
        location: &Path,
        options: GetOptions,
    ) -> Result<GetResult> {
        if self.0.lock().is_none() || !is_unconditional(&options) {
            return store.get_opts(location, options).await;
        }
        match (&options.range, options.head) {
            (None, true) if is_of_wal(location) => self.file_of_wal(store, location, options).await,
            (Some(GetRange::Bounded(wanted)), false) if is_file(location) => {
                let wanted = wanted.clone();
                match self.kept(location, &wanted) {
                    Some(found) => found.answer(location),
                    None => self.part(store, location, wanted, options).await,
                }
            }
            _ if is_plain(&options) && !options.head => {
                if let Some(found) = self.boundary(location) {
                    return found.answer(location);
                }
                match boundary_of(location) {
                    Some(boundary) => self.manifest(store, location, options, boundary).await,
                    None => store.get_opts(location, options).await,
                }
            }
            _ => store.get_opts(location, options).await,
        }
    }

    fn boundary(&self, location: &Path) -> Option<Found> {
        let mut read = self.0.lock();
        let (since, found) = read.as_mut()?.boundaries.remove(location)?;
        (since.elapsed() < FRESH).then_some(found)
    }

    /// A manifest, and at the same time the boundary that is read after it.
    async fn manifest(
        &self,
        store: &dyn ObjectStore,
        location: &Path,
        options: GetOptions,
        boundary: Path,
    ) -> Result<GetResult> {
        let since = Instant::now();
        let writes = self.0.lock().as_ref().map(|read| read.writes);
        let (manifest, found) =
            futures::join!(store.get_opts(location, options), store.get(&boundary),);
        if let Ok(found) = Found::of(found, MAX_BOUNDARY).await
            && let Some(read) = &mut *self.0.lock()
            && writes == Some(read.writes)
        {
            read.boundaries.insert(boundary, (since, found));
        }
        manifest
    }

    /// How long a file of the WAL is. A small one is read.
    async fn file_of_wal(
        &self,
        store: &dyn ObjectStore,
        location: &Path,
        options: GetOptions,
    ) -> Result<GetResult> {
        if self.0.lock().as_ref().is_none_or(|read| read.has_large) {
            return store.get_opts(location, options).await;
        }
        let got = store.get(location).await?;
        let meta = got.meta.clone();
        if meta.size <= MAX_FILE {
            let bytes = got.bytes().await?;
            let piece = Piece {
                meta: meta.clone(),
                from: 0,
                bytes,
                given: None,
            };
            self.keep(location, piece);
        } else if let Some(read) = &mut *self.0.lock() {
            read.has_large = true;
        }
        Found::head(meta).answer(location)
    }

    /// A part of a file, and what is before it.
    async fn part(
        &self,
        store: &dyn ObjectStore,
        location: &Path,
        wanted: Range<u64>,
        options: GetOptions,
    ) -> Result<GetResult> {
        let from = wanted.end.saturating_sub(END);
        if wanted.start <= from {
            return store.get_opts(location, options).await;
        }
        let options = GetOptions {
            range: Some(GetRange::Bounded(from..wanted.end)),
            ..options
        };
        let got = store.get_opts(location, options).await?;
        let (meta, range) = (got.meta.clone(), got.range.clone());
        let piece = Piece {
            meta,
            from: range.start,
            bytes: got.bytes().await?,
            given: Some(wanted.clone()),
        };
        match piece.part(&wanted) {
            Some(found) => {
                self.keep(location, piece);
                found.answer(location)
            }
            // It ends before that.
            None => {
                let options = GetOptions::new().with_range(Some(wanted));
                store.get_opts(location, options).await
            }
        }
    }

    fn kept(&self, location: &Path, wanted: &Range<u64>) -> Option<Found> {
        let mut read = self.0.lock();
        let read = read.as_mut()?;
        let piece = read.files.get_mut(location)?;
        let found = piece.part(wanted)?;
        let is_wanted_again = piece.given.replace(wanted.clone()).as_ref() == Some(wanted);
        // Its end was read before its beginning.
        if is_wanted_again || wanted.start == piece.from {
            read.forget(location);
        }
        (!is_wanted_again).then_some(found)
    }

    fn keep(&self, location: &Path, piece: Piece) {
        let Some(read) = &mut *self.0.lock() else {
            return;
        };
        read.forget(location);
        let more = piece.bytes.len() as u64;
        if read.bytes + more <= MAX_KEPT {
            read.bytes += more;
            read.files.insert(location.clone(), piece);
        }
    }
}

impl Read {
    fn forget(&mut self, location: &Path) {
        if let Some(piece) = self.files.remove(location) {
            self.bytes -= piece.bytes.len() as u64;
        }
    }
}

impl Piece {
    /// This part of the file, if it is in the piece.
    fn part(&self, wanted: &Range<u64>) -> Option<Found> {
        let from = usize::try_from(wanted.start.checked_sub(self.from)?).ok()?;
        let to = usize::try_from(wanted.end.checked_sub(self.from)?).ok()?;
        let is_inside = from <= to && to <= self.bytes.len();
        is_inside.then(|| Found::Object {
            meta: self.meta.clone(),
            range: wanted.clone(),
            attributes: Default::default(),
            bytes: self.bytes.slice(from..to),
        })
    }
}

/// The boundary that is read after this object, if it is a manifest.
fn boundary_of(location: &Path) -> Option<Path> {
    let (folder, _) = location
        .as_ref()
        .strip_suffix(".manifest")?
        .rsplit_once('/')?;
    let log = folder.strip_suffix("manifest")?;
    Some(Path::from(format!("{log}gc/manifest.boundary")))
}

/// Whether this is a file of the WAL or of data.
fn is_file(location: &Path) -> bool {
    location.as_ref().ends_with(".sst")
}

fn is_of_wal(location: &Path) -> bool {
    let folder = location.as_ref().rsplit('/').nth(1);
    is_file(location) && folder == Some("wal")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use object_store::memory::InMemory;
    use object_store::throttle::{ThrottleConfig, ThrottledStore};

    use super::super::OpeningReads;
    use super::*;

    const MANIFEST: &str = "log/manifest/00000000000000000007.manifest";
    const BOUNDARY: &str = "log/gc/manifest.boundary";
    const WAL: &str = "log/wal/00000000000000000003.sst";
    const DATA: &str = "log/compacted/1.sst";

    /// How long a read takes.
    const LATER: Duration = Duration::from_millis(20);

    async fn put(store: &dyn ObjectStore, name: &str, content: &'static [u8]) {
        let content = Bytes::from_static(content);
        store.put(&name.into(), content.into()).await.expect("put");
    }

    /// A store in which each read takes its time.
    async fn stored(objects: &[(&str, &'static [u8])]) -> (Arc<dyn ObjectStore>, OpeningReads) {
        let objects_in = Arc::new(InMemory::new());
        for (name, content) in objects {
            put(&*objects_in, name, content).await;
        }
        let config = ThrottleConfig {
            wait_get_per_call: LATER,
            ..ThrottleConfig::default()
        };
        let inner: Arc<dyn ObjectStore> = objects_in;
        let slow = Arc::new(ThrottledStore::new(Arc::clone(&inner), config));
        (inner, OpeningReads::of(slow))
    }

    async fn get(store: &OpeningReads, name: &str) -> Option<Bytes> {
        match store.get(&name.into()).await {
            Ok(got) => Some(got.bytes().await.expect("read")),
            Err(object_store::Error::NotFound { .. }) => None,
            Err(error) => panic!("{error}"),
        }
    }

    async fn part(store: &OpeningReads, name: &str, range: Range<u64>) -> Bytes {
        let name = name.into();
        let read = store.get_range(&name, range);
        read.await.expect("read")
    }

    /// What a read answers, and for how many reads of the store it waited.
    async fn waits<T>(read: impl Future<Output = T>) -> (T, u128) {
        let began = Instant::now();
        let answer = read.await;
        (answer, began.elapsed().as_millis() / LATER.as_millis())
    }

    #[tokio::test(start_paused = true)]
    async fn the_boundary_comes_with_the_manifest_and_is_given_once() {
        for boundary in [None, Some(&b"5"[..])] {
            let there = boundary.map(|content| (BOUNDARY, content));
            let objects: Vec<_> = there.into_iter().collect();
            let (_, store) = stored(&objects).await;
            // The storage engine reads the next manifest, which is not there yet.
            assert_eq!(waits(get(&store, MANIFEST)).await, (None, 1));
            let wanted = boundary.map(Bytes::from_static);
            assert_eq!(waits(get(&store, BOUNDARY)).await, (wanted.clone(), 0));
            assert_eq!(waits(get(&store, BOUNDARY)).await, (wanted, 1));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_boundary_is_asked_for_after_a_write() {
        let (inner, store) = stored(&[(MANIFEST, b"7"), (BOUNDARY, b"5")]).await;
        get(&store, MANIFEST).await.expect("there");
        put(&*inner, BOUNDARY, b"8").await;
        put(&store, "log/manifest/00000000000000000008.manifest", b"8").await;
        assert_eq!(get(&store, BOUNDARY).await.as_deref(), Some(&b"8"[..]));
        // Also if it was asked for before the write, and the answer comes later.
        let write = async {
            put(&*inner, BOUNDARY, b"9").await;
            put(&store, "log/manifest/00000000000000000009.manifest", b"9").await;
        };
        futures::join!(get(&store, MANIFEST), write);
        assert_eq!(waits(get(&store, BOUNDARY)).await.1, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn an_old_boundary_is_asked_for_again() {
        let (_, store) = stored(&[(MANIFEST, b"7"), (BOUNDARY, b"5")]).await;
        get(&store, MANIFEST).await.expect("there");
        tokio::time::advance(FRESH).await;
        assert_eq!(waits(get(&store, BOUNDARY)).await.1, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_small_file_of_the_wal_is_read_when_its_length_is_asked_for() {
        let (_, store) = stored(&[(WAL, b"0123456789"), (DATA, b"0123456789")]).await;
        let (found, waited) = waits(store.head(&WAL.into())).await;
        assert_eq!((found.expect("there").size, waited), (10, 1));
        assert_eq!(waits(part(&store, WAL, 7..10)).await, ("789".into(), 0));
        assert_eq!(waits(part(&store, WAL, 0..7)).await, ("0123456".into(), 0));
        assert_eq!(waits(part(&store, WAL, 0..7)).await, ("0123456".into(), 1));
        assert_eq!(
            store.ahead.0.lock().as_ref().map(|read| read.bytes),
            Some(0)
        );
        store.head(&DATA.into()).await.expect("there");
        assert_eq!(waits(part(&store, DATA, 0..7)).await.1, 1);
        let missing = store.head(&"log/wal/4.sst".into()).await;
        assert!(matches!(missing, Err(object_store::Error::NotFound { .. })));
    }

    #[tokio::test(start_paused = true)]
    async fn a_file_is_kept_only_if_it_is_small_and_not_too_much_is_kept() {
        const LARGE: &[u8] = &[1; MAX_FILE as usize + 1];
        let (inner, store) = stored(&[(WAL, LARGE)]).await;
        let found = store.head(&WAL.into()).await.expect("there");
        assert_eq!(found.size, MAX_FILE + 1);
        assert_eq!(waits(part(&store, WAL, 0..7)).await.1, 1);
        // Others are not read either.
        put(&*inner, "log/wal/4.sst", b"0123456789").await;
        store.head(&"log/wal/4.sst".into()).await.expect("there");
        assert_eq!(waits(part(&store, "log/wal/4.sst", 0..7)).await.1, 1);
        *store.ahead.0.lock() = Some(Read::default());
        let many = 2 * MAX_KEPT / MAX_FILE;
        for number in 0..many {
            let name = format!("log/wal/{number}.sst");
            put(&*inner, &name, &LARGE[1..]).await;
            store.head(&name.into()).await.expect("there");
        }
        let kept = store.ahead.0.lock().as_ref().map(|read| read.bytes);
        assert_eq!(kept, Some(MAX_KEPT));
        store.end();
        assert_eq!(waits(part(&store, "log/wal/0.sst", 0..7)).await.1, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_before_the_end_of_a_data_file_is_read_with_it() {
        const LARGE: &[u8] = &[1; 2 * END as usize];
        const ALL: u64 = 2 * END;
        let (_, store) = stored(&[(DATA, b"0123456789"), ("log/compacted/2.sst", LARGE)]).await;
        assert_eq!(waits(part(&store, DATA, 6..10)).await, ("6789".into(), 1));
        assert_eq!(waits(part(&store, DATA, 0..6)).await, ("012345".into(), 0));
        // What is asked for once more was damaged.
        assert_eq!(waits(part(&store, DATA, 6..10)).await.1, 1);
        assert_eq!(waits(part(&store, DATA, 6..10)).await.1, 1);
        let large = "log/compacted/2.sst";
        assert_eq!(waits(part(&store, large, ALL - 4..ALL)).await.1, 1);
        assert_eq!(waits(part(&store, large, ALL - 9..ALL - 4)).await.1, 0);
        assert_eq!(waits(part(&store, large, 0..9)).await.1, 1);
        // A part that is larger than what is read of the end.
        assert_eq!(part(&store, large, 1..ALL).await.len() as u64, ALL - 1);
        // A file that ends before what is asked for.
        assert_eq!(part(&store, DATA, 4..99).await, "456789");
    }

    #[tokio::test(start_paused = true)]
    async fn when_the_log_is_open_everything_is_asked_for() {
        let (_, store) = stored(&[(MANIFEST, b"7"), (BOUNDARY, b"5"), (WAL, b"0123456789")]).await;
        get(&store, MANIFEST).await.expect("there");
        store.head(&WAL.into()).await.expect("there");
        store.end();
        assert_eq!(waits(get(&store, BOUNDARY)).await.1, 1);
        assert_eq!(waits(part(&store, WAL, 0..7)).await.1, 1);
        get(&store, MANIFEST).await.expect("there");
        assert_eq!(waits(get(&store, BOUNDARY)).await.1, 1);
    }
}
