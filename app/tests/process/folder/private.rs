//! What the server writes can be read by its own user alone.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::support::client::Client;
use crate::support::server::{Server, variables};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn folders_are_0700_and_files_0600_whatever_the_umask_says() {
    let above = TempDir::new().expect("a folder");
    let (data, cache) = (above.path().join("a/data"), above.path().join("cache"));
    let arguments = ["--data-dir".to_owned(), data.display().to_string()];
    let environment = variables(&[
        ("LOG_CACHE__DIR", &cache.display().to_string()),
        ("LOG_CACHE__ON_FLUSH", "true"),
        ("LOG_SLATEDB__L0_SST_SIZE_BYTES", "4096"),
    ]);
    let server = Server::start_with_umask("000", &arguments, &environment);
    let client = Client::new(&server);
    for _ in 0..5 {
        client.append_one("key", &"value".repeat(1_000), true).await;
    }
    assert_eq!(server.terminate().await.code, Some(0));
    let all = [below(&above.path().join("a")), below(&cache)].concat();
    for written in ["wal", "compacted", "opendata-log-cache"] {
        let is_in = |path: &PathBuf| path.is_file() && path.iter().any(|part| part == written);
        assert!(all.iter().any(is_in), "no file in {written}");
    }
    for path in all {
        let metadata = path.metadata().expect("metadata");
        let mode = metadata.permissions().mode() & 0o777;
        let expected = if metadata.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode, expected, "{} has mode {mode:o}", path.display());
    }
}

/// The folder and everything in it.
fn below(folder: &Path) -> Vec<PathBuf> {
    let mut all = vec![folder.to_owned()];
    let mut looked_at = 0;
    while let Some(path) = all.get(looked_at).cloned() {
        looked_at += 1;
        let entries = std::fs::read_dir(path).into_iter().flatten();
        all.extend(entries.map(|entry| entry.expect("an entry").path()));
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_of_the_operators_is_left_as_it_is_and_one_that_is_open_to_all_is_told() {
    let above = TempDir::new().expect("a folder");
    for (mode, warns) in [(0o750, false), (0o755, false), (0o777, true)] {
        let data = above.path().join(format!("{mode:o}"));
        std::fs::create_dir(&data).expect("made");
        let permissions = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(&data, permissions).expect("changed");
        let arguments = ["--data-dir".to_owned(), data.display().to_string()];
        let server = Server::start(&arguments, &[]);
        let exit = server.terminate().await;
        let found = data.metadata().expect("metadata").permissions().mode() & 0o777;
        assert_eq!(found, mode);
        let warned = exit.stderr.contains("every user of this machine");
        assert_eq!(warned, warns, "{mode:o}: {}", exit.stderr);
    }
    // As an earlier version left it.
    let log = above.path().join("755/log");
    let permissions = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(&log, permissions).expect("changed");
    let arguments = [
        "--data-dir".to_owned(),
        above.path().join("755").display().to_string(),
    ];
    let exit = Server::start(&arguments, &[]).terminate().await;
    assert!(exit.stderr.contains("chmod -R go="), "{}", exit.stderr);
}
