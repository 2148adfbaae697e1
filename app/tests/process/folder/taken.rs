//! A folder has one server; a second one takes it over only when it is told to.

use crate::support::client::{Client, ready};
use crate::support::place::Place;
use crate::support::server::{Server, run_with, variables};

/// The code with which a server exits that cannot start.
const CANNOT_START: i32 = 2;
const FENCED: i32 = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_server_on_a_folder_is_refused_and_the_first_one_goes_on() {
    let place = Place::folder();
    // Fewer than any machine has file descriptors for, or it would be told.
    let mut server = place.serve_with(&variables(&[("LOG_LIMITS__CONNECTIONS", "100")]));
    let client = Client::new(&server);
    client.append_one("key", "before", true).await;
    for settings in [&[][..], &[("LOG_STORAGE__INSTANCE", "another")]] {
        let refused = place.ends(&variables(settings));
        assert_eq!(refused.code, Some(CANNOT_START), "{refused:?}");
        let lines: Vec<_> = refused.stderr.lines().collect();
        assert_eq!(lines.len(), 1, "{refused:?}");
        let process = format!("(process {})", server.id());
        for part in [&place.path(), &process, "--take-over"] {
            assert!(lines[0].contains(part), "{refused:?} does not say {part}");
        }
    }
    assert_eq!(ready(&server).await.0, 200);
    client.append_one("key", "after", true).await;
    assert_eq!(client.scan_all(b"key", 10).await.len(), 2);
    let log = server.log();
    assert!(!log.contains("WARN") && !log.contains("ERROR"), "{log}");

    // The lock dies with its process, however that ends.
    server.kill9();
    let server = place.serve();
    assert_eq!(server.terminate().await.code, Some(0));
    place.serve();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_took_a_folder_over_has_it_alone_as_soon_as_the_one_before_is_gone() {
    let place = Place::folder();
    let older = place.serve();
    let mut newer = place.serve_with(&place.take_over());
    assert_eq!(older.wait().await.code, Some(FENCED));
    newer.until_logged("the server before is gone").await;
    let refused = place.ends(&[]);
    assert_eq!(refused.code, Some(CANNOT_START), "{refused:?}");
    let process = format!("(process {})", newer.id());
    assert!(refused.stderr.contains(&process), "{refused:?}");
    Client::new(&newer).append_one("key", "value", true).await;
    assert_eq!(newer.terminate().await.code, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_whose_lock_file_is_deleted_keeps_its_folder() {
    let place = Place::folder();
    let server = place.serve();
    let client = Client::new(&server);
    client.append_one("key", "before", true).await;
    std::fs::remove_file(format!("{}/opendata-log.lock", place.path())).expect("deleted");
    for _ in 0..2 {
        let refused = place.ends(&[]);
        assert_eq!(refused.code, Some(CANNOT_START), "{refused:?}");
        assert!(refused.stderr.contains("--take-over"), "{refused:?}");
    }
    client.append_one("key", "after", true).await;
    assert_eq!(ready(&server).await.0, 200);
    assert_eq!(server.terminate().await.code, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_data_folder_inside_that_of_another_server_is_refused() {
    let place = Place::folder();
    let outer = place.path();
    let server = place.serve();
    let ends = |folder: &str| {
        let refused = run_with(
            &["--port", "0", "--data-dir", folder].map(str::to_owned),
            &[],
        );
        assert_eq!(refused.code, Some(CANNOT_START), "{refused:?}");
        assert!(refused.stderr.contains(&outer), "{refused:?}");
        refused.stderr
    };
    let beside = tempfile::tempdir().expect("a folder");
    let link = beside.path().join("link");
    std::os::unix::fs::symlink(&outer, &link).expect("a link");
    let link = link.display();
    for folder in [
        format!("{outer}/log"),
        format!("{outer}/log/wal"),
        format!("{outer}/new/folder"),
        format!("{link}/log/wal/new"),
    ] {
        let told = ends(&folder);
        assert!(told.contains("the data folder of another server"), "{told}");
    }
    assert!(!std::path::Path::new(&format!("{outer}/new")).exists());
    assert_eq!(server.terminate().await.code, Some(0));
    // A log cannot be created inside another one, even if no server has it open.
    let told = ends(&format!("{outer}/log/inner"));
    assert!(told.contains("is inside a log"), "{told}");
    let data_dir = format!("{outer}/other");
    let other = Server::start(&["--data-dir".to_owned(), data_dir], &[]);
    assert_eq!(other.terminate().await.code, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_does_not_know_its_machine_by_name() {
    let place = Place::folder();
    let server = place.serve();
    Client::new(&server).append_one("key", "value", true).await;
    server.kill9();
    let owner = std::fs::read_to_string(format!("{}/log/owner", place.path())).expect("an owner");
    assert!(owner.contains(r#""instance":"folder""#), "{owner}");
}
