//! A bucket of Google Cloud Storage as an object store, with Google's native API.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use log_domain::{Error, Result};
use object_store::gcp::{GoogleCloudStorage, GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::{ClientConfigKey, RetryConfig};
use serde_json::{Map, Value};

use super::check::{self, Candidate};
use super::client_environment::{ClientEnvironment, TIMEOUTS};
use super::credential_file::CredentialFile;
use super::library_variables::{self, Reader};
use super::proxy;
use crate::concealed::{self, in_one_line};

/// Google's public endpoint.
const ENDPOINT: &str = "https://storage.googleapis.com";

/// The variable that names another endpoint.
const BASE_URL: &str = "GOOGLE_BASE_URL";
/// The option that allows an endpoint of plain HTTP.
const ALLOW_HTTP: GoogleConfigKey = GoogleConfigKey::Client(ClientConfigKey::AllowHttp);
/// Where `gcloud` keeps its credentials, below the home folder.
const WELL_KNOWN: &str = ".config/gcloud/application_default_credentials.json";

/// A bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    /// Its name.
    pub name: String,
    /// The URL of the API; `GOOGLE_BASE_URL`, or Google's public one, if not given.
    pub endpoint: Option<String>,
}

impl Bucket {
    /// A client of this bucket. Nothing in it is read or written yet; a file with credentials is.
    pub(super) fn candidate(
        &self,
        environment: &ClientEnvironment,
        retries: RetryConfig,
    ) -> Result<Candidate> {
        let builder = self.builder(environment)?.with_retry(retries);
        let source = GcsCredentials::of(&builder);
        let value = |key| builder.get_config_value(&key);
        let endpoint = value(GoogleConfigKey::BaseUrl).unwrap_or_else(|| ENDPOINT.into());
        let configured = value(GoogleConfigKey::Client(ClientConfigKey::ProxyUrl));
        let store = self.built(builder)?;
        Ok(Candidate {
            name: format!("gs://{}", self.name),
            holder: "bucket",
            precondition: "x-goog-if-generation-match: 0",
            credentials: check::credentials(store.credentials()),
            store: Arc::new(store),
            source: source.to_string(),
            proxy: proxy::of(&endpoint, configured),
        })
    }

    fn builder(&self, environment: &ClientEnvironment) -> Result<GoogleCloudStorageBuilder> {
        let mut builder =
            GoogleCloudStorageBuilder::new().with_http_connector(environment.connector());
        // The client allows plain HTTP by itself, and would send tokens over it.
        let plain = (ClientConfigKey::AllowHttp, "false");
        for (key, default) in TIMEOUTS.into_iter().chain([plain]) {
            builder = builder.with_config(GoogleConfigKey::Client(key), default);
        }
        library_variables::name_part("the name of the bucket", &self.name)?;
        let mut endpoint = (BASE_URL, None);
        for (key, value) in environment.options(Reader::Gcs)? {
            builder = builder.with_config(key, value);
        }
        if let Some(given) = &self.endpoint {
            builder = builder.with_base_url(given.trim_end_matches('/'));
            endpoint.0 = "the endpoint";
        }
        endpoint.1 = builder.get_config_value(&GoogleConfigKey::BaseUrl);
        if let (name, Some(value)) = endpoint {
            let allowed = builder.get_config_value(&ALLOW_HTTP);
            library_variables::endpoint(name, &value, "GOOGLE_ALLOW_HTTP", allowed)?;
        }
        Ok(builder.with_bucket_name(&self.name))
    }

    /// The client. It reads its file of credentials once, here.
    fn built(&self, builder: GoogleCloudStorageBuilder) -> Result<GoogleCloudStorage> {
        use GoogleConfigKey as Key;
        let value = |key| builder.get_config_value(&key);
        // Another endpoint wins over the key's.
        let is_used = value(Key::BaseUrl).is_none();
        match (value(Key::ServiceAccount), value(Key::ServiceAccountKey)) {
            (Some(path), _) => {
                let file = CredentialFile::new("GOOGLE_SERVICE_ACCOUNT", &path);
                check_key(&file.to_string(), &file.read()?, is_used, value(ALLOW_HTTP))?;
            }
            (None, Some(key)) => {
                check_key(
                    "GOOGLE_SERVICE_ACCOUNT_KEY",
                    &key,
                    is_used,
                    value(ALLOW_HTTP),
                )?;
            }
            (None, None) if value(Key::BearerToken).is_some() => {}
            (None, None) => check_default(value(Key::ApplicationCredentials))?,
        }
        builder.build().map_err(|error| self.invalid(&error))
    }

    fn invalid(&self, error: &object_store::Error) -> Error {
        Error::invalid(in_one_line(&format!(
            "Google Cloud Storage options for bucket {}: {error}",
            self.name
        )))
    }
}

/// Checks the file of default credentials that the client would read: this one, or the one of `gcloud`.
fn check_default(path: Option<String>) -> Result<()> {
    let (variable, path) = match path {
        Some(path) => ("GOOGLE_APPLICATION_CREDENTIALS", path),
        None => {
            let home = std::env::var_os("HOME").unwrap_or_default();
            let path = Path::new(&home).join(WELL_KNOWN);
            if !path.exists() {
                return Ok(());
            }
            ("HOME", path.to_string_lossy().into_owned())
        }
    };
    let file = CredentialFile::new(variable, &path);
    credentials(&file.to_string(), &file.read()?).map(drop)
}

/// Credentials in JSON. What is of another type than the client expects is refused here: its own errors quote the value, which is
/// a secret.
fn credentials(name: &str, text: &str) -> Result<Map<String, Value>> {
    const TEXTS: [&str; 8] = [
        "type",
        "private_key",
        "private_key_id",
        "client_email",
        "gcs_base_url",
        "client_id",
        "client_secret",
        "refresh_token",
    ];
    let Ok(Value::Object(fields)) = serde_json::from_str(text) else {
        return Err(Error::invalid(format!(
            "{name} must hold credentials as Google gives them: an object in JSON with \"private_key\" or \"refresh_token\""
        )));
    };
    let wrong = |(field, is_right): (&str, fn(&Value) -> bool)| {
        let is_wrong = fields.get(field).is_some_and(|value| !is_right(value));
        is_wrong.then(|| Error::invalid(format!("{name}: {field} is not of the right type")))
    };
    let texts = TEXTS.map(|field| (field, Value::is_string as fn(&Value) -> bool));
    let flag = ("disable_oauth", Value::is_boolean as fn(&Value) -> bool);
    match texts.into_iter().chain([flag]).find_map(wrong) {
        Some(error) => Err(error),
        None => Ok(fields),
    }
}

/// Checks a service account's key and, if it is used, the endpoint that it may name, as one in a variable.
fn check_key(name: &str, key: &str, is_used: bool, allow_http: Option<String>) -> Result<()> {
    let fields = credentials(name, key)?;
    match fields.get("gcs_base_url").and_then(Value::as_str) {
        Some(url) if is_used => {
            let name = format!("gcs_base_url in {name}");
            library_variables::endpoint(&name, url, "GOOGLE_ALLOW_HTTP", allow_http)
        }
        _ => Ok(()),
    }
}

/// Who gives credentials: the first of these that is named, in the order in which the client looks.
#[derive(Debug, PartialEq, Eq)]
enum GcsCredentials {
    Token,
    KeyFile(String),
    Key,
    Application(String),
    /// The default of the well-known file, if it is there, and of the metadata server.
    Default,
}

impl GcsCredentials {
    fn of(builder: &GoogleCloudStorageBuilder) -> Self {
        use GoogleConfigKey as Key;
        let value = |key| builder.get_config_value(&key);
        if value(Key::BearerToken).is_some() {
            return Self::Token;
        }
        if let Some(file) = value(Key::ServiceAccount) {
            return Self::KeyFile(file);
        }
        if value(Key::ServiceAccountKey).is_some() {
            return Self::Key;
        }
        value(Key::ApplicationCredentials).map_or(Self::Default, Self::Application)
    }
}

impl fmt::Display for GcsCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token => f.write_str("GOOGLE_BEARER_TOKEN"),
            Self::KeyFile(file) => {
                let file = concealed::path(Path::new(file));
                write!(f, "the service account key in {file}")
            }
            Self::Key => f.write_str("GOOGLE_SERVICE_ACCOUNT_KEY"),
            Self::Application(file) => {
                let file = concealed::path(Path::new(file));
                write!(f, "GOOGLE_APPLICATION_CREDENTIALS ({file})")
            }
            Self::Default => f.write_str(
                "the metadata server (workload identity), or gcloud's default credentials, as no GOOGLE_* variable names \
                 another source",
            ),
        }
    }
}
