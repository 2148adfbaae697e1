//! A folder that cannot hold a log ends the start within a second, in one line that says why.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;
use tokio::time::Instant;

use crate::support::server::{Exit, User, run_as};

/// A second, and what a debug build on a busy machine takes besides.
const SOON: Duration = Duration::from_secs(5);

#[test]
fn a_folder_that_cannot_be_written_to_is_named_with_the_user_within_a_second() {
    let user = User::without_privileges();
    let folder = TempDir::new().expect("a folder");
    mode(folder.path(), 0o755);
    let data = folder.path().join("data");
    fs::create_dir(&data).expect("made");
    user.owns(&data);
    mode(&data, 0o555);
    let id = format!("as user {}", user.id());
    for (path, says) in [
        (data.clone(), [text(&data), id.clone(), "0555".into()]),
        // Those that are missing cannot be made.
        (
            data.join("a/b"),
            [text(&data.join("a/b")), id.clone(), text(&data)],
        ),
    ] {
        let exit = refused(&user, &["--data-dir", &text(&path)], &[]);
        says_all(&exit, &says);
        says_all(&exit, &["data folder".into(), "Permission denied".into()]);
    }
    let cache = [("LOG_CACHE__DIR", text(&data))];
    let exit = refused(&user, &["--in-memory"], &cache);
    says_all(&exit, &["cache folder".into(), text(&data), id.clone()]);
    mode(&data, 0o755);

    // Written to already, but no more.
    let log = data.join("log");
    fs::create_dir(&log).expect("made");
    fs::write(data.join("opendata-log.lock"), "1\n").expect("written");
    mode(&data.join("opendata-log.lock"), 0o444);
    user.owns(&data.join("opendata-log.lock"));
    let exit = refused(&user, &["--data-dir", &text(&data)], &[]);
    says_all(&exit, &["cannot write to the data folder".into(), id]);
}

#[test]
fn a_file_in_place_of_a_folder_ends_the_start() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("file");
    fs::write(&file, "").expect("written");
    let user = User::of_this_process();
    let exit = refused(&user, &["--data-dir", &text(&file)], &[]);
    says_all(&exit, &[text(&file), "is a file".into()]);
    let exit = refused(&user, &["--in-memory"], &[("LOG_CACHE__DIR", text(&file))]);
    says_all(
        &exit,
        &["cache folder".into(), text(&file), "is a file".into()],
    );
}

fn refused(user: &User, arguments: &[&str], variables: &[(&str, String)]) -> Exit {
    let arguments = [arguments, &["--port", "0"]].concat();
    let variables: Vec<_> = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect();
    let arguments: Vec<_> = arguments.into_iter().map(str::to_owned).collect();
    let began = Instant::now();
    let exit = run_as(user, &arguments, &variables);
    let took = began.elapsed();
    assert_eq!(exit.code, Some(2), "{exit:?}");
    assert_eq!(exit.stderr.lines().count(), 1, "{exit:?}");
    assert!(took < SOON, "{took:?} until {exit:?}");
    exit
}

fn says_all(exit: &Exit, parts: &[String]) {
    for part in parts {
        assert!(exit.stderr.contains(part), "{exit:?} does not say {part}");
    }
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("changed");
}
