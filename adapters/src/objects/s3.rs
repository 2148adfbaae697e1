//! An S3 bucket as an object store.

use std::sync::Arc;

use log_domain::{Error, Result};
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey, S3ConditionalPut};
use object_store::{ClientConfigKey, RetryConfig};

use super::check::{self, Candidate};
use super::client_environment::{ClientEnvironment, TIMEOUTS, Variables};
use super::credential_file::Guarded;
use super::library_variables::{self, Reader};
use super::proxy;
use super::s3_credentials::S3Credentials;
use crate::concealed::in_one_line;

/// How the name of a directory bucket ends: one of S3 Express One Zone, which is spoken to in sessions.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/directory-bucket-naming-rules.html>
const DIRECTORY_BUCKET: &str = "--x-s3";

/// The variables that name an endpoint.
const ENDPOINTS: [&str; 3] = ["AWS_ENDPOINT", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"];

/// A bucket, and what every object in it is written with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    /// Its name.
    pub name: String,
    /// Its region; `AWS_REGION` if not given.
    pub region: Option<String>,
    /// How S3 is to encrypt what is written; as `AWS_SERVER_SIDE_ENCRYPTION` says, or the bucket, if not given.
    pub encryption: Option<Encryption>,
}

/// What S3 encrypts with, at rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Encryption {
    /// Keys of S3's own.
    SseS3,
    /// A key in KMS: this one, or the account's own for S3.
    SseKms(Option<String>),
    /// Twice, with a key in KMS: this one, or the account's own for S3.
    DsseKms(Option<String>),
}

impl Bucket {
    /// A client of this bucket. Nothing in it is read or written yet; a file with a token is.
    pub(super) fn candidate(
        &self,
        environment: &ClientEnvironment,
        retries: RetryConfig,
    ) -> Result<Candidate> {
        let builder = self.builder(environment)?.with_retry(retries);
        let source = S3Credentials::of(&builder)?;
        let value = |key| builder.get_config_value(&key);
        let endpoint = value(AmazonS3ConfigKey::S3Endpoint);
        let endpoint = endpoint.or_else(|| value(AmazonS3ConfigKey::Endpoint));
        let endpoint = endpoint.unwrap_or_else(|| {
            let region = value(AmazonS3ConfigKey::Region);
            let region = region.unwrap_or_else(|| "us-east-1".into());
            format!("https://s3.{region}.amazonaws.com")
        });
        let configured = value(AmazonS3ConfigKey::Client(ClientConfigKey::ProxyUrl));
        let store = self.built(builder, &source)?;
        let credentials = match source {
            S3Credentials::Unsigned => None,
            _ => check::credentials(store.credentials()),
        };
        Ok(Candidate {
            name: format!("s3://{}", self.name),
            holder: "bucket",
            precondition: "If-None-Match: *",
            store: Arc::new(store),
            source: source.to_string(),
            credentials,
            proxy: proxy::of(&endpoint, configured),
        })
    }

    fn builder(&self, environment: &ClientEnvironment) -> Result<AmazonS3Builder> {
        let mut builder = AmazonS3Builder::new().with_http_connector(environment.connector());
        for (key, default) in TIMEOUTS {
            builder = builder.with_config(AmazonS3ConfigKey::Client(key), default);
        }
        library_variables::name_part("the name of the bucket", &self.name)?;
        for (key, value) in environment.options(Reader::S3)? {
            builder = builder.with_config(key, value);
        }
        for (name, value) in self.encryption.iter().flat_map(Encryption::variables) {
            library_variables::check_option(Reader::S3, &name, &value)?;
            if let Ok(key) = name.to_ascii_lowercase().parse() {
                builder = builder.with_config(key, value);
            }
        }
        let endpoint = builder.get_config_value(&AmazonS3ConfigKey::S3Endpoint);
        let endpoint = endpoint.or_else(|| builder.get_config_value(&AmazonS3ConfigKey::Endpoint));
        if let Some(value) = endpoint {
            let mut names = ENDPOINTS.into_iter();
            let name = names.find(|name| environment.gives(name, &value));
            let allowed = AmazonS3ConfigKey::Client(ClientConfigKey::AllowHttp);
            let allowed = builder.get_config_value(&allowed);
            library_variables::endpoint(
                name.unwrap_or("the endpoint"),
                &value,
                "AWS_ALLOW_HTTP",
                allowed,
            )?;
        }
        builder = builder
            .with_bucket_name(&self.name)
            .with_conditional_put(S3ConditionalPut::ETagMatch)
            // The variable would be for both buckets, and one of them may be an ordinary one.
            .with_s3_express(self.name.ends_with(DIRECTORY_BUCKET));
        if let Some(region) = &self.region {
            library_variables::name_part("the region", region)?;
            builder = builder.with_region(region);
        }
        Ok(builder)
    }

    /// The client, which reads files of others only when they can be used.
    fn built(&self, builder: AmazonS3Builder, source: &S3Credentials) -> Result<AmazonS3> {
        let build = |builder: AmazonS3Builder| builder.build().map_err(|e| self.invalid(&e));
        let Some(file) = source.file() else {
            return build(builder);
        };
        file.read()?;
        let client = build(builder.clone())?;
        build(builder.with_credentials(Guarded::new(client.credentials(), file)))
    }

    fn invalid(&self, error: &object_store::Error) -> Error {
        Error::invalid(in_one_line(&format!(
            "S3 options for bucket {}: {error}",
            self.name
        )))
    }
}

impl Encryption {
    /// The variables that say the same.
    fn variables(&self) -> Variables {
        let (kind, key) = match self {
            Self::SseS3 => ("AES256", None),
            Self::SseKms(key) => ("aws:kms", key.as_ref()),
            Self::DsseKms(key) => ("aws:kms:dsse", key.as_ref()),
        };
        let kind = ("AWS_SERVER_SIDE_ENCRYPTION", kind);
        let key = key.map(|key| ("AWS_SSE_KMS_KEY_ID", key.as_str()));
        let variables = std::iter::once(kind).chain(key);
        variables
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }
}
