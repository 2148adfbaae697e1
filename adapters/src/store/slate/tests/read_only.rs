//! A reader that is not the writer: the log in a database that is opened for reading only.

use log_domain::conformance::{Fixture, Sides, run_readers};
use log_domain::{LogService, Stopped};
use parking_lot::RwLock;
use slatedb::config::DbReaderOptions;
use slatedb::{DbReader, DbReaderMode};

use super::super::cursors::Cursors;
use super::super::key_floors::FloorsOfKeys;
use super::super::key_names::KeyNames;
use super::super::read_several::MERGED_KEYS;
use super::super::stored_rows::all;
use super::*;
use crate::store::slate::layout::prefix::{ByKey, BySegment};
use crate::store::slate::layout::{cursors, segments, state};

/// How often the reader looks for what was written, and the writer flushes it.
const OFTEN: Duration = Duration::from_millis(5);
/// How long the reader may take to show what was acknowledged.
const LIMIT: Duration = Duration::from_secs(30);

/// A log as it is found in the object store, without a writer.
struct ReadOnly {
    db: Arc<DbReader>,
    /// What the last [`LogReader::check`] found.
    view: RwLock<View>,
    names: KeyNames,
}

#[derive(Clone, Default)]
struct View {
    watermarks: Watermarks,
    segments: Arc<Vec<Segment>>,
    floor: Sequence,
    key_floors: FloorsOfKeys,
    cursors: Arc<Cursors>,
}

impl ReadOnly {
    async fn open(objects: Arc<dyn ObjectStore>) -> Self {
        let filter = slatedb::BloomFilterPolicy::new(10)
            .with_prefix_extractor(Arc::new(ByKey))
            .with_whole_key_filtering(false);
        let options = DbReaderOptions {
            manifest_poll_interval: OFTEN,
            ..DbReaderOptions::default()
        };
        let db = DbReader::builder("log", objects)
            .with_reader_mode(DbReaderMode::FollowLatest)
            .with_options(options)
            .with_segment_extractor(Arc::new(BySegment))
            .with_filter_policies(vec![Arc::new(filter)])
            .build();
        let reader = Self {
            db: Arc::new(db.await.expect("opened for reading")),
            view: RwLock::default(),
            names: KeyNames::default(),
        };
        reader.check().await.expect("read");
        reader
    }

    fn view(&self) -> View {
        self.view.read().clone()
    }

    fn reader<'a>(&'a self, view: &'a View, of_key: Sequence) -> Reader<'a, DbReader> {
        Reader {
            db: &self.db,
            segments: Arc::clone(&view.segments),
            watermarks: view.watermarks,
            floor: view.floor.max(of_key),
            key_floors: &view.key_floors,
            key_names: &self.names,
        }
    }
}

impl Drop for ReadOnly {
    fn drop(&mut self) {
        let db = Arc::clone(&self.db);
        tokio::spawn(async move { db.close().await });
    }
}

impl LogReader for ReadOnly {
    async fn scan(&self, scan: &Scan) -> Result<Page> {
        let view = self.view();
        let time = PageTime::of(&scan.limit);
        let Selection::Key(key) = &scan.selection else {
            let prefixes = view.key_floors.prefixes().now();
            let of_key = |key: &Key| prefixes.of_key(key.as_ref());
            let reader = self.reader(&view, scan.selection.covering_floor(of_key));
            let page = reader.several(scan, &prefixes, MERGED_KEYS, time).await?;
            return Ok(page.expect("nothing goes"));
        };
        let floor = view.key_floors.of(&*self.db, key).await?;
        self.reader(&view, floor).scan(key, scan, time).await
    }

    async fn keys(&self, query: &KeysQuery) -> Result<KeysPage> {
        let view = self.view();
        self.reader(&view, Sequence::ZERO)
            .keys(query, PageTime::of(&query.limit))
            .await
    }

    async fn segments(&self, range: SequenceRange) -> Result<Vec<Segment>> {
        let view = self.view();
        let range = range.above(view.floor);
        Ok(overlapping(&view.segments, range.start(), range.end()).to_vec())
    }

    async fn count(&self, key: &Key, range: SequenceRange) -> Result<Counted> {
        let view = self.view();
        let floor = view.key_floors.of(&*self.db, key).await?;
        self.reader(&view, floor).count(key, range).await
    }

    async fn cursor(&self, name: &CursorName) -> Result<Option<Cursor>> {
        Ok(self.view().cursors.get(name))
    }

    async fn cursors(&self, query: &CursorsQuery) -> Result<CursorsPage> {
        Ok(self.view().cursors.list(query))
    }

    fn watermarks(&self) -> Watermarks {
        self.view().watermarks
    }

    fn floor(&self) -> Sequence {
        self.view().floor
    }

    fn prefix_floor(&self, key: &Key) -> Sequence {
        self.view().key_floors.prefixes().of(key)
    }

    fn status(&self) -> Status {
        Status {
            watermarks: self.watermarks(),
            ..Status::default()
        }
    }

    /// Reads the tip and the segments. The engine reports its durable number before its reads see that write, but each
    /// write updates the state row, whose number is therefore that of the last write that reads see.
    async fn check(&self) -> Result<()> {
        let row = self.db.get_key_value(state::key()).await;
        let row = row.map_err(error::read)?;
        let tip = EngineNumber::new(row.as_ref().map_or(0, |row| row.seq)).watermark();
        let state = row.map(|row| state::decode(&row.value)).transpose()?;
        let segments = all(&*self.db, segments::prefix(), segments::decode).await?;
        let cursors = all(&*self.db, cursors::prefix(), cursors::decode).await?;
        *self.view.write() = View {
            watermarks: Watermarks { tip, durable: tip },
            segments: Arc::new(segments),
            floor: state.unwrap_or_default().floor,
            key_floors: FloorsOfKeys::read(&*self.db).await?,
            cursors: Arc::new(Cursors::found(cursors)),
        };
        Ok(())
    }

    async fn stopped(&self) -> Stopped {
        std::future::pending().await
    }
}

/// A store that writes, and a separate reader of the same log.
struct WithReader(On);

impl Fixture for WithReader {
    type Writer = SlateStore;
    type Reader = ReadOnly;

    async fn open(&self, opening: Opening) -> Sides<SlateStore, ReadOnly> {
        let mut options = Options {
            seal: opening.seal,
            ..Options::default()
        };
        options.settings.flush_interval = Some(OFTEN);
        let writer = self.0.open_with(opening.clone(), options).await;
        let reader = ReadOnly::open(Arc::clone(&self.0.0)).await;
        (opening.service(writer), opening.service(reader))
    }

    async fn catch_up(&self, reader: &LogService<ReadOnly>, tip: Sequence, floor: Sequence) {
        let caught_up = async {
            loop {
                reader.check().await.expect("read");
                if reader.watermarks().tip >= tip && reader.floor() >= floor {
                    break;
                }
                tokio::time::sleep(OFTEN).await;
            }
        };
        let in_time = tokio::time::timeout(LIMIT, caught_up).await;
        in_time.expect("the reader shows what was acknowledged");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_opened_for_reading_conforms_as_a_reader() {
    run_readers(|| WithReader(On(Arc::new(InMemory::new())))).await;
}
