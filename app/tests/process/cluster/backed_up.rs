//! Backups of a cluster.

use tempfile::TempDir;

use crate::support::client::Client;
use crate::support::place::{BUCKET, Place};
use crate::support::server::{Exit, Server};

use super::{PARTITIONS, settings, start, until_served};

#[track_caller]
fn lines(exit: &Exit, each: &str) -> usize {
    assert_eq!(exit.code, Some(0), "{exit:?}");
    exit.stdout
        .lines()
        .filter(|line| line.contains(each))
        .count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_is_backed_up_while_it_runs_and_restored_with_all_its_partitions() {
    let place = Place::s3();
    let [a, b] = ["a", "b"].map(|name| start(&place, name));
    until_served(&[&a, &b], &["a", "b"]).await;
    let client = Client::new(&a);
    let keys: Vec<String> = (0..30).map(|number| format!("key-{number}")).collect();
    for key in &keys {
        client.append_one(key, "before", true).await;
    }
    let folder = TempDir::with_prefix("log-process-").expect("make a temporary folder");
    let backups = folder.path().join("backups");
    let to = backups.to_str().expect("UTF-8");
    let settings = settings("backup");
    let backup = || place.run(&["backup", "--to", to, "--verify"], &settings);
    assert_eq!(lines(&backup(), ", partition "), PARTITIONS);
    for key in &keys {
        client.append_one(key, "after", true).await;
    }
    assert_eq!(lines(&backup(), ", partition "), PARTITIONS);
    let listed = place.run(&["backup", "list", "--to", to], &settings);
    assert_eq!(lines(&listed, ", partition 7  "), 2);
    let pruned = place.run(&["backup", "prune", "--to", to, "--keep", "1"], &settings);
    assert_eq!(lines(&pruned, "deleted backup "), PARTITIONS);
    let checked = place.run(&["check"], &settings);
    assert_eq!(lines(&checked, "nothing is wrong"), PARTITIONS);

    let restored = format!("s3://{BUCKET}/restored");
    let done = place.run(&["restore", "--from", to, "--to", &restored], &settings);
    assert_eq!(lines(&done, "restored backup "), PARTITIONS);
    let arguments = ["--s3-bucket", BUCKET, "--s3-prefix", "restored"].map(str::to_owned);
    let mut environment = place.environment();
    environment.extend(super::settings("c"));
    let c = Server::start(&arguments, &environment);
    until_served(&[&c], &["c"]).await;
    let client = Client::new(&c);
    for key in &keys {
        let found = client.scan_all(key.as_bytes(), 10).await;
        let values: Vec<_> = found.into_iter().map(|(_, value)| value).collect();
        assert_eq!(values, [b"before".to_vec(), b"after".to_vec()], "{key}");
    }
}
