//! Data that vanishes, under a running server and before a start: see docs/operations.md.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;
use tokio::time::Instant;

use crate::support::client::{Client, Outcome, until_ready_is};
use crate::support::place::Place;
use crate::support::server::{Exit, Server, Variable, run_with, variables};

/// Maximum time to detect it, with readiness probes.
const NOTICED: Duration = Duration::from_secs(20);

/// The code with which a server exits that cannot start.
const CANNOT_START: i32 = 2;
/// The code with which a server exits that could not flush.
const NOT_FLUSHED: i32 = 4;

fn soon() -> Vec<Variable> {
    variables(&[
        ("LOG_TIMEOUTS__APPEND", "2s"),
        ("LOG_SHUTDOWN__TIMEOUT", "5s"),
    ])
}

/// A durable append is not acknowledged, the server says why, and refuses others.
async fn nothing_is_acknowledged(server: &mut Server, reason: &str) {
    let client = Client::new(server);
    let record = || (b"key".to_vec(), b"lost".to_vec());
    let why = until_ready_is(server, 503, NOTICED).await;
    assert!(
        why.contains("the log is gone") && why.contains(reason),
        "{why}"
    );
    for durable in [true, false] {
        let refused = client.append(&[record()], durable).await;
        assert!(
            matches!(refused, Outcome::Refused { status: 503, .. }),
            "{refused:?}"
        );
    }
    server.until_logged("ERROR").await;
    let log = server.log();
    let told = log.lines().filter(|line| line.contains("the log is gone"));
    let errors = told.filter(|line| line.contains("ERROR")).count();
    assert_eq!(errors, 1, "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_acknowledged_as_durable_that_goes_to_another_folder_at_the_path() {
    let above = TempDir::new().expect("a folder");
    let path = above.path().join("data");
    let arguments = ["--data-dir".to_owned(), path.display().to_string()];
    let mut server = Server::start(&arguments, &soon());
    for value in ["0", "1"] {
        Client::new(&server).append_one("key", value, true).await;
    }
    for comes in [None, Some(empty as fn(&Path, &Path)), Some(copy)] {
        // As a volume that is unmounted, and another that is mounted.
        let aside = above.path().join("aside");
        fs::rename(&path, &aside).expect("moved");
        if let Some(comes) = comes {
            comes(&aside, &path);
        }
        // The first one after it, before the server had any other reason to look.
        let client = Client::new(&server);
        let record = (b"key".to_vec(), b"lost".to_vec());
        let first = client.append(&[record], true).await;
        assert!(!matches!(first, Outcome::Acknowledged(_)), "{first:?}");
        nothing_is_acknowledged(&mut server, &path.display().to_string()).await;
        if comes.is_some() {
            fs::remove_dir_all(&path).expect("removed");
        } else {
            assert!(!path.exists(), "the server made the folder again");
        }
        // It is back, and everything is as before.
        fs::rename(&aside, &path).expect("moved");
        until_ready_is(&server, 200, NOTICED).await;
        client.append_one("key", "more", true).await;
        // For the count of what it says.
        assert_eq!(server.terminate().await.code, Some(0));
        server = Server::start(&arguments, &soon());
        Client::new(&server).append_one("key", "more", true).await;
    }
    drop(server);
    let kept = Client::new(&Server::start(&arguments, &[]))
        .scan_all(b"key", 100)
        .await;
    let written = kept.iter().filter(|(_, value)| value != b"lost").count();
    assert_eq!(written, 8, "{kept:?}");
}

fn empty(_from: &Path, to: &Path) {
    // A write that was under way may have made it.
    fs::create_dir_all(to).expect("made");
}

fn copy(from: &Path, to: &Path) {
    let mut folders: Vec<(PathBuf, PathBuf)> = vec![(from.into(), to.into())];
    while let Some((from, to)) = folders.pop() {
        fs::create_dir_all(&to).expect("made");
        for entry in fs::read_dir(from).expect("listed") {
            let entry = entry.expect("an entry");
            let to = to.join(entry.file_name());
            match entry.path().is_dir() {
                true => folders.push((entry.path(), to)),
                false => drop(fs::copy(entry.path(), to).expect("copied")),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parts_of_a_folder_that_are_deleted_are_noticed_and_no_log_begins_on_the_rest() {
    for (part, remains) in [("manifest", true), ("wal", true), ("", false)] {
        let place = Place::folder();
        let mut server = place.serve_with(&soon());
        let client = Client::new(&server);
        client.append_one("key", "before", true).await;
        place.delete(part);
        let record = (b"key".to_vec(), b"lost".to_vec());
        let first = client.append(&[record], true).await;
        assert!(
            !matches!(first, Outcome::Acknowledged(_)),
            "{part}: {first:?}"
        );
        nothing_is_acknowledged(&mut server, "").await;
        let exit = server.terminate().await;
        assert_eq!(exit.code, Some(NOT_FLUSHED), "{part}: {exit:?}");
        assert!(
            !exit.stderr.contains("ended unexpectedly"),
            "{part}: {exit:?}"
        );
        if part == "manifest" {
            refused(place.ends(&[]), "it has no manifest any more");
        }
        let never = variables(&[("LOG_STORAGE__CREATE", "never")]);
        if !remains {
            refused(place.ends(&never), "storage.create is `never`");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_that_is_emptied_is_noticed_and_no_log_begins_there_unless_it_may() {
    let place = Place::s3();
    let never = variables(&[("LOG_STORAGE__CREATE", "never")]);
    refused(place.ends(&never), "storage.create is `never`");
    for part in ["manifest/", ""] {
        let mut server = place.serve_with(&soon());
        Client::new(&server).append_one("key", "value", true).await;
        place.delete(part);
        nothing_is_acknowledged(&mut server, "was deleted").await;
        drop(server);
        // What was on its way.
        place.delete(part);
        if !part.is_empty() {
            refused(place.ends(&[]), "it has no manifest any more");
            place.delete("");
        }
        refused(place.ends(&never), "storage.create is `never`");
    }
    // Once it exists, nothing changes.
    let server = place.serve();
    Client::new(&server).append_one("key", "value", true).await;
    assert_eq!(server.terminate().await.code, Some(0));
    let server = place.serve_with(&never);
    assert_eq!(Client::new(&server).scan_all(b"key", 10).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_whose_wal_files_vanish_says_so_stops_soon_and_is_not_opened_unless_it_may() {
    for place in [Place::folder(), Place::s3()] {
        let mut server = place.serve_with(&soon());
        Client::new(&server).append_one("key", "lost", true).await;
        place.delete_wal_files();
        nothing_is_acknowledged(&mut server, "was deleted").await;
        let began = Instant::now();
        let exit = server.terminate().await;
        assert!(began.elapsed() < Duration::from_secs(4), "{exit:?}");
        assert_eq!(exit.code, Some(NOT_FLUSHED), "{exit:?}");
        let told = "acknowledged as durable had been written before; nothing else was acknowledged";
        assert!(exit.stderr.contains(told), "{exit:?}");
        refused(
            place.ends(&[]),
            "up to sequence 1, but what is left of it ends at 0",
        );

        place.rename("watermark", "watermark-lost");
        let server = place.serve();
        let start = Client::new(&server).append_one("key", "after", true).await;
        assert!(start > u64::from(u32::MAX), "{start}");
        assert_eq!(server.terminate().await.code, Some(0));
        let server = place.serve();
        let kept = Client::new(&server).scan_all(b"key", 10).await;
        assert_eq!(kept, [(start, b"after".to_vec())]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_was_stopped_is_not_opened_without_its_wal_files() {
    for vanish in [Place::delete_wal_files, Place::empty_wal_files] {
        let place = Place::folder();
        let server = place.serve();
        for value in ["0", "1", "2"] {
            Client::new(&server).append_one("key", value, true).await;
        }
        assert_eq!(server.terminate().await.code, Some(0));
        vanish(&place);
        refused(
            place.ends(&[]),
            "up to sequence 3, but what is left of it ends at 0",
        );
    }
}

#[test]
fn a_folder_without_a_log_is_left_alone_when_none_is_to_begin() {
    let above = TempDir::new().expect("a folder");
    let path = above.path().join("data");
    for there in [false, true] {
        if there {
            fs::create_dir(&path).expect("made");
        }
        let arguments = [
            "--data-dir",
            &path.display().to_string(),
            "--create",
            "never",
            "--port",
            "0",
        ];
        let exit = run_with(&arguments.map(str::to_owned), &[]);
        refused(exit, "storage.create is `never`");
        assert_eq!(path.exists(), there);
    }
    assert!(!path.join("log").exists());
}

#[track_caller]
fn refused(exit: Exit, says: &str) {
    assert_eq!(exit.code, Some(CANNOT_START), "{exit:?}");
    let last = exit.stderr.lines().last().unwrap_or_default();
    assert!(last.contains(says), "{exit:?} does not say {says}");
}
