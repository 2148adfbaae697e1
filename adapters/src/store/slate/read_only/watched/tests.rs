//! Polls as an engine makes them.

use std::time::Duration;

use log_domain::CommitFile;
use object_store::memory::InMemory;
use object_store::{GetRange, ObjectStoreExt};
use tokio::time::Instant;

use super::*;
use crate::store::slate::wal_files::WalFiles;

const SECOND: Duration = Duration::from_secs(1);

struct Reader {
    objects: Arc<InMemory>,
    watched: Arc<dyn ObjectStore>,
    polls: Arc<Polls>,
}

impl Reader {
    fn new() -> Self {
        let objects = Arc::new(InMemory::new());
        let polls = Polls::begin(WalFiles::of("log"), SECOND / 2);
        Self {
            watched: Watched::around(&polls, Arc::clone(&objects) as Arc<_>),
            objects,
            polls,
        }
    }

    fn file(&self, id: u64) -> Path {
        self.polls.wal.object(id)
    }

    async fn wrote(&self, id: u64, content: &'static str) {
        let put = self.objects.put(&self.file(id), content.into()).await;
        put.expect("put");
    }

    /// Asks as the engine does, for these files of the WAL.
    async fn poll(&self, files: &[u64]) {
        let newer = Path::from("log/manifest/00000000000000000002.manifest");
        let _none = self.watched.get(&newer).await;
        let _none = self.watched.head(&self.file(99)).await;
        for id in files {
            let _read = self.watched.get(&self.file(*id)).await;
        }
        tokio::time::advance(SECOND).await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_state_is_as_old_as_the_last_poll_that_reached_the_end() {
    let reader = Reader::new();
    reader.wrote(1, "rows").await;
    reader.poll(&[1]).await;
    reader.poll(&[]).await;
    assert_eq!(reader.polls.age(), 2 * SECOND);
    for _ in 0..5 {
        reader.poll(&[]).await;
        assert_eq!(reader.polls.age(), 2 * SECOND);
    }
    // One that never gets an answer to its first question is not over.
    tokio::time::advance(10 * SECOND).await;
    assert_eq!(reader.polls.age(), 12 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn polls_that_read_the_same_file_again_have_failed() {
    let reader = Reader::new();
    reader.wrote(1, "").await;
    reader.wrote(2, "rows").await;
    reader.poll(&[1, 2]).await;
    for again in 1..5 {
        reader.poll(&[2]).await;
        assert_eq!(reader.polls.age(), (again + 1) * SECOND);
    }
    reader.poll(&[]).await;
    reader.poll(&[]).await;
    assert_eq!(reader.polls.age(), 2 * SECOND);
    // A writer's first file is read again until the next one is there.
    for _ in 0..5 {
        reader.poll(&[1]).await;
        assert_eq!(reader.polls.age(), 2 * SECOND);
    }
    reader.poll(&[3]).await;
    reader.poll(&[]).await;
    assert!(reader.polls.age() > 2 * SECOND, "a file is missing");
}

#[tokio::test]
async fn nothing_is_written() {
    let reader = Reader::new();
    let path = reader.file(1);
    assert!(reader.watched.put(&path, "rows".into()).await.is_err());
    reader.wrote(1, "rows").await;
    assert!(reader.watched.delete(&path).await.is_err());
    assert!(reader.watched.copy(&path, &reader.file(2)).await.is_err());
    assert!(reader.objects.head(&path).await.is_ok());
}

impl Reader {
    /// Sends a file as the writer does.
    fn is_told(&self, id: u64, content: &'static str) {
        self.polls.fed.put(CommitFile {
            id,
            content: Some(content.into()),
        });
    }

    /// Asks as the engine does when it has read the WAL up to `read`, and reads what is there. Answers what it read.
    async fn engine_polls(&self, read: u64) -> Vec<(u64, String)> {
        let newer = Path::from("log/manifest/00000000000000000002.manifest");
        assert!(self.watched.get(&newer).await.is_err());
        let boundary = Path::from("log/gc/manifest.boundary");
        assert!(self.watched.get(&boundary).await.is_err());
        for probe in 0..8 {
            let file = self.file(read + (1 << probe));
            let _known = self.watched.head(&file).await;
        }
        let mut found = Vec::new();
        for id in read + 1.. {
            if self.watched.head(&self.file(id)).await.is_err() {
                return found;
            }
            let got = self.watched.get(&self.file(id)).await.expect("there");
            let content = got.bytes().await.expect("read");
            found.push((id, String::from_utf8_lossy(&content).into_owned()));
        }
        found
    }
}

fn of(id: u64, content: &str) -> Vec<(u64, String)> {
    vec![(id, content.to_owned())]
}

#[tokio::test(start_paused = true)]
async fn polls_from_memory_find_what_the_writer_sent_and_do_not_count() {
    let reader = Reader::new();
    reader.wrote(1, "one").await;
    assert_eq!(reader.engine_polls(0).await, of(1, "one"));
    reader.polls.fed.is_live();
    assert_eq!(reader.engine_polls(1).await, []);
    // One of another writer, which is not announced, and one that is sent but that the store does not have.
    reader.wrote(2, "hidden").await;
    assert_eq!(reader.engine_polls(1).await, []);
    let began = Instant::now();
    reader.is_told(2, "sent");
    tokio::time::advance(SECOND / 4).await;
    assert_eq!(reader.engine_polls(1).await, of(2, "sent"));
    assert_eq!(reader.polls.last_read(), 2);
    assert_eq!(reader.polls.age(), began.elapsed());
    assert_eq!(reader.engine_polls(2).await, []);
    assert_eq!(reader.polls.age(), began.elapsed(), "from memory");
    tokio::time::advance(SECOND / 4).await;
    assert_eq!(reader.engine_polls(2).await, []);
    assert_eq!(reader.polls.age(), began.elapsed(), "not known yet");
    reader.engine_polls(2).await;
    assert_eq!(reader.polls.age(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_file_that_a_poll_has_read_is_read_from_the_store_the_next_time() {
    let reader = Reader::new();
    reader.engine_polls(0).await;
    reader.polls.fed.is_live();
    reader.engine_polls(0).await;
    reader.wrote(1, "stored").await;
    reader.is_told(1, "damaged");
    assert_eq!(reader.engine_polls(0).await, of(1, "damaged"));
    // The engine could not use it.
    assert_eq!(reader.engine_polls(0).await, of(1, "stored"));
    assert_eq!(reader.polls.fed.held_bytes(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_file_in_memory_is_read_in_whole_and_in_parts_as_it_would_be_from_the_store() {
    let reader = Reader::new();
    let content = "0123456789";
    reader.is_told(3, content);
    let fed = reader.file(3);
    let stored = Path::from("log/wal/other");
    let put = reader.objects.put(&stored, content.into()).await;
    put.expect("put");
    let ranges = [
        None,
        Some(GetRange::Bounded(2..5)),
        Some(GetRange::Bounded(2..50)),
        Some(GetRange::Offset(7)),
        Some(GetRange::Suffix(3)),
        Some(GetRange::Bounded(10..12)),
    ];
    for range in ranges {
        let read = async |path: &Path| {
            let options = GetOptions {
                range: range.clone(),
                ..GetOptions::default()
            };
            let got = reader.watched.get_opts(path, options).await.ok()?;
            let (size, range) = (got.meta.size, got.range.clone());
            Some((size, range, got.bytes().await.expect("read")))
        };
        assert_eq!(read(&fed).await, read(&stored).await, "{range:?}");
    }
    let parts = [0..3, 4..10];
    assert_eq!(
        reader.watched.get_ranges(&fed, &parts).await.expect("read"),
        reader
            .watched
            .get_ranges(&stored, &parts)
            .await
            .expect("read")
    );
    assert_eq!(reader.watched.head(&fed).await.expect("there").size, 10);
}
