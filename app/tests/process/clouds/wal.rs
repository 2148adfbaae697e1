//! A WAL in a store of another kind than the data.

use log_testkit::seaweedfs::SeaweedFs;

use super::{BUCKET, and, azure, google, in_google, refused, says};
use crate::support::client::Client;
use crate::support::server::Server;

const ON_S3: (&str, &str) = ("LOG_STORAGE__WAL__S3__BUCKET", BUCKET);
const ON_AZURE: (&str, &str) = ("LOG_STORAGE__WAL__AZURE__CONTAINER", BUCKET);
const ACCOUNT: (&str, &str) = (
    "LOG_STORAGE__WAL__AZURE__ACCOUNT",
    log_testkit::azurite::ACCOUNT,
);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn data_is_in_googles_storage_and_its_wal_in_s3_or_in_azures() {
    let (gcs, s3, azurite) = (google(), SeaweedFs::start(), azure());
    s3.create_bucket(BUCKET);
    gcs.create_bucket("second-data");
    let stores = [
        gcs.environment_with_token(),
        s3.environment(),
        azurite.environment(),
    ];
    let stores = stores.concat();
    for (data, wal, location) in [
        (BUCKET, vec![ON_S3], "s3://cloud-tests"),
        (
            "second-data",
            vec![ON_AZURE, ACCOUNT],
            "az://devstoreaccount1/cloud-tests",
        ),
    ] {
        let environment = and(stores.clone(), &wal);
        let server = Server::start(&in_google(data), &environment);
        Client::new(&server).append_one("key", "value", true).await;
        server.kill9();
        // No server opens the log without its WAL.
        says(
            &refused(&in_google(data), &stores),
            &[
                location,
                wal[0]
                    .0
                    .trim_start_matches("LOG_")
                    .to_ascii_lowercase()
                    .replace("__", ".")
                    .as_str(),
            ],
        );
        let server = Server::start(&in_google(data), &environment);
        assert_eq!(Client::new(&server).count(b"key").await, 1);
        assert_eq!(server.terminate().await.code, Some(0));
    }
    let wal_on_google = gcs.calls().into_iter();
    let wal_on_google =
        wal_on_google.filter(|call| call.method == "PUT" && call.path.contains("wal%2F"));
    assert_eq!(wal_on_google.count(), 0);
}
