//! Backups of a log that is open, on object stores in memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use log_domain::{Clock, Deletion, Durability, Key, LogReader, LogWriter};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};

mod pins;

use super::*;
use crate::store::slate::tests::held_store::Held;
use crate::store::slate::tests::{CLOSE, batch, flush, open, values};
use crate::store::slate::{Error, Result, SlateStore};

/// A clock that is ahead by a second with each look, so that no two backups have the same name.
struct Ticking(AtomicU64);

impl Clock for Ticking {
    fn now_ms(&self) -> i64 {
        let ticks = self.0.fetch_add(1, Ordering::Relaxed);
        1_800_000_000_000 + 1_000 * ticks as i64
    }
}

/// A log that is open, and a repository for its backups.
struct Fixture {
    log: Arc<dyn ObjectStore>,
    store: SlateStore,
    backups: Arc<dyn ObjectStore>,
    repository: Repository,
    clock: Ticking,
}

impl Fixture {
    async fn new() -> Self {
        let log: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let backups: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        Self {
            store: open(&log).await,
            log,
            repository: Repository::new(Arc::clone(&backups), "a/b", "memory"),
            backups,
            clock: Ticking(AtomicU64::new(0)),
        }
    }

    async fn append(&self, value: &'static str) {
        let append = batch("k", &[value]);
        let appended = self.store.append(append, Durability::Durable).await;
        appended.expect("appended");
    }

    async fn flush(&self) {
        flush(&self.store).await;
    }

    fn source(&self) -> Source {
        Source {
            objects: Arc::clone(&self.log),
            path: "log".into(),
            wal: None,
        }
    }

    async fn back_up(&self) -> Result<Finished> {
        let never = std::future::pending();
        back_up(&self.source(), &self.repository, &self.clock, &(), never).await
    }

    async fn restore(&self, name: &str) -> Result<Arc<dyn ObjectStore>> {
        let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let to = Destination {
            objects: Arc::clone(&objects),
            path: "other/log".into(),
        };
        let manifest = self.repository.manifest(name).await?;
        restore(&self.repository, &manifest, &to, &()).await?;
        Ok(objects)
    }

    async fn values_in(&self, name: &str) -> Vec<String> {
        let objects = self.restore(name).await.expect("restored");
        let source = Source {
            objects: Arc::clone(&objects),
            path: "other/log".into(),
            wal: None,
        };
        // The garbage collector would look for what they name.
        let checkpoints = source.admin().list_checkpoints(None).await;
        assert_eq!(checkpoints.expect("listed"), []);
        let restored = super::super::tests::open_with(&objects, |options| {
            options.path = "other/log".into();
        });
        let restored = restored.await.expect("opened");
        let found = values(&restored, "k").await;
        let appended = restored.append(batch("k", &["more"]), Durability::Durable);
        let start = appended.await.expect("appended").start.get();
        assert!(found.iter().all(|(sequence, _)| *sequence < start));
        restored.check().await.expect("the log is there");
        restored.close(CLOSE).await.expect("closed");
        let text = |value: &bytes::Bytes| String::from_utf8_lossy(value).into_owned();
        found.iter().map(|(_, value)| text(value)).collect()
    }

    async fn flip(&self, name: &str) {
        let path = self.repository.object(name);
        let found = self.backups.get(&path).await.expect("there");
        let mut content = found.bytes().await.expect("read").to_vec();
        let middle = content.len() / 2;
        content[middle] ^= 1;
        self.backups.put(&path, content.into()).await.expect("put");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_has_what_was_durable_and_the_next_one_copies_only_what_is_new() {
    let fixture = Fixture::new().await;
    fixture.append("in a data file").await;
    fixture.flush().await;
    fixture.append("in the WAL").await;
    let first = fixture.back_up().await.expect("backed up");
    assert_eq!(first.copied, first.manifest.objects.len() as u64);

    fixture.append("later").await;
    let second = fixture.back_up().await.expect("backed up");
    let known = |object: &BackupObject| first.manifest.objects.contains(object);
    let new = second
        .manifest
        .objects
        .iter()
        .filter(|object| !known(object));
    // The file of the WAL, and the manifest.
    assert_eq!((second.copied, new.count()), (2, 2), "{second:?}");

    let names = fixture.repository.names().await.expect("listed");
    assert_eq!(names, [&first.manifest.name[..], &second.manifest.name[..]]);
    // The log did not lose its writer.
    fixture.append("after").await;
    fixture.store.check().await.expect("open");
    assert_eq!(
        fixture.values_in(&names[0]).await,
        ["in a data file", "in the WAL"]
    );
    assert_eq!(
        fixture.values_in(&names[1]).await,
        ["in a data file", "in the WAL", "later"]
    );
    // The checkpoint is gone.
    let checkpoints = fixture.source().admin().list_checkpoints(None).await;
    assert_eq!(checkpoints.expect("listed"), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_log_hides_what_was_deleted_before_the_backup() {
    let fixture = Fixture::new().await;
    fixture.append("1").await;
    fixture.flush().await;
    let earlier = fixture.back_up().await.expect("backed up");
    let deletion = Deletion {
        key: Key::stored("k".into()),
        before: None,
    };
    let floor = fixture.store.delete(deletion).await;
    assert_eq!(floor.expect("deleted").get(), 1);
    fixture.append("2").await;
    let later = fixture.back_up().await.expect("backed up");
    assert_eq!(fixture.values_in(&later.manifest.name).await, ["2"]);
    assert_eq!(fixture.values_in(&earlier.manifest.name).await, ["1"]);
    fixture.store.close(CLOSE).await.expect("closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_is_found_by_a_verification_and_is_not_restored() {
    let fixture = Fixture::new().await;
    fixture.append("value").await;
    let backup = fixture.back_up().await.expect("backed up").manifest;
    let verified = || verify(&fixture.repository, &backup, &());
    assert_eq!(verified().await.expect("read"), [""; 0]);
    let wal = backup
        .objects
        .iter()
        .rfind(|object| object.name.starts_with("wal/"));
    let wal = &wal.expect("a file").name;
    fixture.flip(wal).await;
    let found = verified().await.expect("read");
    assert!(
        matches!(&found[..], [line] if line.contains(wal) && line.contains("not what was copied")),
        "{found:?}"
    );
    let refused = fixture.restore(&backup.name).await;
    assert!(
        matches!(&refused, Err(Error::Corrupt(why)) if why.contains(wal)),
        "{refused:?}"
    );

    let object = fixture.repository.object(wal);
    fixture.backups.delete(&object).await.expect("deleted");
    let found = verified().await.expect("read");
    assert!(found[0].contains("missing"), "{found:?}");
    // The next backup copies it again, for both.
    fixture.back_up().await.expect("backed up");
    assert_eq!(verified().await.expect("read"), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prune_keeps_what_the_kept_backups_need() {
    let fixture = Fixture::new().await;
    for value in ["a", "b", "c"] {
        fixture.append(value).await;
        fixture.flush().await;
        fixture.back_up().await.expect("backed up");
    }
    let names = fixture.repository.names().await.expect("listed");
    let refused = prune(&fixture.repository, 0, &fixture.clock).await;
    assert!(matches!(refused, Err(Error::Invalid(_))), "{refused:?}");
    let pruned = prune(&fixture.repository, 2, &fixture.clock).await;
    let pruned = pruned.expect("pruned");
    assert_eq!(pruned.forgotten, names[..1]);
    assert!(pruned.deleted > 0, "{pruned:?}");
    assert_eq!(fixture.values_in(&names[1]).await, ["a", "b"]);
    assert_eq!(fixture.values_in(&names[2]).await, ["a", "b", "c"]);
    let again = prune(&fixture.repository, 2, &fixture.clock).await;
    assert_eq!(again.expect("pruned"), Pruned::default());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_finishes_during_a_prune_stays_whole() {
    let fixture = Fixture::new().await;
    fixture.append("a").await;
    fixture.flush().await;
    fixture.back_up().await.expect("backed up");
    fixture.append("b").await;
    fixture.flush().await;

    // The prune has asked which backups there are, and reads what they need.
    let held = Arc::new(Held::new(Arc::clone(&fixture.backups), "/backups/"));
    let pruned = Repository::new(held.clone(), "a/b", "memory");
    held.hold_next();
    let meanwhile = async {
        held.is_held().await;
        let finished = fixture.back_up().await.expect("backed up");
        held.release();
        finished.manifest.name
    };
    let (pruned, name) = tokio::join!(prune(&pruned, 1, &fixture.clock), meanwhile);
    assert_eq!(pruned.expect("pruned").forgotten, [""; 0]);
    assert_eq!(fixture.values_in(&name).await, ["a", "b"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_and_a_repository_are_for_one_log() {
    let fixture = Fixture::new().await;
    fixture.append("value").await;
    let backup = fixture.back_up().await.expect("backed up").manifest;
    let over = Destination {
        objects: Arc::clone(&fixture.log),
        path: "log".into(),
    };
    let refused = restore(&fixture.repository, &backup, &over, &()).await;
    assert!(
        matches!(&refused, Err(Error::Invalid(why)) if why.contains("empty")),
        "{refused:?}"
    );

    let other = fixture.restore(&backup.name).await.expect("restored");
    let source = Source {
        objects: Arc::clone(&other),
        path: "other/log".into(),
        wal: None,
    };
    let never = std::future::pending::<()>;
    let run = || back_up(&source, &fixture.repository, &fixture.clock, &(), never());
    let refused = run()
        .await
        .expect_err("no server has opened it")
        .to_string();
    assert!(refused.contains("no identity"), "{refused}");
    let opened = super::super::tests::open_with(&other, |options| {
        options.path = "other/log".into();
    });
    let opened = opened.await.expect("opened");
    let refused = run().await.expect_err("another log").to_string();
    assert!(refused.contains("another log"), "{refused}");
    opened.close(CLOSE).await.expect("closed");

    let nothing = Source {
        objects: Arc::new(InMemory::new()),
        ..source
    };
    let refused = back_up(&nothing, &fixture.repository, &fixture.clock, &(), never()).await;
    let refused = refused.expect_err("no log").to_string();
    assert!(refused.contains("there is no log"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_was_interrupted_is_not_listed_and_the_next_one_resumes_it() {
    let fixture = Fixture::new().await;
    for value in ["a", "b", "c", "d"] {
        fixture.append(value).await;
        fixture.flush().await;
    }
    let whole = fixture.back_up().await.expect("backed up");
    // As if it had been killed before its last step.
    let manifest = fixture
        .repository
        .path(&format!("backups/{}.json", whole.manifest.name));
    fixture.backups.delete(&manifest).await.expect("deleted");
    let identity = &whole.manifest.identity;
    let mut unfinished = super::unfinished::Unfinished::of(identity);
    let (copied, _not_recorded) = whole.manifest.objects.split_at(2);
    unfinished.copied = copied.to_vec();
    let written = unfinished.write(&fixture.repository, &fixture.clock).await;
    written.expect("written");

    assert_eq!(fixture.repository.names().await.expect("listed"), [""; 0]);
    let refused = prune(&fixture.repository, 1, &fixture.clock).await;
    let refused = refused.expect_err("it may run").to_string();
    assert!(refused.contains("is running"), "{refused}");
    // After a minute it does not run any more, and what it copied stays.
    fixture.clock.0.fetch_add(100, Ordering::Relaxed);
    let pruned = prune(&fixture.repository, 1, &fixture.clock).await;
    let kept = fixture.repository.stored(|_| true).await.expect("listed");
    assert_eq!(kept.len(), copied.len(), "{pruned:?}");

    let resumed = fixture.back_up().await.expect("backed up");
    let all = resumed.manifest.objects.len();
    assert_eq!(resumed.copied as usize, all - copied.len(), "{resumed:?}");
    assert_eq!(
        fixture.values_in(&resumed.manifest.name).await,
        ["a", "b", "c", "d"]
    );
    let left = fixture
        .backups
        .head(&Path::from("a/b/unfinished.json"))
        .await;
    assert!(
        matches!(left, Err(object_store::Error::NotFound { .. })),
        "{left:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_backup_is_the_last_one_although_the_clock_of_an_earlier_one_was_ahead() {
    let fixture = Fixture::new().await;
    let day = 24 * 60 * 60;
    fixture.clock.0.fetch_add(day, Ordering::Relaxed);
    fixture.append("first").await;
    let first = fixture.back_up().await.expect("backed up").manifest.name;
    fixture.clock.0.fetch_sub(day, Ordering::Relaxed);
    fixture.append("second").await;
    let second = fixture.back_up().await.expect("backed up").manifest;
    assert!(
        second.begun_ms < 1_800_000_000_000 + 1_000_000,
        "it tells the time as it was"
    );
    let names = fixture.repository.names().await.expect("listed");
    assert_eq!(names, [first, second.name]);
    let pruned = prune(&fixture.repository, 1, &fixture.clock).await;
    assert_eq!(pruned.expect("pruned").forgotten, names[..1]);
    assert_eq!(fixture.values_in(&names[1]).await, ["first", "second"]);
}

/// Deletes the files of the WAL when they are about to be copied, as the garbage collector does once `flushed`.
struct Collecting<'a> {
    fixture: &'a Fixture,
    flushed: bool,
    times: AtomicU64,
}

impl Progress for Collecting<'_> {
    fn stage(&self, what: &str, _bytes: u64) {
        if what != "copying WAL" || self.times.fetch_add(1, Ordering::Relaxed) > 0 {
            return;
        }
        tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(async {
                if self.flushed {
                    self.fixture.flush().await;
                }
                for file in self.fixture.source().wal_files().await.expect("listed") {
                    let path = Source::wal_file(&file).name;
                    let path = self.fixture.source().object(&path);
                    self.fixture.log.delete(&path).await.expect("deleted");
                }
            });
        });
    }
    fn advanced(&self, _bytes: u64) {}
    fn note(&self, _line: &str) {}
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_the_wal_that_are_collected_during_a_backup_are_not_needed_and_others_are() {
    for flushed in [true, false] {
        let fixture = Fixture::new().await;
        fixture.append("value").await;
        let progress = Collecting {
            fixture: &fixture,
            flushed,
            times: AtomicU64::new(0),
        };
        let never = std::future::pending();
        let source = fixture.source();
        let run = back_up(
            &source,
            &fixture.repository,
            &fixture.clock,
            &progress,
            never,
        )
        .await;
        match flushed {
            true => {
                let name = run.expect("backed up").manifest.name;
                assert_eq!(fixture.values_in(&name).await, ["value"]);
                assert_eq!(progress.times.load(Ordering::Relaxed), 2);
            }
            false => {
                let why = run.expect_err("damage").to_string();
                assert!(why.contains("missing, which the log needs"), "{why}");
            }
        }
        // The checkpoints of both attempts are gone.
        let checkpoints = source.admin().list_checkpoints(None).await;
        assert_eq!(checkpoints.expect("listed"), []);
    }
}
