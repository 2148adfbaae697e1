//! A folder has one server; a second one takes it over only when it is told to.

use crate::support::client::{Client, ready};
use crate::support::place::Place;
use crate::support::server::variables;

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
async fn a_folder_does_not_know_its_machine_by_name() {
    let place = Place::folder();
    let server = place.serve();
    Client::new(&server).append_one("key", "value", true).await;
    server.kill9();
    let owner = std::fs::read_to_string(format!("{}/log/owner", place.path())).expect("an owner");
    assert!(owner.contains(r#""instance":"folder""#), "{owner}");
}
