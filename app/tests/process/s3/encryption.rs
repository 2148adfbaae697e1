//! Server-side encryption: what is asked for goes out with every PUT.

use log_testkit::recorder::Recorder;
use log_testkit::seaweedfs::SeaweedFs;

use super::{BUCKET, and, flags, refused, through, with_bucket};
use crate::support::client::Client;
use crate::support::server::{Server, Variable};

const KIND: &str = "x-amz-server-side-encryption";
const KEY: &str = "x-amz-server-side-encryption-aws-kms-key-id";
const KEY_ID: &str = "arn:aws:kms:us-east-1:123456789012:key/log";

/// Starts a server with these settings, appends, and gives the two headers of every PUT: there must be one answer.
async fn sent(s3: &SeaweedFs, settings: &[(&str, &str)]) -> (Option<String>, Option<String>) {
    // SeaweedFS has no KMS, and this is about what is sent.
    let proxy = Recorder::before(s3.port(), &[KIND, KEY]);
    let environment: Vec<Variable> = and(through(&proxy.url(), s3.environment()), settings);
    let server = Server::start(&flags(BUCKET), &environment);
    Client::new(&server).append_one("key", "value", true).await;
    assert_eq!(server.terminate().await.code, Some(0));
    let puts = proxy.calls().into_iter();
    let puts = puts.filter(|call| call.method == "PUT");
    let mut headers: Vec<_> = puts
        .map(|call| {
            (
                call.headers.get(KIND).cloned(),
                call.headers.get(KEY).cloned(),
            )
        })
        .collect();
    assert!(headers.len() > 3, "too few PUTs: {headers:?}");
    headers.dedup();
    assert_eq!(headers.len(), 1, "not all PUTs are alike");
    headers.remove(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_put_asks_for_the_encryption_of_the_settings_or_of_the_variables() {
    let s3 = with_bucket(SeaweedFs::start());
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(sent(&s3, &[]).await, (None, None));
    let kind = "LOG_STORAGE__S3__ENCRYPTION";
    let key = "LOG_STORAGE__S3__KMS_KEY_ID";
    assert_eq!(sent(&s3, &[(kind, "sse-s3")]).await, (text("AES256"), None));
    assert_eq!(
        sent(&s3, &[(kind, "sse-kms"), (key, KEY_ID)]).await,
        (text("aws:kms"), text(KEY_ID))
    );
    assert_eq!(
        sent(&s3, &[(kind, "dsse-kms")]).await,
        (text("aws:kms:dsse"), None)
    );
    let variables = [
        ("AWS_SERVER_SIDE_ENCRYPTION", "aws:kms"),
        ("AWS_SSE_KMS_KEY_ID", KEY_ID),
    ];
    assert_eq!(sent(&s3, &variables).await, (text("aws:kms"), text(KEY_ID)));
}

#[test]
fn encryption_that_is_unknown_or_a_key_without_kms_is_refused() {
    let with = |settings| refused(&flags(BUCKET), &and(Vec::new(), settings));
    let line = with(&[("LOG_STORAGE__S3__ENCRYPTION", "rot13")]);
    assert!(
        line.to_lowercase().contains("encryption") && line.contains("sse-kms"),
        "{line}"
    );
    let line = with(&[("LOG_STORAGE__S3__KMS_KEY_ID", KEY_ID)]);
    assert!(line.contains("storage.s3.kms_key_id"), "{line}");
}
