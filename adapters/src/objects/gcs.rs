//! A bucket of Google Cloud Storage as an object store, by Google's own API.

use std::fmt;
use std::sync::Arc;

use log_domain::{Error, Result};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::{ClientConfigKey, ObjectStore};

use super::check::{self, Candidate};
use super::reach::{Reach, TIMEOUTS};
use super::{proxy, variables};

/// Google's public endpoint.
const ENDPOINT: &str = "https://storage.googleapis.com";

/// A bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    /// Its name.
    pub name: String,
    /// The URL of the API; `GOOGLE_BASE_URL`, or Google's public one, if not given.
    pub endpoint: Option<String>,
}

impl Bucket {
    /// The store in this bucket. Nothing is read or written yet, but the file with a key of a service account.
    ///
    /// # Errors
    /// [`Error::Invalid`] when an option is not valid, or options contradict each other.
    pub fn open(&self, reach: &Reach) -> Result<Arc<dyn ObjectStore>> {
        let store = self.builder(reach)?.build();
        Ok(Arc::new(store.map_err(|e| self.invalid(&e))?))
    }

    /// Finds out within seconds whether a log can live here below `path`.
    ///
    /// # Errors
    /// As [`super::s3::Bucket::check`].
    pub async fn check(&self, path: &str, reach: &Reach) -> Result<()> {
        let builder = self.builder(reach)?.with_retry(check::no_retries());
        let source = Source::of(&builder);
        let value = |key| builder.get_config_value(&key);
        let endpoint = value(GoogleConfigKey::BaseUrl).unwrap_or_else(|| ENDPOINT.into());
        let configured = value(GoogleConfigKey::Client(ClientConfigKey::ProxyUrl));
        let store = builder.build().map_err(|error| self.invalid(&error))?;
        let candidate = Candidate {
            name: format!("gs://{}", self.name),
            holder: "bucket",
            precondition: "x-goog-if-generation-match: 0",
            credentials: check::credentials(store.credentials()),
            store: Arc::new(store),
            source: source.to_string(),
            proxy: proxy::of(&endpoint, configured),
        };
        check::check(&candidate, path).await
    }

    fn builder(&self, reach: &Reach) -> Result<GoogleCloudStorageBuilder> {
        let mut builder = GoogleCloudStorageBuilder::new().with_http_connector(reach.connector());
        // The client allows plain HTTP by itself, and would send tokens over it.
        let plain = (ClientConfigKey::AllowHttp, "false");
        for (key, default) in TIMEOUTS.into_iter().chain([plain]) {
            builder = builder.with_config(GoogleConfigKey::Client(key), default);
        }
        variables::name_part("the name of the bucket", &self.name)?;
        let mut endpoint = ("GOOGLE_BASE_URL", None);
        for (name, value) in reach.variables_of("GOOGLE_") {
            if let Ok(key) = name.to_ascii_lowercase().parse()
                && !value.is_empty()
            {
                variables::check(name, value)?;
                builder = builder.with_config(key, value);
            }
        }
        if let Some(given) = &self.endpoint {
            builder = builder.with_base_url(given.trim_end_matches('/'));
            endpoint.0 = "the endpoint";
        }
        endpoint.1 = builder.get_config_value(&GoogleConfigKey::BaseUrl);
        if let (name, Some(value)) = endpoint {
            let allowed = GoogleConfigKey::Client(ClientConfigKey::AllowHttp);
            let allowed = builder.get_config_value(&allowed);
            variables::plain_http(name, &value, "GOOGLE_ALLOW_HTTP", allowed)?;
        }
        Ok(builder.with_bucket_name(&self.name))
    }

    fn invalid(&self, error: &object_store::Error) -> Error {
        Error::invalid(variables::in_one_line(&format!(
            "Google Cloud Storage options for bucket {}: {error}",
            self.name
        )))
    }
}

/// Who gives credentials: the first of these that is named, in the order in which the client looks.
#[derive(Debug, PartialEq, Eq)]
enum Source {
    Token,
    KeyFile(String),
    Key,
    Application(String),
    /// The default of the well-known file, if it is there, and of the metadata server.
    Default,
}

impl Source {
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

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token => f.write_str("GOOGLE_BEARER_TOKEN"),
            Self::KeyFile(file) => write!(f, "the service account key in {file}"),
            Self::Key => f.write_str("GOOGLE_SERVICE_ACCOUNT_KEY"),
            Self::Application(file) => write!(f, "GOOGLE_APPLICATION_CREDENTIALS ({file})"),
            Self::Default => f.write_str(
                "the metadata server (workload identity), or gcloud's default credentials, as no GOOGLE_* variable names \
                 another source",
            ),
        }
    }
}
