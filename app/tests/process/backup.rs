//! Backups of a running log, restores and checks: see docs/backup.md.

mod clouds;
mod policy;
mod progress;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::support::client::Client;
use crate::support::history::{Log, read_log};
use crate::support::load::{Load, Shared};
use crate::support::place::{BUCKET, Place};
use crate::support::server::{Exit, Server, Variable, run, run_with, variables};

/// Data files early, so that a log of some seconds has several.
fn small_files() -> Vec<Variable> {
    variables(&[("LOG_SLATEDB__L0_SST_SIZE_BYTES", "16384")])
}

const LIMIT: Duration = Duration::from_secs(20);

/// More records than this are durable before a backup begins, so that it has something to lose.
const LEAST: usize = 20;

/// Waits until so many appends are acknowledged, and more than [`LEAST`] records are durable.
async fn until_acknowledged(history: &Shared, round: usize, appends: usize) {
    let deadline = Instant::now() + LIMIT;
    let are_enough = || {
        let history = history.lock();
        history.acknowledged_in(round) >= appends && history.durable().len() > LEAST
    };
    while !are_enough() {
        assert!(Instant::now() < deadline, "too little was acknowledged");
        sleep(Duration::from_millis(10)).await;
    }
}

#[track_caller]
fn succeeded(exit: &Exit) -> &str {
    assert_eq!(exit.code, Some(0), "{exit:?}");
    &exit.stdout
}

#[track_caller]
fn refused(exit: Exit, says: &str) {
    assert_eq!(exit.code, Some(2), "{exit:?}");
    let last = exit.stderr.lines().last().unwrap_or_default();
    assert!(last.contains(says), "{exit:?} does not say {says}");
}

/// How many objects the backup has, and how many it copied.
fn objects(exit: &Exit) -> (u64, u64) {
    let line = succeeded(exit).lines().next().unwrap_or_default();
    let number_before = |what: &str| {
        let (before, _) = line.split_once(what)?;
        before.rsplit(' ').next()?.parse::<u64>().ok()
    };
    let (_, copied) = line.split_once("copied ").expect("what was copied");
    let copied = copied
        .split(' ')
        .next()
        .and_then(|number| number.parse().ok());
    (
        number_before(" objects").expect("a number of objects"),
        copied.expect("a number of copied objects"),
    )
}

/// What was acknowledged as durable before the backup began is in the restored log, and nothing else but what was appended.
fn compare(before: &Log, restored: &Log, history: &Shared) {
    assert!(
        before.len() > LEAST,
        "the load was hardly any: {}",
        before.len()
    );
    for (sequence, record) in before {
        assert_eq!(restored.get(sequence), Some(record), "sequence {sequence}");
    }
    for (sequence, record) in restored {
        let values = [(*sequence, record.1.clone())];
        history.lock().read(&record.0, &values, false);
    }
}

/// Changes a bit in the middle of a file.
fn flip(file: &Path) {
    let mut content = fs::read(file).expect("read");
    let middle = content.len() / 2;
    content[middle] ^= 1;
    fs::write(file, content).expect("written");
}

/// The largest file of a folder.
fn largest(folder: &Path) -> PathBuf {
    let files = fs::read_dir(folder).expect("listed");
    let files = files.map(|entry| entry.expect("an entry").path());
    let size = |file: &PathBuf| file.metadata().map_or(0, |found| found.len());
    files.max_by_key(size).expect("a file")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_in_a_folder_is_backed_up_under_load_restored_checked_and_damage_is_found() {
    let place = Place::folder();
    let above = TempDir::new().expect("a folder");
    let backups = above.path().join("backups").display().to_string();
    let restored = above.path().join("restored").display().to_string();
    let back_up = ["backup", "--to", &backups];
    let history = Shared::default();

    let server = place.serve_with(&small_files());
    let load = Load::start(&server, 0, &history);
    until_acknowledged(&history, 0, 150).await;
    let before = history.lock().durable();
    let first = place.run(&back_up, &[]);
    let (all, copied) = objects(&first);
    assert_eq!(all, copied, "{first:?}");
    until_acknowledged(&history, 0, 300).await;
    let checked = place.run(&["check"], &[]);
    assert!(
        succeeded(&checked).contains("nothing is wrong"),
        "{checked:?}"
    );
    load.stop().await;
    let verify = [&back_up[..], &["--verify"]].concat();
    // Once compactions have ended, only the manifest is new.
    let deadline = Instant::now() + LIMIT;
    let mut made = 1;
    loop {
        let next = place.run(&verify, &[]);
        made += 1;
        assert!(next.stdout.contains("verified"), "{next:?}");
        let (all, copied) = objects(&next);
        if all > 2 && copied == 1 {
            break;
        }
        assert!(Instant::now() < deadline, "{next:?}");
    }
    // The server kept its log.
    Client::new(&server)
        .append_one("key-0", "after", true)
        .await;

    let names = run(&["backup", "list", "--to", &backups], &[]);
    let names: Vec<_> = succeeded(&names)
        .lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(name, _)| name.to_owned())
        .collect();
    assert_eq!(names.len(), made, "{names:?}");
    let restore = [
        "restore", "--from", &backups, "--to", &restored, "--backup", &names[0],
    ];
    succeeded(&run(&restore, &[]));
    refused(run(&restore, &[]), "is not empty");
    refused(
        run(&["restore", "--from", &backups, "--to", &place.path()], &[]),
        "is not empty",
    );
    let arguments = ["--data-dir", &restored].map(str::to_owned);
    let other = Server::start(&arguments, &[]);
    let found = read_log(&Client::new(&other)).await;
    compare(&before, &found, &history);
    let start = Client::new(&other).append_one("key-0", "more", true).await;
    assert!(found.last_key_value().is_none_or(|(last, _)| *last < start));
    other.kill9();
    let other = Server::start(&arguments, &[]);
    let again = read_log(&Client::new(&other)).await;
    assert_eq!(again.len(), found.len() + 1);
    assert_eq!(other.terminate().await.code, Some(0));
    let check = ["check", "--data-dir", &restored];
    succeeded(&run(&check, &[]));
    flip(&largest(&Path::new(&restored).join("log/compacted")));
    let damaged = run(&check, &[]);
    assert_eq!(damaged.code, Some(1), "{damaged:?}");
    assert!(damaged.stdout.contains("damaged: segment "), "{damaged:?}");

    let prune = ["backup", "prune", "--to", &backups, "--keep", "1"];
    let pruned = run(&prune, &[]);
    assert!(
        succeeded(&pruned).contains(&format!("deleted {} backups", made - 1)),
        "{pruned:?}"
    );
    flip(&largest(&Path::new(&backups).join("objects/compacted")));
    let damaged = place.run(&verify, &[]);
    assert_eq!(damaged.code, Some(1), "{damaged:?}");
    assert!(
        damaged.stdout.contains("not what was copied"),
        "{damaged:?}"
    );
    let inside = Path::new(&place.path())
        .join("backups")
        .display()
        .to_string();
    refused(
        place.run(&["backup", "--to", &inside], &[]),
        "in the data folder",
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_that_is_killed_is_not_listed_and_the_next_one_finishes_it() {
    let place = Place::folder();
    let server = place.serve();
    let client = Client::new(&server);
    // Each in a file of the WAL of its own.
    for number in 0..200 {
        client.append_one("key", &number.to_string(), true).await;
    }
    let above = TempDir::new().expect("a folder");
    let mut unfinished = None;
    for attempt in 0..10 {
        let backups = above.path().join(attempt.to_string());
        let command = place.begin_command(&["backup", "--to", &backups.display().to_string()]);
        let deadline = Instant::now() + LIMIT;
        while !backups.join("unfinished.json").exists() && !backups.join("backups").exists() {
            assert!(Instant::now() < deadline, "the backup does not begin");
            sleep(Duration::from_millis(1)).await;
        }
        command.kill9();
        if !backups.join("backups").exists() {
            unfinished = Some(backups.display().to_string());
            break;
        }
    }
    let backups = unfinished.expect("one that was killed before it finished");
    let list = ["backup", "list", "--to", &backups];
    assert_eq!(succeeded(&run(&list, &[])), "");
    refused(
        run(&["backup", "prune", "--to", &backups, "--keep", "1"], &[]),
        "is running, or ended less than a minute ago",
    );
    let restored = above.path().join("restored").display().to_string();
    let restore = ["restore", "--from", &backups, "--to", &restored];
    refused(run(&restore, &[]), "there is no finished backup");

    client.append_one("key", "200", true).await;
    let resumed = place.run(&["backup", "--to", &backups, "--verify"], &[]);
    assert!(succeeded(&resumed).contains("verified"), "{resumed:?}");
    assert!(resumed.stderr.contains("resuming a backup"), "{resumed:?}");
    succeeded(&run(&restore, &[]));
    let arguments = ["--data-dir", &restored].map(str::to_owned);
    let other = Server::start(&arguments, &[]);
    let found = Client::new(&other).scan_all(b"key", 1_000).await;
    assert_eq!(found.len(), 201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_in_a_bucket_with_its_wal_in_another_is_backed_up_under_load_and_restored() {
    const WAL: &str = "process-tests-wal";
    const SETTING: &str = "LOG_STORAGE__WAL__S3__BUCKET";
    let place = Place::s3();
    let Place::Bucket(s3) = &place else {
        panic!("a bucket");
    };
    s3.create_bucket(WAL);
    let wal = variables(&[(SETTING, WAL)]);
    let backups = format!("s3://{BUCKET}/backups/my-log");
    let restored = format!("s3://{BUCKET}/restored");
    let history = Shared::default();

    let server = place.serve_with(&[wal.clone(), small_files()].concat());
    let load = Load::start(&server, 0, &history);
    until_acknowledged(&history, 0, 100).await;
    refused(
        place.run(&["backup", "--to", &backups], &[]),
        "its WAL is in",
    );
    let before = history.lock().durable();
    let first = place.run(&["backup", "--to", &backups, "--verify"], &wal);
    let (all, copied) = objects(&first);
    assert_eq!(all, copied, "{first:?}");
    let checked = place.run(&["check"], &wal);
    assert!(
        succeeded(&checked).contains("nothing is wrong"),
        "{checked:?}"
    );
    load.stop().await;
    let second = place.run(&["backup", "--to", &backups], &wal);
    let (all, copied) = objects(&second);
    assert!(copied < all, "{second:?}");

    let environment = place.environment();
    let command = |command: &[&str]| {
        let arguments: Vec<_> = command.iter().map(|&part| part.to_owned()).collect();
        run_with(&arguments, &environment)
    };
    let names = command(&["backup", "list", "--to", &backups]);
    let name = succeeded(&names)
        .split(' ')
        .next()
        .expect("a name")
        .to_owned();
    let restore = [
        "restore", "--from", &backups, "--to", &restored, "--backup", &name,
    ];
    succeeded(&command(&restore));
    refused(command(&restore), "something at the place already");
    let log = ["--s3-bucket", BUCKET, "--s3-prefix", "restored"].map(str::to_owned);
    let other = Server::start(&log, &environment);
    let found = read_log(&Client::new(&other)).await;
    compare(&before, &found, &history);
    Client::new(&other).append_one("key-0", "more", true).await;
    assert_eq!(other.terminate().await.code, Some(0));
}
