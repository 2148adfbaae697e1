//! No value of a variable makes the client of a store panic: those that it cannot use are refused by name.

use std::sync::Arc;

use log_adapters::objects::{Place, Reach, azure, gcs, s3};
use object_store::ClientOptions;
use object_store::aws::AmazonS3ConfigKey;
use object_store::azure::AzureConfigKey;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpRequest, HttpResponse, HttpResponseBody, HttpService,
};
use object_store::gcp::GoogleConfigKey;

/// A network where everybody answers that nothing is there.
#[derive(Debug, Clone, Copy)]
struct Empty;

impl HttpConnector for Empty {
    fn connect(&self, _options: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(*self))
    }
}

#[async_trait::async_trait]
impl HttpService for Empty {
    async fn call(&self, _request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let response = http::Response::builder().status(404);
        let body = HttpResponseBody::from("nothing".to_owned());
        Ok(response.body(body).expect("a response"))
    }
}

/// Options of every client, after the prefix.
const OF_EVERY_CLIENT: [&str; 19] = [
    "ALLOW_HTTP",
    "ALLOW_INVALID_CERTIFICATES",
    "DISABLE_SYSTEM_CERTIFICATES",
    "CONNECT_TIMEOUT",
    "DEFAULT_CONTENT_TYPE",
    "HTTP1_ONLY",
    "HTTP2_KEEP_ALIVE_INTERVAL",
    "HTTP2_KEEP_ALIVE_TIMEOUT",
    "HTTP2_KEEP_ALIVE_WHILE_IDLE",
    "HTTP2_MAX_FRAME_SIZE",
    "HTTP2_ONLY",
    "POOL_IDLE_TIMEOUT",
    "POOL_MAX_IDLE_PER_HOST",
    "PROXY_CA_CERTIFICATE",
    "PROXY_EXCLUDES",
    "PROXY_URL",
    "READ_TIMEOUT",
    "TIMEOUT",
    "USER_AGENT",
];

const OF_S3: [&str; 24] = [
    "ACCESS_KEY_ID",
    "SECRET_ACCESS_KEY",
    "SESSION_TOKEN",
    "REGION",
    "DEFAULT_REGION",
    "BUCKET",
    "ENDPOINT",
    "ENDPOINT_URL",
    "ENDPOINT_URL_S3",
    "ENDPOINT_URL_STS",
    "METADATA_ENDPOINT",
    "CONTAINER_CREDENTIALS_RELATIVE_URI",
    "CONTAINER_CREDENTIALS_FULL_URI",
    "CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "WEB_IDENTITY_TOKEN_FILE",
    "ROLE_ARN",
    "ROLE_SESSION_NAME",
    "SERVER_SIDE_ENCRYPTION",
    "SSE_KMS_KEY_ID",
    "SSE_CUSTOMER_KEY_BASE64",
    "SKIP_SIGNATURE",
    "VIRTUAL_HOSTED_STYLE_REQUEST",
    "CHECKSUM_ALGORITHM",
    "UNSIGNED_PAYLOAD",
];

const OF_GOOGLE: [&str; 6] = [
    "BASE_URL",
    "BEARER_TOKEN",
    "SERVICE_ACCOUNT",
    "SERVICE_ACCOUNT_KEY",
    "APPLICATION_CREDENTIALS",
    "SKIP_SIGNATURE",
];

const OF_AZURE: [&str; 22] = [
    "STORAGE_ACCOUNT_NAME",
    "STORAGE_ACCOUNT_KEY",
    "STORAGE_TOKEN",
    "STORAGE_SAS_TOKEN",
    "STORAGE_ENDPOINT",
    "ENDPOINT",
    "AUTHORITY_HOST",
    "TENANT_ID",
    "CLIENT_ID",
    "CLIENT_SECRET",
    "FEDERATED_TOKEN_FILE",
    "MSI_ENDPOINT",
    "OBJECT_ID",
    "MSI_RESOURCE_ID",
    "USE_AZURE_CLI",
    "SKIP_SIGNATURE",
    "DISABLE_TAGGING",
    "CREDENTIAL_TYPE",
    "STORAGE_ENCRYPTION_KEY",
    "STORAGE_USE_EMULATOR",
    "CONTAINER_NAME",
    "USE_FABRIC_ENDPOINT",
];

/// What people, templates and shells put into variables.
const VALUES: [&str; 25] = [
    "",
    "\n",
    "value\n",
    " value",
    "a b",
    "größe",
    "\u{7f}",
    "..",
    "/",
    "?",
    "%",
    "minio:9000",
    "localhost",
    "mailto:a@b",
    "http://",
    "https://:1",
    "http://[::1",
    "http://host:99999",
    "http://a b/",
    "http://host/\"<>^`{|}",
    "https://host/?a=b#c",
    "https://user:password@host",
    "true",
    "{}",
    "arn:aws:iam::123456789012:role/log",
];

type Variables<'a> = &'a [(&'a str, &'a str)];

/// Sets one variable after the other to each value, beside each of the bases, and finds out what the start says.
async fn nothing_panics(place: Place, prefix: &str, names: &[&str], bases: &[Variables<'_>]) {
    let mut wrong = Vec::new();
    for name in names.iter().chain(&OF_EVERY_CLIENT) {
        let name = format!("{prefix}{name}");
        for value in VALUES {
            for base in bases {
                let owned =
                    |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
                let mut variables: Vec<_> = base.iter().map(owned).collect();
                variables.retain(|(earlier, _)| *earlier != name);
                variables.push((name.clone(), value.to_owned()));
                let reach = Reach {
                    variables,
                    network: Some(Arc::new(Empty)),
                };
                let place = place.clone();
                let checking = tokio::spawn(async move { place.check("log", &reach).await });
                match checking.await {
                    Err(panic) => wrong.push(format!("{name}={value:?}: {panic}")),
                    Ok(Ok(())) => wrong.push(format!("{name}={value:?}: is there")),
                    Ok(Err(refusal)) => {
                        let refusal = refusal.to_string();
                        if refusal.contains('\n') || refusal.contains("password@") {
                            wrong.push(format!("{name}={value:?}: {refusal}"));
                        }
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_variable_of_these_tests_is_one_that_the_clients_read() {
    for name in OF_S3.iter().chain(&OF_EVERY_CLIENT) {
        let parsed = format!("aws_{name}")
            .to_lowercase()
            .parse::<AmazonS3ConfigKey>();
        parsed.unwrap_or_else(|_| panic!("AWS_{name}"));
    }
    for name in OF_GOOGLE.iter().chain(&OF_EVERY_CLIENT) {
        let parsed = format!("google_{name}")
            .to_lowercase()
            .parse::<GoogleConfigKey>();
        parsed.unwrap_or_else(|_| panic!("GOOGLE_{name}"));
    }
    for name in OF_AZURE.iter().chain(&OF_EVERY_CLIENT) {
        let parsed = format!("azure_{name}")
            .to_lowercase()
            .parse::<AzureConfigKey>();
        parsed.unwrap_or_else(|_| panic!("AZURE_{name}"));
    }
}

#[tokio::test]
async fn no_value_of_a_variable_makes_the_client_of_s3_panic() {
    let place = Place::S3(s3::Bucket {
        name: "bucket".into(),
        region: None,
        encryption: None,
    });
    let keys = [
        ("AWS_ACCESS_KEY_ID", "id"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
    ];
    let token = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let role = [
        ("AWS_ROLE_ARN", "role"),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", token),
    ];
    nothing_panics(place, "AWS_", &OF_S3, &[&keys, &role, &[]]).await;
}

#[tokio::test]
async fn no_value_of_a_variable_makes_the_client_of_google_panic() {
    let place = Place::Gcs(gcs::Bucket {
        name: "bucket".into(),
        endpoint: None,
    });
    let token = [("GOOGLE_BEARER_TOKEN", "token")];
    nothing_panics(place, "GOOGLE_", &OF_GOOGLE, &[&token, &[]]).await;
}

#[tokio::test]
async fn no_value_of_a_variable_makes_the_client_of_azure_panic() {
    let place = Place::Azure(azure::Container {
        account: "account".into(),
        name: "container".into(),
        endpoint: None,
    });
    let key = [("AZURE_STORAGE_ACCOUNT_KEY", "a2V5")];
    let token = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let workload = [
        ("AZURE_FEDERATED_TOKEN_FILE", token),
        ("AZURE_CLIENT_ID", "client"),
        ("AZURE_TENANT_ID", "tenant"),
    ];
    nothing_panics(place, "AZURE_", &OF_AZURE, &[&key, &workload, &[]]).await;
}
