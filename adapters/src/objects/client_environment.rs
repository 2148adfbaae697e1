//! Environment variables and network of the object store clients.

use std::str::FromStr;
use std::sync::Arc;

use object_store::ClientConfigKey;
use object_store::client::{HttpConnector, ReqwestConnector};

use log_domain::Result;

use super::conflict::RetryingConflicts;
use super::library_variables::{self, Reader};

/// Names and values of environment variables.
pub type Variables = Vec<(String, String)>;

/// What the names of the variables of object stores begin with.
pub const PREFIXES: [&str; 3] = ["AWS_", "GOOGLE_", "AZURE_"];

/// Timeouts of every client. Variables such as `AWS_TIMEOUT`, `GOOGLE_TIMEOUT` and `AZURE_TIMEOUT` replace them.
pub(super) const TIMEOUTS: [(ClientConfigKey, &str); 3] = [
    // A slower connection attempt is abandoned. Without a bound a partition is never noticed.
    (ClientConfigKey::ConnectTimeout, "3 seconds"),
    // A slower request is abandoned and retried. It includes the body: after an outage the first file of the
    // write-ahead log can be as large as all that was not flushed.
    (ClientConfigKey::Timeout, "60 seconds"),
    // Connections that are idle this long are closed within the same time again. A start opens more than a hundred.
    // S3 closes idle ones after some seconds by itself, which fails a request that is sent at that moment
    // (<https://github.com/awslabs/aws-sdk-kotlin/issues/1214>).
    (ClientConfigKey::PoolIdleTimeout, "5 seconds"),
];

/// How object stores are reached.
#[derive(Debug, Clone, Default)]
pub struct ClientEnvironment {
    /// The `AWS_*`, `GOOGLE_*` and `AZURE_*` variables, which name endpoint, credentials and further options.
    pub variables: Variables,
    /// The network; this machine's if not given.
    pub network: Option<Arc<dyn HttpConnector>>,
}

impl ClientEnvironment {
    /// The environment of this process and the network of its machine.
    pub fn of_process() -> Self {
        Self {
            variables: environment(),
            network: None,
        }
    }

    /// The options that variables give to the client of one kind of store, each checked. Empty ones count as not given, and
    /// names that the client does not know are none of its options.
    ///
    /// # Errors
    /// [`log_domain::Error::Invalid`] for a value that the client cannot use.
    pub(super) fn options<K: FromStr>(&self, reader: Reader) -> Result<Vec<(K, &str)>> {
        let prefix = reader.prefix().unwrap_or_default();
        let mut options = Vec::new();
        for (name, value) in &self.variables {
            if name.starts_with(prefix)
                && !value.is_empty()
                && let Ok(key) = name.to_ascii_lowercase().parse()
            {
                library_variables::check_option(reader, name, value)?;
                options.push((key, value.as_str()));
            }
        }
        Ok(options)
    }

    /// Whether the variable has this value.
    pub(super) fn gives(&self, name: &str, value: &str) -> bool {
        let mut variables = self.variables.iter();
        variables.any(|(known, given)| known == name && given == value)
    }

    pub(super) fn connector(&self) -> RetryingConflicts {
        RetryingConflicts(match &self.network {
            Some(network) => Arc::clone(network),
            None => Arc::new(ReqwestConnector::default()),
        })
    }
}

fn environment() -> Variables {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| PREFIXES.iter().any(|prefix| name.starts_with(prefix)))
        .collect()
}
