//! Conditional replacement, one server at a time, and folders that go away.

use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{
    Error as Failure, ObjectStoreExt, PutMode, PutOptions, PutPayload, UpdateVersion,
};
use tempfile::TempDir;

use super::*;
use crate::lost_store::Gone;

type Outcome<T> = std::result::Result<T, Failure>;

async fn open(folder: &TempDir) -> Arc<dyn ObjectStore> {
    open_with(folder, true).await
}

async fn open_with(folder: &TempDir, sync: bool) -> Arc<dyn ObjectStore> {
    let opening = Folder {
        sync,
        ..Folder::new(folder.path())
    };
    opening.open().await.expect("opened")
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

async fn put(store: &Arc<dyn ObjectStore>, mode: PutMode, content: &str) -> Outcome<UpdateVersion> {
    let payload = PutPayload::from(content.to_owned());
    let location = object();
    let put = store.put_opts(&location, payload, PutOptions::from(mode));
    put.await.map(UpdateVersion::from)
}

fn object() -> Path {
    Path::from("log/gc/manifest.boundary")
}

async fn content(store: &Arc<dyn ObjectStore>) -> String {
    let found = store.get(&object()).await.expect("found");
    let bytes = found.bytes().await.expect("read");
    String::from_utf8(bytes.to_vec()).expect("text")
}

#[tokio::test]
async fn an_object_is_replaced_if_it_is_as_it_was_read_and_only_then() {
    for sync in [true, false] {
        let folder = folder();
        is_replaced_on_a_condition(open_with(&folder, sync).await).await;
    }
}

async fn is_replaced_on_a_condition(store: Arc<dyn ObjectStore>) {
    let absent = UpdateVersion {
        e_tag: Some("\"1\"".into()),
        version: None,
    };
    let failure = put(&store, PutMode::Update(absent), "0").await.unwrap_err();
    assert!(matches!(failure, Failure::Precondition { .. }), "{failure}");

    let first = put(&store, PutMode::Create, "1").await.unwrap();
    let meta = store.head(&object()).await.unwrap();
    assert_eq!(meta.e_tag, first.e_tag, "what was read is what was written");
    let second = put(&store, PutMode::Update(first.clone()), "2")
        .await
        .unwrap();
    let failure = put(&store, PutMode::Update(first), "3").await.unwrap_err();
    assert!(matches!(failure, Failure::Precondition { .. }), "{failure}");
    assert_eq!(content(&store).await, "2");
    put(&store, PutMode::Update(second), "3").await.unwrap();
    assert_eq!(content(&store).await, "3");
    let without = UpdateVersion {
        e_tag: None,
        version: None,
    };
    put(&store, PutMode::Update(without), "4")
        .await
        .unwrap_err();
    assert_eq!(content(&store).await, "3");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_that_replace_the_same_object_at_the_same_time_one_succeeds() {
    for sync in [true, false] {
        let folder = folder();
        one_of_many_replaces(open_with(&folder, sync).await).await;
    }
}

async fn one_of_many_replaces(store: Arc<dyn ObjectStore>) {
    let mut version = put(&store, PutMode::Create, "begun").await.unwrap();
    for round in 0..20 {
        let contents: Vec<_> = (0..8).map(|writer| format!("{round}-{writer}")).collect();
        let puts = contents.iter().map(|content| {
            let (store, mode) = (Arc::clone(&store), PutMode::Update(version.clone()));
            let content = content.clone();
            tokio::spawn(async move { put(&store, mode, &content).await })
        });
        let outcomes: Vec<_> = futures::future::join_all(puts.collect::<Vec<_>>()).await;
        let outcomes = outcomes.into_iter().map(|outcome| outcome.unwrap());
        let mut winners: Vec<_> = outcomes
            .zip(&contents)
            .filter_map(|(outcome, content)| Some((outcome.ok()?, content)))
            .collect();
        assert_eq!(winners.len(), 1, "in round {round}");
        let (won, written) = winners.remove(0);
        assert_eq!(&content(&store).await, written);
        version = won;
    }
}

#[tokio::test]
async fn a_folder_has_one_server_until_its_store_is_dropped() {
    let folder = folder();
    let store = open(&folder).await;
    let refused = Folder::new(folder.path())
        .open()
        .await
        .expect_err("refused");
    let told = refused.to_string();
    let path = folder.path().display().to_string();
    for part in [&path, &std::process::id().to_string(), "--take-over"] {
        assert!(told.contains(part), "{told:?} does not say {part}");
    }
    drop(store);
    open(&folder).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_took_a_folder_over_locks_it_as_soon_as_the_one_before_is_gone() {
    let folder = folder();
    let before = open(&folder).await;
    let taking = Folder {
        take_over: true,
        ..Folder::new(folder.path())
    };
    let after = taking.open().await.expect("taken over");
    put(&after, PutMode::Create, "by the new one")
        .await
        .expect("written");
    drop(before);
    // The lock is waited for on another thread.
    let refused = async || Folder::new(folder.path()).open().await.is_err();
    for _ in 0..1_000 {
        if refused().await {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    assert!(refused().await, "nobody holds the folder");
    put(&after, PutMode::Overwrite, "still")
        .await
        .expect("written");
}

/// Everything that a store is asked for fails with `Gone`, and nothing is written.
async fn is_gone(store: &Arc<dyn ObjectStore>, other: &std::path::Path) {
    let before = files(other);
    let put = put(store, PutMode::Overwrite, "lost").await.unwrap_err();
    let get = store.get(&object()).await.unwrap_err();
    let list: Outcome<Vec<_>> = store.list(None).try_collect().await;
    let delete = store.delete(&object()).await.unwrap_err();
    for failure in [put, get, list.unwrap_err(), delete] {
        assert!(Gone::cause(&failure).is_some(), "{failure:?}");
    }
    assert_eq!(files(other), before, "nothing goes to what is there now");
}

fn files(folder: &std::path::Path) -> usize {
    std::fs::read_dir(folder).map_or(0, Iterator::count)
}

#[tokio::test]
async fn nothing_is_written_to_another_folder_that_appears_at_the_path() {
    let above = folder();
    let path = above.path().join("data");
    let aside = above.path().join("aside");
    let store = Folder::new(&path).open().await.expect("opened");
    put(&store, PutMode::Create, "kept").await.expect("written");

    std::fs::rename(&path, &aside).unwrap();
    is_gone(&store, &path).await;
    std::fs::create_dir(&path).unwrap();
    is_gone(&store, &path).await;
    // A copy is not the folder that was opened, whatever is in it.
    std::fs::write(path.join("opendata-log.lock"), "").unwrap();
    std::fs::create_dir_all(path.join("log/gc")).unwrap();
    is_gone(&store, &path).await;

    std::fs::remove_dir_all(&path).unwrap();
    std::fs::rename(&aside, &path).unwrap();
    assert_eq!(content(&store).await, "kept");
    put(&store, PutMode::Overwrite, "more")
        .await
        .expect("written");
    assert_eq!(content(&store).await, "more");
}

#[tokio::test]
async fn looks_at_the_same_time_are_each_answered_for_their_object() {
    let folder = folder();
    let store = open(&folder).await;
    for (name, content) in [("log/one", "1"), ("log/two", "22"), ("log/three", "333")] {
        let put = store.put(&Path::from(name), content.into()).await;
        put.expect("written");
    }
    for _ in 0..100 {
        let names = ["log/one", "log/missing", "log/three", "log/two"];
        let names = names.map(Path::from);
        let found = futures::future::join_all(names.iter().map(|name| store.head(name))).await;
        let sizes: Vec<_> = found
            .iter()
            .map(|found| match found {
                Ok(found) => Some(found.size),
                Err(Failure::NotFound { .. }) => None,
                Err(error) => panic!("{error}"),
            })
            .collect();
        assert_eq!(sizes, [Some(1), None, Some(3), Some(2)]);
    }
    // A look and a read tell the same of an object, its ETag included.
    let one = Path::from("log/one");
    let (head, read) = tokio::join!(store.head(&one), store.get(&one));
    assert_eq!(head.expect("there"), read.expect("there").meta);
}

#[tokio::test]
async fn a_part_of_the_log_that_is_deleted_or_made_again_counts_as_gone() {
    let folder = folder();
    let first = open(&folder).await;
    put(&first, PutMode::Create, "kept").await.expect("written");
    drop(first);
    for part in ["log/gc", "log"] {
        let store = open(&folder).await;
        std::fs::remove_dir_all(folder.path().join(part)).unwrap();
        is_gone(&store, &folder.path().join(part)).await;
        std::fs::create_dir_all(folder.path().join("log/gc")).unwrap();
        is_gone(&store, &folder.path().join(part)).await;
    }
}

#[tokio::test]
async fn a_folder_that_is_not_to_be_made_is_not() {
    let above = folder();
    let never = Folder {
        create: false,
        ..Folder::new(above.path().join("data"))
    };
    let refused = never.open().await.expect_err("refused").to_string();
    assert!(refused.contains("data does not exist"), "{refused}");
    assert_eq!(files(above.path()), 0);
}

#[tokio::test]
async fn a_file_in_place_of_a_folder_is_told_as_such() {
    let above = folder();
    let file = above.path().join("file");
    std::fs::write(&file, "").unwrap();
    let refused = async |path: &std::path::Path| {
        let refused = Folder::new(path).open().await;
        refused.expect_err("refused").to_string()
    };
    let told = refused(&file).await;
    assert!(told.contains("is a file"), "{told}");
    let link = above.path().join("link");
    std::os::unix::fs::symlink(above.path().join("missing"), &link).unwrap();
    let told = refused(&link).await;
    assert!(
        told.contains("link to a folder that is not there"),
        "{told}"
    );
    let told = refused(&file.join("below")).await;
    assert!(told.contains("a part of its path is a file"), "{told}");
    // Those above it that are missing are made.
    Folder::new(above.path().join("a/b/c"))
        .open()
        .await
        .expect("opened");
}

#[tokio::test]
async fn any_name_of_a_folder_will_do() {
    use std::os::unix::ffi::OsStrExt;
    let above = folder();
    let bytes: &[u8] = b"not utf-8: \xff";
    for name in ["größe", "a b", "100%", "#1?", "%2F", "..", "line\nbreak"]
        .map(std::ffi::OsStr::new)
        .into_iter()
        .chain([std::ffi::OsStr::from_bytes(bytes)])
    {
        let path = above.path().join("in").join(name).join("data");
        let store = Folder::new(&path).open().await.expect("opened");
        put(&store, PutMode::Create, "kept").await.expect("written");
        assert_eq!(content(&store).await, "kept");
        let listed: Vec<_> = store
            .list(None)
            .map_ok(|meta| meta.location)
            .try_collect()
            .await
            .unwrap();
        assert!(listed.contains(&object()), "{name:?}: {listed:?}");
        assert!(path.join("log/gc/manifest.boundary").is_file(), "{name:?}");
    }
}

/// Every file in the folder and below it, by its path in it.
fn all_files(folder: &std::path::Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => {
                    let path = path.strip_prefix(folder).unwrap();
                    found.push(path.display().to_string());
                }
            }
        }
    }
    found.sort();
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_appears_whole_and_once_whether_files_are_synced_or_not() {
    const BYTES: usize = 1 << 20;
    const WRITERS: usize = 8;
    for sync in [true, false] {
        let folder = folder();
        let store = open_with(&folder, sync).await;
        let path = folder.path().join(object().as_ref());
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let (store, content) = (Arc::clone(&store), writer.to_string().repeat(BYTES));
                tokio::spawn(async move { put(&store, PutMode::Create, &content).await })
            })
            .collect();
        // At its path, a file is never seen before all of it is in it.
        while !writers.iter().all(tokio::task::JoinHandle::is_finished) {
            if let Ok(file) = path.metadata() {
                assert_eq!(file.len(), BYTES as u64);
            }
            tokio::task::yield_now().await;
        }
        let mut created = 0;
        for put in futures::future::join_all(writers).await {
            match put.expect("no panic") {
                Ok(_) => created += 1,
                Err(Failure::AlreadyExists { .. }) => {}
                Err(error) => panic!("{error}"),
            }
        }
        assert_eq!(created, 1);

        let parts = Path::from("log/parts");
        let mut upload = store.put_multipart(&parts).await.expect("begun");
        upload.put_part("one, ".into()).await.expect("written");
        assert!(!folder.path().join("log/parts").exists(), "half of it");
        upload.put_part("two".into()).await.expect("written");
        upload.complete().await.expect("completed");
        let read = store.get(&parts).await.expect("found").bytes().await;
        assert_eq!(read.expect("read"), "one, two");
        assert_eq!(
            all_files(folder.path()),
            ["log/gc/manifest.boundary", "log/parts", "opendata-log.lock"],
            "no temporary file is left"
        );
    }
}
