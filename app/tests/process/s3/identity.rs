//! Temporary credentials: from STS for a token, from a container's agent, from the instance.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use log_testkit::recorder::{Call, Recorder, answer};
use log_testkit::seaweedfs::SeaweedFs;
use log_testkit::sts::Sts;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{BUCKET, and, environment, flags, refused, through, with_bucket};
use crate::support::client::Client;
use crate::support::server::{Server, Variable};

const ROLE: &str = "arn:aws:iam::123456789012:role/log";
const TOKEN: &str = "a.token.of-the-cluster";

/// The client renews credentials five minutes before they expire: these, after two to three seconds.
const SHORT: Duration = Duration::from_secs(303);
const HOUR: Duration = Duration::from_secs(3_600);

fn web_identity(environment: Vec<Variable>, sts: &Sts, token_file: &Path) -> Vec<Variable> {
    and(
        environment,
        &[
            ("AWS_ROLE_ARN", ROLE),
            (
                "AWS_WEB_IDENTITY_TOKEN_FILE",
                &token_file.display().to_string(),
            ),
            ("AWS_ENDPOINT_URL_STS", &sts.endpoint()),
            ("SSL_CERT_FILE", &sts.authority().display().to_string()),
        ],
    )
}

fn exchanges(sts: &Sts) -> Vec<Value> {
    let lines = sts.exchanges();
    let parsed = lines.iter().map(|line| serde_json::from_str(line));
    parsed.map(|line| line.expect("a line of JSON")).collect()
}

/// The access key and the session token that STS gave.
fn given(exchange: &Value) -> (&str, &str) {
    let text = |name: &str| exchange["given"][name].as_str().expect("text");
    (text("AccessKeyId"), text("SessionToken"))
}

/// The access key that signed a request.
fn signed_by(call: &Call) -> &str {
    let authorization = call.headers.get("authorization");
    let credential = authorization.and_then(|text| text.split_once("Credential="));
    credential.map_or("nobody", |(_, rest)| {
        rest.split('/').next().unwrap_or_default()
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_is_assumed_with_the_token_of_a_file_and_again_before_the_credentials_expire() {
    let s3 = with_bucket(SeaweedFs::start());
    let proxy = Recorder::before(s3.port(), &[]);
    let sts = Sts::start(SHORT);
    let token_file = sts.folder().join("token");
    std::fs::write(&token_file, TOKEN).unwrap();
    let environment = through(&proxy.url(), environment(&s3));
    let environment = web_identity(environment, &sts, &token_file);
    let mut server = Server::start(&flags(BUCKET), &environment);
    let client = Client::new(&server);
    client.append_one("key", "first", true).await;

    let first = exchanges(&sts);
    for exchange in &first {
        let request = &exchange["request"];
        assert_eq!(request["Action"], "AssumeRoleWithWebIdentity");
        assert_eq!(request["RoleArn"], ROLE);
        assert_eq!(request["WebIdentityToken"], TOKEN);
    }
    // The cluster writes a new token over the old one; the next exchange must send that.
    std::fs::write(&token_file, "the.next.token").unwrap();
    for _ in 0..100 {
        client.append_one("key", "again", true).await;
        if exchanges(&sts).len() > first.len() {
            break;
        }
        sleep(Duration::from_millis(100)).await;
    }
    let all = exchanges(&sts);
    let last = all.last().expect("an exchange");
    assert_eq!(last["request"]["WebIdentityToken"], "the.next.token");
    client.append_one("key", "last", true).await;

    let given: BTreeSet<_> = all.iter().map(given).collect();
    let with_next = |exchange: &&Value| exchange["request"]["WebIdentityToken"] == "the.next.token";
    let renewed: BTreeSet<_> = all.iter().filter(with_next).map(self::given).collect();
    let calls = proxy.calls();
    let used: BTreeSet<_> = calls
        .iter()
        .map(|call| {
            let token = call.headers.get("x-amz-security-token");
            (signed_by(call), token.map_or("", String::as_str))
        })
        .collect();
    assert!(used.is_subset(&given), "{used:?} are not all of {given:?}");
    let in_time = used.intersection(&renewed).count() > 0;
    assert!(in_time, "the renewed credentials were not used");
    let log = server.log();
    assert!(log.contains(ROLE), "the log does not say from where");
    assert!(!log.contains(TOKEN), "the token is in the log");
    assert_eq!(server.terminate().await.code, Some(0));
}

#[test]
fn without_a_token_or_with_one_that_sts_refuses_the_server_does_not_start() {
    // The store is never reached.
    let store = Recorder::answering(|_| Ok(answer(500, "")));
    let sts = Sts::start(HOUR);
    let to_store = and(
        Vec::new(),
        &[
            ("AWS_ENDPOINT_URL", &store.url()),
            ("AWS_ALLOW_HTTP", "true"),
            ("AWS_REGION", "us-east-1"),
        ],
    );
    let missing = sts.folder().join("missing");
    let line = refused(
        &flags(BUCKET),
        &web_identity(to_store.clone(), &sts, &missing),
    );
    assert!(
        line.contains(&missing.display().to_string()) && line.contains("No such file"),
        "{line}"
    );
    // A folder cannot be read as a file.
    let line = refused(
        &flags(BUCKET),
        &web_identity(to_store.clone(), &sts, sts.folder()),
    );
    assert!(line.contains("AWS_WEB_IDENTITY_TOKEN_FILE"), "{line}");
    assert!(line.contains("is a folder"), "{line}");

    sts.refuse();
    let token_file = sts.folder().join("token");
    std::fs::write(&token_file, TOKEN).unwrap();
    let refusing = web_identity(to_store.clone(), &sts, &token_file);
    let line = refused(&flags(BUCKET), &refusing);
    for part in [
        "cannot get credentials from STS",
        ROLE,
        "AccessDenied",
        "Not authorized",
    ] {
        assert!(line.contains(part), "{line:?} does not say {part:?}");
    }
    assert!(!line.contains(TOKEN), "the token is in {line:?}");

    let half = and(to_store, &[("AWS_WEB_IDENTITY_TOKEN_FILE", "/token")]);
    let line = refused(&flags(BUCKET), &half);
    assert!(line.contains("AWS_ROLE_ARN is not"), "{line}");
    assert_eq!(store.calls(), []);
}

/// What agents and metadata services answer.
fn temporary(key: &str) -> String {
    json!({
        "AccessKeyId": key, "SecretAccessKey": "temporary-secret", "Token": "temporary-token",
        "Expiration": "2999-01-01T00:00:00Z", "Code": "Success",
    })
    .to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_agent_of_a_container_gives_credentials_for_the_token_in_a_file() {
    let s3 = with_bucket(SeaweedFs::start());
    let proxy = Recorder::before(s3.port(), &[]);
    let agent = Recorder::answering(|_| Ok(answer(200, &temporary("FROM-AGENT"))));
    let folder = tempfile::tempdir().unwrap();
    let token_file = folder.path().join("token");
    std::fs::write(&token_file, TOKEN).unwrap();
    let environment = and(
        through(&proxy.url(), environment(&s3)),
        &[
            (
                "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                &format!("{}/v1/credentials", agent.url()),
            ),
            (
                "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
                &token_file.display().to_string(),
            ),
        ],
    );
    let server = Server::start(&flags(BUCKET), &environment);
    Client::new(&server).append_one("key", "value", true).await;
    for call in agent.calls() {
        assert_eq!(
            (call.method.as_str(), call.path.as_str()),
            ("GET", "/v1/credentials")
        );
        assert_eq!(call.headers["authorization"], TOKEN);
    }
    all_signed_by(&proxy, "FROM-AGENT");
    assert_eq!(server.terminate().await.code, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_any_other_source_the_metadata_service_of_the_instance_is_asked() {
    let s3 = with_bucket(SeaweedFs::start());
    let proxy = Recorder::before(s3.port(), &[]);
    let metadata = Recorder::answering(|call| {
        let has_token = call.headers.get("x-aws-ec2-metadata-token");
        let has_token = has_token.is_some_and(|token| token == "session");
        Ok(match (call.method.as_str(), call.path.as_str()) {
            ("PUT", "/latest/api/token") => answer(200, "session"),
            ("GET", "/latest/meta-data/iam/security-credentials/") if has_token => {
                answer(200, "log")
            }
            ("GET", "/latest/meta-data/iam/security-credentials/log") if has_token => {
                answer(200, &temporary("FROM-INSTANCE"))
            }
            _ => answer(404, ""),
        })
    });
    let endpoint = [("AWS_METADATA_ENDPOINT", metadata.url())];
    let endpoint = endpoint.each_ref().map(|(name, url)| (*name, url.as_str()));
    let environment = and(through(&proxy.url(), environment(&s3)), &endpoint);
    let server = Server::start(&flags(BUCKET), &environment);
    Client::new(&server).append_one("key", "value", true).await;
    all_signed_by(&proxy, "FROM-INSTANCE");
    assert_eq!(server.terminate().await.code, Some(0));
}

fn all_signed_by(proxy: &Recorder, key: &str) {
    let calls = proxy.calls();
    assert!(!calls.is_empty());
    for call in calls {
        assert_eq!(signed_by(&call), key);
        assert_eq!(call.headers["x-amz-security-token"], "temporary-token");
    }
}
