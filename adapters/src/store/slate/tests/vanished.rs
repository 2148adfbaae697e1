//! A log that vanishes while it is open, and what is left of one before it is opened.

use futures::TryStreamExt;
use object_store::ObjectStoreExt;
use object_store::path::Path;

use super::*;

fn memory() -> Arc<dyn ObjectStore> {
    Arc::new(InMemory::new())
}

async fn names(objects: &Arc<dyn ObjectStore>) -> Vec<Path> {
    let listed = objects.list(None).map_ok(|meta| meta.location);
    listed.try_collect().await.expect("listed")
}

async fn delete(objects: &Arc<dyn ObjectStore>, part: &str) {
    for name in names(objects).await {
        if name.as_ref().contains(part) {
            objects.delete(&name).await.expect("deleted");
        }
    }
}

async fn content(objects: &Arc<dyn ObjectStore>, name: &Path) -> bytes::Bytes {
    let found = objects.get(name).await.expect("found");
    found.bytes().await.expect("read")
}

fn identity() -> Path {
    Path::from("log/identity")
}

async fn is_refused(objects: &Arc<dyn ObjectStore>, change: impl FnOnce(&mut Options), says: &str) {
    match open_with(objects, change).await {
        Err(Error::Invalid(why)) => assert!(why.contains(says), "{why}"),
        other => panic!("{:?}", other.map(drop)),
    }
}

#[tokio::test]
async fn a_log_has_an_identity_that_never_changes_and_one_without_gets_one() {
    let objects = memory();
    let named = |options: &mut Options| {
        options.instance = Some(Instance {
            name: "a".into(),
            take_over: false,
        });
    };
    let store = open_with(&objects, named).await.expect("opened");
    let first = content(&objects, &identity()).await;
    let text = std::str::from_utf8(&first).expect("text");
    assert!(text.starts_with(r#"{"version":1,"begun_ms":1"#), "{text}");
    assert!(text.ends_with(r#","instance":"a"}"#), "{text}");
    store.close(CLOSE).await.expect("closed");
    open(&objects).await.close(CLOSE).await.expect("closed");
    assert_eq!(content(&objects, &identity()).await, first);
    // As a server of an earlier version left it.
    objects.delete(&identity()).await.expect("deleted");
    let store = open(&objects).await;
    store.check().await.expect("there");
    store.close(CLOSE).await.expect("closed");
}

#[tokio::test]
async fn while_a_part_that_a_log_needs_is_gone_nothing_is_acknowledged_and_then_it_goes_on() {
    for each_flush in [true, false] {
        for part in ["identity", "manifest", "wal/"] {
            let objects = memory();
            let store = open_with(&objects, |options| options.verify_each_flush = each_flush);
            let store = store.await.expect("opened");
            let append = async || store.append(batch("k", &["v"]), Durability::Durable).await;
            append().await.expect("appended");
            let all = names(&objects).await.into_iter();
            let mut kept = Vec::new();
            for name in all.filter(|name| name.as_ref().contains(part)) {
                kept.push((content(&objects, &name).await, name));
            }
            delete(&objects, part).await;
            if each_flush {
                let outcome = append().await;
                assert!(
                    matches!(outcome, Err(Error::OutcomeUnknown { .. })),
                    "{outcome:?}"
                );
            }
            let why = store.check().await.expect_err("gone").to_string();
            assert!(
                why.contains("the log is gone") && why.contains(part),
                "{why}"
            );
            for durability in [Durability::Durable, Durability::Applied] {
                let refused = store.append(batch("k", &["v"]), durability).await;
                assert!(
                    matches!(refused, Err(Error::Unavailable { .. })),
                    "{refused:?}"
                );
            }
            for (content, name) in kept {
                objects.put(&name, content.into()).await.expect("put back");
            }
            store.check().await.expect("there again");
            append().await.expect("appended");
            let Watermarks { tip, durable } = store.watermarks();
            assert_eq!(tip, durable);
            store.close(CLOSE).await.expect("closed");
        }
    }
}

#[tokio::test]
async fn a_manifest_that_is_emptied_is_noticed_and_then_the_log_goes_on() {
    let objects = memory();
    let store = open(&objects).await;
    let append = async || store.append(batch("k", &["v"]), Durability::Durable).await;
    append().await.expect("appended");
    let all = names(&objects).await.into_iter();
    let manifests: Vec<_> = all
        .filter(|name| name.as_ref().contains("manifest"))
        .collect();
    let mut kept = Vec::new();
    for name in &manifests {
        kept.push(content(&objects, name).await);
        objects
            .put(name, bytes::Bytes::new().into())
            .await
            .expect("emptied");
    }
    let why = store.check().await.expect_err("gone").to_string();
    assert!(why.contains("was emptied"), "{why}");
    append().await.expect_err("refused");
    for (name, content) in manifests.iter().zip(kept) {
        objects.put(name, content.into()).await.expect("put back");
    }
    store.check().await.expect("there again");
    append().await.expect("appended");
    store.close(CLOSE).await.expect("closed");
}

#[tokio::test]
async fn another_log_in_its_place_is_noticed() {
    let objects = memory();
    let store = open(&objects).await;
    objects
        .put(&identity(), "another".into())
        .await
        .expect("put");
    let why = store.check().await.expect_err("gone").to_string();
    assert!(why.contains("the log was replaced"), "{why}");
}

#[tokio::test]
async fn a_manifest_that_was_collected_because_there_is_a_newer_one_is_not_missed() {
    let objects = memory();
    let store = open(&objects).await;
    delete(&objects, "manifest").await;
    store.check().await.expect_err("gone");
    let newer = Path::from("log/manifest/00000000000000000999.manifest");
    objects
        .put(&newer, "of another writer".into())
        .await
        .expect("put");
    assert!(store.presence.verify_manifest(7).await.is_ok());
    assert!(store.presence.verify_manifest(1_000).await.is_err());
}

#[tokio::test]
async fn where_there_is_no_log_none_is_begun_unless_it_may_and_parts_of_one_are_never_overwritten()
{
    let objects = memory();
    let never = |options: &mut Options| options.create = false;
    is_refused(&objects, never, "storage.create is `never`").await;
    assert!(names(&objects).await.is_empty());
    let store = open(&objects).await;
    store
        .append(batch("k", &["v"]), Durability::Durable)
        .await
        .expect("appended");
    store.close(CLOSE).await.expect("closed");
    let store = open_with(&objects, never).await.expect("there is one now");
    store.close(CLOSE).await.expect("closed");
    delete(&objects, "manifest").await;
    let before = names(&objects).await;
    is_refused(&objects, |_| {}, "it has no manifest any more").await;
    assert_eq!(names(&objects).await, before);
    delete(&objects, "").await;
    open(&objects).await;
}

fn with_wal_in(wal: &Arc<dyn ObjectStore>) -> impl Fn(&mut Options) + Copy {
    |options| {
        options.wal = Some(WalStore {
            objects: Arc::clone(wal),
            location: "s3://wal".into(),
        });
    }
}

#[tokio::test]
async fn a_log_whose_wal_was_emptied_is_not_opened_and_not_written_to() {
    let (objects, wal) = (memory(), memory());
    let with_wal = with_wal_in(&wal);
    let store = open_with(&objects, with_wal).await.expect("opened");
    assert_eq!(
        content(&wal, &identity()).await,
        content(&objects, &identity()).await
    );
    store
        .append(batch("k", &["v"]), Durability::Durable)
        .await
        .expect("appended");
    delete(&wal, "").await;
    store.check().await.expect_err("gone");
    drop(store);
    is_refused(&objects, with_wal, "its WAL is missing from s3://wal").await;

    // The other way round: the data's bucket was emptied, and the WAL's was not.
    let (objects, wal) = (memory(), memory());
    let with_wal = with_wal_in(&wal);
    let store = open_with(&objects, with_wal).await.expect("opened");
    store.close(CLOSE).await.expect("closed");
    delete(&objects, "").await;
    is_refused(&objects, with_wal, "there are parts of a log (log/wal)").await;
}

/// The files of the WAL that are not empty, the oldest first.
async fn wal_files(objects: &Arc<dyn ObjectStore>) -> Vec<Path> {
    let listed = objects.list(Some(&Path::from("log/wal")));
    let mut found: Vec<_> = listed.try_collect().await.expect("listed");
    found.retain(|meta| meta.size > 0);
    let mut found: Vec<_> = found.into_iter().map(|meta| meta.location).collect();
    found.sort();
    found
}

async fn append(store: &SlateStore, value: &'static str) -> u64 {
    let appended = store.append(batch("k", &[value]), Durability::Durable);
    appended.await.expect("appended").start.get()
}

#[tokio::test]
async fn a_file_of_the_wal_that_is_deleted_or_emptied_is_missed_until_it_is_back() {
    let objects = memory();
    let store = open(&objects).await;
    for value in ["a", "b", "c"] {
        append(&store, value).await;
    }
    let files = wal_files(&objects).await;
    for lost in files.iter().rev().take(2) {
        let kept = content(&objects, lost).await;
        for emptied in [false, true] {
            match emptied {
                true => drop(objects.put(lost, "".into()).await.expect("emptied")),
                false => objects.delete(lost).await.expect("deleted"),
            }
            let why = store.check().await.expect_err("gone").to_string();
            assert!(why.contains(lost.as_ref()), "{why}");
            objects.put(lost, kept.clone().into()).await.expect("put");
            store.check().await.expect("there again");
        }
    }
    store.close(CLOSE).await.expect("closed");
}

#[tokio::test]
async fn files_of_the_wal_that_are_in_data_files_are_not_missed() {
    let objects = memory();
    let store = open(&objects).await;
    append(&store, "a").await;
    flush(&store).await;
    delete(&objects, "wal/").await;
    store.check().await.expect("not needed");
}

#[tokio::test]
async fn a_log_that_lost_files_of_its_wal_is_not_opened_and_gives_no_sequence_again_when_it_may() {
    // Stopped cleanly, or killed with what is written down some appends behind.
    for clean in [true, false] {
        for emptied in [true, false] {
            let objects = memory();
            let store = open(&objects).await;
            append(&store, "a").await;
            let noted = async || objects.head(&Path::from("log/watermark")).await.is_err();
            while noted().await {
                tokio::task::yield_now().await;
            }
            let last = append(&store, "b").await;
            if clean {
                store.close(CLOSE).await.expect("closed");
            }
            drop(store);
            for file in wal_files(&objects).await {
                match emptied {
                    true => drop(objects.put(&file, "".into()).await.expect("emptied")),
                    false => objects.delete(&file).await.expect("deleted"),
                }
            }
            let ends = if clean {
                "up to sequence 2"
            } else {
                "up to sequence 1"
            };
            is_refused(&objects, |_| {}, ends).await;
            is_refused(&objects, |_| {}, "what is left of it ends at 0").await;
            let (is, lost) = (
                Path::from("log/watermark"),
                Path::from("log/watermark-lost"),
            );
            objects.rename(&is, &lost).await.expect("renamed");
            for _ in 0..2 {
                let store = open(&objects).await;
                let next = append(&store, "c").await;
                assert!(next > last + 1_000_000, "{next}");
                store.close(CLOSE).await.expect("closed");
            }
        }
    }
}

#[tokio::test]
async fn a_log_of_whose_wal_a_file_in_the_middle_was_emptied_is_not_opened_unless_it_may() {
    let objects = memory();
    // Killed twice: the second server fenced the first with a file that is empty, as it must be.
    for round in [["a", "b", "c"], ["d", "e", "f"]] {
        let store = open(&objects).await;
        for value in round {
            append(&store, value).await;
        }
        drop(store);
    }
    let (is, accepted) = (
        Path::from("log/watermark"),
        Path::from("log/watermark-lost"),
    );
    while objects.head(&is).await.is_err() {
        tokio::task::yield_now().await;
    }
    // As they left it; they are still there, and could write.
    let killed = copied(&objects).await;
    let files = wal_files(&killed).await;
    let mut opened = Vec::new();
    for lost in &files[..files.len() - 1] {
        let objects = copied(&killed).await;
        objects.put(lost, "".into()).await.expect("emptied");
        match open_with(&objects, |_| {}).await {
            Err(Error::Invalid(why)) => {
                let says = "acknowledged records are missing: log/wal/";
                assert!(why.contains(says), "{why}");
            }
            Err(other) => panic!("{lost}: {other}"),
            Ok(_) => opened.push(lost),
        }
        objects.rename(&is, &accepted).await.expect("renamed");
        let store = open(&objects).await;
        append(&store, "g").await;
        store.close(CLOSE).await.expect("closed");
        open(&objects).await.close(CLOSE).await.expect("closed");
    }
    // The last one before a fence is taken for another fence.
    assert!(opened.len() <= 1, "{opened:?} of {files:?}");
}

/// A store with the same objects.
async fn copied(objects: &Arc<dyn ObjectStore>) -> Arc<dyn ObjectStore> {
    let copy = memory();
    for name in names(objects).await {
        let content = content(objects, &name).await;
        copy.put(&name, content.into()).await.expect("copied");
    }
    copy
}

#[tokio::test(start_paused = true)]
async fn how_far_the_log_is_durable_is_written_once_a_minute_and_when_it_is_closed() {
    let objects = memory();
    let store = open(&objects).await;
    let object = Path::from("log/watermark");
    let is = async || content(&objects, &object).await;
    append(&store, "a").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let first = is().await;
    assert_eq!(first, r#"{"version":1,"durable":1}"#);
    append(&store, "b").await;
    tokio::time::sleep(Duration::from_secs(50)).await;
    assert_eq!(is().await, first);
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(is().await, r#"{"version":1,"durable":2}"#);
    append(&store, "c").await;
    store.close(CLOSE).await.expect("closed");
    assert_eq!(is().await, r#"{"version":1,"durable":3}"#);
}

#[tokio::test]
async fn a_close_over_a_log_that_is_gone_is_short_and_says_what_was_written() {
    for (pending, says) in [
        (false, "nothing else was acknowledged"),
        (true, "1 records from sequence 1 on"),
    ] {
        let objects = memory();
        let store = open_with(&objects, |options| options.verify_each_flush = true);
        let store = store.await.expect("opened");
        append(&store, "a").await;
        delete(&objects, "identity").await;
        if pending {
            let outcome = store.append(batch("k", &["b"]), Durability::Durable).await;
            assert!(matches!(outcome, Err(Error::OutcomeUnknown { .. })));
        }
        store.check().await.expect_err("gone");
        let began = Instant::now();
        let why = store.close(CLOSE).await.expect_err("gone").to_string();
        assert!(began.elapsed() < CLOSE / 4, "{:?}", began.elapsed());
        assert!(
            why.contains("the log is gone") && why.contains(says),
            "{why}"
        );
    }
}
