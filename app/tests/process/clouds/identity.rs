//! Credentials without stored keys, and from a file: workload identities of GKE and AKS, and a key of a service account.

use std::process::Command;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use log_testkit::azurite::Azurite;
use log_testkit::recorder::{Recorder, answer};
use serde_json::{Value, json};

use super::{BUCKET, and, azure, google, in_azure, in_google, refused, says};
use crate::support::client::Client;
use crate::support::server::{Server, Variable};

async fn serves(flags: &[String], environment: &[Variable]) {
    let server = Server::start(flags, environment);
    Client::new(&server).append_one("key", "value", true).await;
    assert_eq!(server.terminate().await.code, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_gke_the_metadata_server_gives_the_token() {
    let gcs = google();
    gcs.accept_token("of-the-workload");
    let metadata = Recorder::answering(|call| {
        let asked = "/computeMetadata/v1/instance/service-accounts/default/token";
        let flavor = call.headers.get("metadata-flavor").map(String::as_str);
        Ok(match (call.path.as_str(), flavor) {
            (path, Some("Google")) if path == asked => {
                let token = json!({ "access_token": "of-the-workload", "expires_in": 3600, "token_type": "Bearer" });
                answer(200, &token.to_string())
            }
            _ => answer(403, ""),
        })
    });
    let host = format!("127.0.0.1:{}", metadata.port());
    let folder = tempfile::tempdir().expect("a folder");
    let home = folder.path().display().to_string();
    let identity = [("GCE_METADATA_HOST", host.as_str()), ("HOME", &home)];
    serves(&in_google(BUCKET), &and(gcs.environment(), &identity)).await;
    assert!(!metadata.calls().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_of_a_service_account_signs_the_token() {
    let gcs = google();
    let folder = tempfile::tempdir().expect("a folder");
    let made = Command::new("openssl")
        .args([
            "genpkey",
            "-algorithm",
            "RSA",
            "-pkeyopt",
            "rsa_keygen_bits:2048",
        ])
        .output()
        .expect("run openssl");
    assert!(made.status.success());
    let key = json!({
        "type": "service_account",
        "private_key": String::from_utf8(made.stdout).expect("PEM"),
        "private_key_id": "the-key",
        "client_email": "log@project.iam.gserviceaccount.com",
    });
    let file = folder.path().join("key.json");
    std::fs::write(&file, key.to_string()).expect("written");
    let file = file.display().to_string();
    let with_file = and(
        gcs.environment(),
        &[("GOOGLE_SERVICE_ACCOUNT", file.as_str())],
    );
    serves(&in_google(BUCKET), &with_file).await;
    let calls = gcs.calls();
    let given = calls
        .last()
        .and_then(|call| call.headers.get("authorization"));
    let token = given
        .and_then(|text| text.strip_prefix("Bearer "))
        .expect("a token");
    let parts: Vec<&str> = token.split('.').collect();
    let part = |at: usize| -> Value {
        let json = URL_SAFE_NO_PAD.decode(parts[at]).expect("base64");
        serde_json::from_slice(&json).expect("JSON")
    };
    assert_eq!(part(0)["kid"], "the-key");
    assert_eq!(part(1)["iss"], "log@project.iam.gserviceaccount.com");
    let missing = and(
        gcs.environment(),
        &[("GOOGLE_SERVICE_ACCOUNT", "/not/there.json")],
    );
    says(
        &refused(&in_google(BUCKET), &missing),
        &["/not/there.json", "No such file"],
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_aks_entra_id_gives_a_token_for_the_one_in_a_file() {
    let azurite = azure();
    let front = azurite.before(|token| token == "of-the-workload");
    let asked = Arc::new(Mutex::new(String::new()));
    let seen = Arc::clone(&asked);
    let entra = Recorder::answering(move |call| {
        assert_eq!(call.path, "/the-tenant/oauth2/v2.0/token");
        *seen.lock().expect("no panic") = String::from_utf8_lossy(&call.body).into_owned();
        let token = json!({ "access_token": "of-the-workload", "expires_in": 3600, "token_type": "Bearer" });
        Ok(answer(200, &token.to_string()))
    });
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("token");
    std::fs::write(&file, "of-the-cluster").expect("written");
    let file = file.display().to_string();
    let url = entra.url();
    let mut environment = Azurite::environment_at(front.port());
    environment.retain(|(name, _)| name != "AZURE_STORAGE_ACCOUNT_KEY");
    let identity = [
        ("AZURE_AUTHORITY_HOST", url.as_str()),
        ("AZURE_CLIENT_ID", "the-client"),
        ("AZURE_TENANT_ID", "the-tenant"),
        ("AZURE_FEDERATED_TOKEN_FILE", file.as_str()),
    ];
    serves(&in_azure(BUCKET), &and(environment.clone(), &identity)).await;
    let asked = asked.lock().expect("no panic").clone();
    for part in ["client_id=the-client", "client_assertion=of-the-cluster"] {
        assert!(asked.contains(part), "{asked}");
    }
    let half = refused(&in_azure(BUCKET), &and(environment.clone(), &identity[3..]));
    says(
        &half,
        &["AZURE_FEDERATED_TOKEN_FILE is set, but AZURE_TENANT_ID is not"],
    );

    // Without any of that the metadata service of the machine is asked.
    let metadata = Recorder::answering(|call| {
        assert_eq!(
            call.headers.get("metadata").map(String::as_str),
            Some("true")
        );
        let token = json!({ "access_token": "of-the-workload", "expires_on": "4102444800" });
        Ok(answer(200, &token.to_string()))
    });
    let managed = [("AZURE_MSI_ENDPOINT", metadata.url())];
    let managed = managed.each_ref().map(|(name, url)| (*name, url.as_str()));
    serves(&in_azure(BUCKET), &and(environment, &managed)).await;
}
