//! Backups in Google Cloud Storage and in Azure Blob Storage, of logs that are there too.

use log_testkit::azurite::ACCOUNT;

use super::{refused, succeeded};
use crate::support::client::Client;
use crate::support::place::{BUCKET, Place};
use crate::support::server::{Server, run_with};

const RECORDS: usize = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_in_googles_storage_is_backed_up_to_it_and_restored_from_it() {
    let restored = ["--gcs-bucket", BUCKET, "--gcs-prefix", "restored/log"];
    there_and_back(&Place::google(), &format!("gs://{BUCKET}"), &restored).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_in_azures_storage_is_backed_up_to_it_and_restored_from_it() {
    let restored = [
        "--azure-account",
        ACCOUNT,
        "--azure-container",
        BUCKET,
        "--azure-prefix",
        "restored/log",
    ];
    there_and_back(
        &Place::azure(),
        &format!("az://{ACCOUNT}/{BUCKET}"),
        &restored,
    )
    .await;
}

/// `restored` names the log `restored/log` of the bucket at this URL.
async fn there_and_back(place: &Place, url: &str, restored: &[&str]) {
    let environment = place.environment();
    let command = |command: &[&str]| {
        let arguments: Vec<_> = command.iter().map(|&part| part.to_owned()).collect();
        run_with(&arguments, &environment)
    };
    let backups = format!("{url}/backups/my-log");
    let back_up = ["backup", "--to", &backups, "--verify"];
    let server = place.serve();
    let client = Client::new(&server);
    for number in 0..RECORDS {
        client.append_one("key", &number.to_string(), true).await;
    }
    let first = place.run(&back_up, &[]);
    assert!(succeeded(&first).contains("verified"), "{first:?}");
    client.append_one("key", "later", true).await;
    let second = place.run(&back_up, &[]);
    assert!(succeeded(&second).contains("verified"), "{second:?}");
    let prune = ["backup", "prune", "--to", &backups, "--keep", "1"];
    assert!(succeeded(&command(&prune)).contains("deleted 1 backups"));

    let to = format!("{url}/restored/log");
    let restore = ["restore", "--from", &backups, "--to", &to];
    succeeded(&command(&restore));
    refused(command(&restore), "something at the place already");
    let checked = command(&[&["check"], restored].concat());
    assert!(
        succeeded(&checked).contains("nothing is wrong"),
        "{checked:?}"
    );
    let arguments: Vec<_> = restored.iter().map(|&part| part.to_owned()).collect();
    let other = Server::start(&arguments, &environment);
    let found = Client::new(&other).scan_all(b"key", 1_000).await;
    let values: Vec<_> = found
        .iter()
        .map(|(_, value)| String::from_utf8_lossy(value).into_owned())
        .collect();
    let mut appended: Vec<_> = (0..RECORDS).map(|number| number.to_string()).collect();
    appended.push("later".into());
    assert_eq!(values, appended);
    assert_eq!(other.terminate().await.code, Some(0));
}
