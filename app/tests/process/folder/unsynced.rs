//! A folder that is not synced (`storage.sync: false`): nothing is synced, a SIGKILL loses nothing durable, and the server
//! says at the start what it gives up.

use std::time::Duration;

use tokio::time::sleep;

use crate::support::client::{Client, Outcome};
use crate::support::history::{Ended, read_log};
use crate::support::load::{Load, Shared};
use crate::support::place::Place;
use crate::support::server::{Exit, Server, Variable, run, variable};

const ROUNDS: usize = 5;

/// Words of the warning.
const WARNING: &str = "storage.sync is false";

fn sync(value: &str) -> Variable {
    variable("LOG_STORAGE__SYNC", value)
}

fn warnings(server: &mut Server) -> usize {
    let log = server.log();
    let lines = log.lines();
    lines.filter(|line| line.contains(WARNING)).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_kills_under_load_nothing_durable_is_lost_without_syncs() {
    let place = Place::folder();
    let history = Shared::default();
    let mut server = place.serve_with(&[sync("false")]);
    for round in 0..ROUNDS {
        let load = Load::start(&server, round, &history);
        sleep(Duration::from_millis(300 + (round as u64 * 37) % 200)).await;
        server.kill9();
        load.stop().await;
        let acknowledged = history.lock().acknowledged_in(round);
        assert!(acknowledged > 0, "round {round} tested nothing");

        server = place.serve_with(&[sync("false")]);
        let log = read_log(&Client::new(&server)).await;
        history.lock().check(&log, round, Ended::Killed);
    }
    // The setting may change from one start to the next.
    let appended = Client::new(&server)
        .append_one("after the kills", "kept", true)
        .await;
    server.kill9();
    let server = place.serve();
    let kept = Client::new(&server).scan_all(b"after the kills", 10).await;
    assert_eq!(kept, [(appended, b"kept".to_vec())]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_warns_once_at_its_start_if_it_writes_without_syncs() {
    let place = Place::folder();
    let mut server = place.serve();
    assert_eq!(warnings(&mut server), 0);
    assert_eq!(server.terminate().await.code, Some(0));

    let mut server = place.serve_with(&[sync("false")]);
    Client::new(&server).append_one("key", "value", true).await;
    // A server that only reads has nothing to sync.
    let read_only = variable("LOG_READ_ONLY", "true");
    let mut reader = place.serve_with(&[sync("false"), read_only]);
    assert_eq!(warnings(&mut reader), 0);
    assert_eq!(warnings(&mut server), 1, "{}", server.log());
    let exit = server.terminate().await;
    assert_eq!(exit.code, Some(0), "{exit:?}");
    let said = exit.stderr.lines().find(|line| line.contains(WARNING));
    let said = said.expect("the warning");
    for part in ["WARN", "power loss", &place.path()] {
        assert!(said.contains(part), "{said:?} does not say {part}");
    }
}

#[test]
fn a_log_elsewhere_refuses_the_setting() {
    let refused = |exit: &Exit| {
        assert_eq!(exit.code, Some(2), "{exit:?}");
        assert_eq!(exit.stderr.lines().count(), 1, "{exit:?}");
        for part in ["storage.sync is set", "not in a local folder"] {
            assert!(exit.stderr.contains(part), "{exit:?}");
        }
    };
    for value in ["false", "true"] {
        let sync = ("LOG_STORAGE__SYNC", value);
        refused(&run(&["--in-memory", "--port", "0"], &[sync]));
        refused(&run(&["config", "check", "--s3-bucket", "b"], &[sync]));
    }
    let sync = ("LOG_STORAGE__SYNC", "false");
    let shown = run(&["config", "show"], &[sync]);
    let line = "storage.sync = false  (environment LOG_STORAGE__SYNC)\n";
    assert!(shown.stdout.contains(line), "{shown:?}");
}

/// Counts what a process asks the kernel to sync, with functions that take the place of the C library's.
#[cfg(target_os = "linux")]
struct Observer {
    folder: tempfile::TempDir,
}

#[cfg(target_os = "linux")]
impl Observer {
    /// Each call adds a byte to a file, and then does what it was asked for.
    const SOURCE: &str = r#"
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static long noted(long call, int file) {
    int notes = open(getenv("SYNCS"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (notes < 0 || write(notes, ".", 1) != 1) abort();
    close(notes);
    return syscall(call, file);
}

int fsync(int file) { return noted(SYS_fsync, file); }
int fdatasync(int file) { return noted(SYS_fdatasync, file); }
int syncfs(int file) { return noted(SYS_syncfs, file); }
"#;

    /// Compiled by the C compiler, which Rust links with.
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let source = folder.path().join("syncs.c");
        std::fs::write(&source, Self::SOURCE).expect("written");
        let compiled = std::process::Command::new("cc")
            .args(["-shared", "-fPIC", "-o"])
            .args([folder.path().join("syncs.so"), source])
            .status();
        let compiled = compiled.expect("a C compiler by the name cc");
        assert!(compiled.success(), "cc: {compiled}");
        Self { folder }
    }

    /// What has a server observed.
    fn variables(&self) -> [Variable; 2] {
        let path = |name| self.folder.path().join(name).display().to_string();
        [
            variable("LD_PRELOAD", &path("syncs.so")),
            variable("SYNCS", &path("seen")),
        ]
    }

    /// How many syncs there were.
    fn seen(&self) -> u64 {
        let seen = self.folder.path().join("seen").metadata();
        seen.map_or(0, |seen| seen.len())
    }
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_syncs_no_file_and_no_folder_is_synced_from_the_start_to_the_stop() {
    const APPENDS: u64 = 20;
    for synced in [true, false] {
        let observer = Observer::new();
        let place = Place::folder();
        let mut settings = observer.variables().to_vec();
        settings.push(sync(&synced.to_string()));
        // Data files are written too, and merged.
        settings.extend([
            variable("LOG_SLATEDB__L0_SST_SIZE_BYTES", "524288"),
            variable("LOG_SLATEDB__COMPACTOR_OPTIONS__POLL_INTERVAL", "100ms"),
        ]);
        let server = place.serve_with(&settings);
        let client = Client::new(&server);
        for append in 0..APPENDS {
            let value = vec![b'v'; 128 << 10];
            let key = (append % 4).to_string().into_bytes();
            let outcome = client.append(&[(key, value)], true).await;
            assert!(matches!(outcome, Outcome::Acknowledged(_)), "{outcome:?}");
        }
        let before_stop = observer.seen();
        let exit = server.terminate().await;
        assert_eq!(exit.code, Some(0), "{exit:?}");
        if synced {
            // The file and its folder, with each append: so the observer sees them.
            assert!(before_stop >= 2 * APPENDS, "only {before_stop}");
        } else {
            assert_eq!(observer.seen(), 0);
        }
    }
}
