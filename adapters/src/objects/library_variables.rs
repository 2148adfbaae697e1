//! The environment variables that libraries read: which there are, who reads them, and what they must be.
//!
//! Some libraries panic on a value that they cannot use (`object_store` puts values into headers and URLs with `unwrap` and
//! `expect`), and others ignore it in silence. So each is checked before its library reads it, and refused by name.

mod accepts;

use std::ffi::OsString;

use log_domain::{Error, Result};

use accepts::Accepts::{
    self, Base64, Certificates, Folders, Header, Host, Name, Number, Parameter, Path, Proxy, Text,
    TlsUrl, Url, UrlPath,
};
pub(crate) use accepts::{endpoint, name_part, text};

/// Who reads a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// Every process.
    Process,
    /// The network client of every object store.
    Network,
    /// The client of S3.
    S3,
    /// The client of Google Cloud Storage.
    Gcs,
    /// The client of Azure Blob Storage.
    Azure,
}

impl Reader {
    /// What the names of all options of this client begin with.
    pub fn prefix(self) -> Option<&'static str> {
        match self {
            Self::Process | Self::Network => None,
            Self::S3 => Some("AWS_"),
            Self::Gcs => Some("GOOGLE_"),
            Self::Azure => Some("AZURE_"),
        }
    }
}

/// A variable that a library reads.
struct Variable(Reader, &'static str, Accepts);

use Reader::{Azure, Gcs, Network, Process, S3};

/// All of them, but for the options that the client of every kind of store has: [`OF_EVERY_STORE`].
static VARIABLES: [Variable; 96] = [
    // Tokio panics on what is no number, and on 0; and when the machine cannot have as many threads.
    Variable(Process, "TOKIO_WORKER_THREADS", Number(1..=1024)),
    // Tokio panics when there is no room for a thread's stack.
    Variable(Process, "RUST_MIN_STACK", Number(64 << 10..=256 << 20)),
    Variable(Network, "SSL_CERT_FILE", Certificates),
    Variable(Network, "SSL_CERT_DIR", Folders),
    Variable(Network, "HTTP_PROXY", Proxy),
    Variable(Network, "HTTPS_PROXY", Proxy),
    Variable(Network, "ALL_PROXY", Proxy),
    Variable(Network, "NO_PROXY", Text),
    Variable(Network, "http_proxy", Proxy),
    Variable(Network, "https_proxy", Proxy),
    Variable(Network, "all_proxy", Proxy),
    Variable(Network, "no_proxy", Text),
    Variable(S3, "AWS_ACCESS_KEY_ID", Header),
    Variable(S3, "AWS_SECRET_ACCESS_KEY", Header),
    Variable(S3, "AWS_DEFAULT_REGION", Name),
    Variable(S3, "AWS_REGION", Name),
    Variable(S3, "AWS_BUCKET", Name),
    Variable(S3, "AWS_BUCKET_NAME", Header),
    Variable(S3, "AWS_ENDPOINT_URL", Url),
    Variable(S3, "AWS_ENDPOINT", Url),
    Variable(S3, "AWS_ENDPOINT_URL_S3", Url),
    Variable(S3, "AWS_SESSION_TOKEN", Header),
    Variable(S3, "AWS_TOKEN", Header),
    Variable(S3, "AWS_VIRTUAL_HOSTED_STYLE_REQUEST", Header),
    Variable(S3, "AWS_S3_EXPRESS", Header),
    Variable(S3, "AWS_IMDSV1_FALLBACK", Header),
    Variable(S3, "AWS_METADATA_ENDPOINT", Url),
    Variable(S3, "AWS_UNSIGNED_PAYLOAD", Header),
    Variable(S3, "AWS_CHECKSUM_ALGORITHM", Header),
    Variable(S3, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", UrlPath),
    Variable(S3, "AWS_CONTAINER_CREDENTIALS_FULL_URI", Url),
    Variable(S3, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", Path),
    Variable(S3, "AWS_WEB_IDENTITY_TOKEN_FILE", Path),
    Variable(S3, "AWS_ROLE_ARN", Parameter),
    Variable(S3, "AWS_ROLE_SESSION_NAME", Parameter),
    Variable(S3, "AWS_ENDPOINT_URL_STS", TlsUrl),
    Variable(S3, "AWS_SKIP_SIGNATURE", Header),
    Variable(S3, "AWS_COPY_IF_NOT_EXISTS", Header),
    Variable(S3, "AWS_CONDITIONAL_PUT", Header),
    Variable(S3, "AWS_DISABLE_TAGGING", Header),
    Variable(S3, "AWS_DISABLE_BULK_DELETE", Header),
    Variable(S3, "AWS_REQUEST_PAYER", Header),
    Variable(S3, "AWS_SERVER_SIDE_ENCRYPTION", Header),
    Variable(S3, "AWS_SSE_KMS_KEY_ID", Header),
    Variable(S3, "AWS_SSE_BUCKET_KEY_ENABLED", Header),
    Variable(S3, "AWS_SSE_CUSTOMER_KEY_BASE64", Base64),
    // Google's tools have them in place of its metadata server.
    Variable(Gcs, "GCE_METADATA_HOST", Host),
    Variable(Gcs, "GCE_METADATA_ROOT", Host),
    Variable(Gcs, "GCE_METADATA_IP", Host),
    Variable(Gcs, "GOOGLE_SERVICE_ACCOUNT", Path),
    Variable(Gcs, "GOOGLE_SERVICE_ACCOUNT_PATH", Path),
    Variable(Gcs, "GOOGLE_SERVICE_ACCOUNT_KEY", Text),
    Variable(Gcs, "GOOGLE_BUCKET", Header),
    Variable(Gcs, "GOOGLE_BUCKET_NAME", Header),
    Variable(Gcs, "GOOGLE_BASE_URL", Url),
    Variable(Gcs, "GOOGLE_APPLICATION_CREDENTIALS", Path),
    Variable(Gcs, "GOOGLE_BEARER_TOKEN", Header),
    Variable(Gcs, "GOOGLE_SKIP_SIGNATURE", Header),
    // Azure's tools have them in place of the emulator and of the metadata server's secret.
    Variable(Azure, "AZURITE_BLOB_STORAGE_URL", Url),
    Variable(Azure, "IDENTITY_HEADER", Header),
    Variable(Azure, "AZURE_STORAGE_ACCOUNT_KEY", Base64),
    Variable(Azure, "AZURE_STORAGE_ACCESS_KEY", Base64),
    Variable(Azure, "AZURE_STORAGE_MASTER_KEY", Base64),
    Variable(Azure, "AZURE_STORAGE_ACCOUNT_NAME", Name),
    Variable(Azure, "AZURE_STORAGE_CLIENT_ID", Parameter),
    Variable(Azure, "AZURE_CLIENT_ID", Parameter),
    Variable(Azure, "AZURE_STORAGE_CLIENT_SECRET", Header),
    Variable(Azure, "AZURE_CLIENT_SECRET", Header),
    Variable(Azure, "AZURE_STORAGE_TENANT_ID", Name),
    Variable(Azure, "AZURE_STORAGE_AUTHORITY_ID", Name),
    Variable(Azure, "AZURE_TENANT_ID", Name),
    Variable(Azure, "AZURE_AUTHORITY_ID", Name),
    Variable(Azure, "AZURE_STORAGE_AUTHORITY_HOST", Url),
    Variable(Azure, "AZURE_AUTHORITY_HOST", Url),
    Variable(Azure, "AZURE_STORAGE_SAS_KEY", Parameter),
    Variable(Azure, "AZURE_STORAGE_SAS_TOKEN", Parameter),
    Variable(Azure, "AZURE_STORAGE_TOKEN", Header),
    Variable(Azure, "AZURE_STORAGE_USE_EMULATOR", Header),
    Variable(Azure, "AZURE_STORAGE_ENDPOINT", Url),
    Variable(Azure, "AZURE_ENDPOINT", Url),
    Variable(Azure, "AZURE_MSI_ENDPOINT", Url),
    Variable(Azure, "AZURE_IDENTITY_ENDPOINT", Url),
    Variable(Azure, "AZURE_OBJECT_ID", Parameter),
    Variable(Azure, "AZURE_MSI_RESOURCE_ID", Parameter),
    Variable(Azure, "AZURE_FEDERATED_TOKEN_FILE", Path),
    Variable(Azure, "AZURE_USE_FABRIC_ENDPOINT", Header),
    Variable(Azure, "AZURE_USE_AZURE_CLI", Header),
    Variable(Azure, "AZURE_SKIP_SIGNATURE", Header),
    Variable(Azure, "AZURE_CONTAINER_NAME", Header),
    Variable(Azure, "AZURE_DISABLE_TAGGING", Header),
    Variable(Azure, "AZURE_FABRIC_TOKEN_SERVICE_URL", Url),
    Variable(Azure, "AZURE_FABRIC_WORKLOAD_HOST", Url),
    Variable(Azure, "AZURE_FABRIC_SESSION_TOKEN", Header),
    Variable(Azure, "AZURE_FABRIC_CLUSTER_IDENTIFIER", Header),
    Variable(Azure, "AZURE_CREDENTIAL_TYPE", Header),
    Variable(Azure, "AZURE_STORAGE_ENCRYPTION_KEY", Base64),
];

/// Options that the client of every kind of store has, below its prefix.
static OF_EVERY_STORE: [(&str, Accepts); 20] = [
    ("ALLOW_HTTP", Header),
    ("ALLOW_INVALID_CERTIFICATES", Header),
    ("DISABLE_SYSTEM_CERTIFICATES", Header),
    ("CONNECT_TIMEOUT", Header),
    ("DEFAULT_CONTENT_TYPE", Header),
    ("HTTP1_ONLY", Header),
    ("HTTP2_ONLY", Header),
    ("HTTP2_KEEP_ALIVE_INTERVAL", Header),
    ("HTTP2_KEEP_ALIVE_TIMEOUT", Header),
    ("HTTP2_KEEP_ALIVE_WHILE_IDLE", Header),
    ("HTTP2_MAX_FRAME_SIZE", Header),
    ("POOL_IDLE_TIMEOUT", Header),
    ("POOL_MAX_IDLE_PER_HOST", Header),
    ("PROXY_URL", Proxy),
    ("PROXY_CA_CERTIFICATE", Text),
    ("PROXY_EXCLUDES", Header),
    ("RANDOMIZE_ADDRESSES", Header),
    ("READ_TIMEOUT", Header),
    ("TIMEOUT", Header),
    ("USER_AGENT", Header),
];

/// Checks what these read, before they do. Empty options of stores count as not given.
///
/// # Errors
/// [`Error::Invalid`] that names the variable and says what is accepted.
pub fn check(
    readers: &[Reader],
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<()> {
    let mut environment: Vec<_> = environment.into_iter().collect();
    environment.sort();
    for (name, value) in environment {
        let Some(name) = name.to_str() else { continue };
        let accepts = readers.iter().find_map(|&reader| accepts(reader, name));
        let prefixes = readers.iter().filter_map(|reader| reader.prefix());
        let is_option = prefixes.into_iter().any(|prefix| name.starts_with(prefix));
        if accepts.is_none() && !is_option {
            continue;
        }
        let Some(value) = value.to_str() else {
            return Err(Error::invalid(format!("{name} must be text in UTF-8")));
        };
        if let Some(accepts) = accepts
            && !(value.is_empty() && is_option)
        {
            accepts.check(name, value)?;
        }
    }
    Ok(())
}

/// Checks an option that is about to be given to the client of a store. One that the table does not have is refused unless it
/// fits into a header, where most of them go.
///
/// # Errors
/// As [`check`].
pub(crate) fn check_option(reader: Reader, name: &str, value: &str) -> Result<()> {
    accepts(reader, name)
        .unwrap_or(&Accepts::Header)
        .check(name, value)
}

/// The names of all variables that this one reads.
pub fn names(reader: Reader) -> Vec<String> {
    let own = VARIABLES.iter().filter(|Variable(of, ..)| *of == reader);
    let own = own.map(|Variable(_, name, _)| (*name).to_owned());
    let prefix = reader.prefix().into_iter();
    let shared = prefix.flat_map(|prefix| {
        let names = OF_EVERY_STORE.iter().map(|(name, _)| name);
        names.map(move |name| format!("{prefix}{name}"))
    });
    own.chain(shared).collect()
}

fn accepts(reader: Reader, name: &str) -> Option<&'static Accepts> {
    let own = VARIABLES
        .iter()
        .find(|Variable(of, known, _)| *of == reader && *known == name);
    if let Some(Variable(_, _, accepts)) = own {
        return Some(accepts);
    }
    let option = name.strip_prefix(reader.prefix()?)?;
    let shared = OF_EVERY_STORE.iter().find(|(known, _)| *known == option);
    shared.map(|(_, accepts)| accepts)
}
