//! The settings of what web pages may do, and of the names that the server answers to.

use log_adapters::http::{AllowedHosts, AllowedOrigins};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use super::Config;

/// Access from browsers, and the host names that the server accepts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Http {
    /// The names that the server accepts in `Host` in addition to `localhost` and loopback addresses, as a list or a
    /// text with commas: `log.example.com`, `log.example.com:8443` for one port only, or `*` for all. Requests with
    /// other names are answered 403. If the setting is empty, a server on loopback without tokens accepts no other
    /// name, which prevents DNS rebinding by web pages; every other server accepts all names. If it is not empty, a
    /// server that is not on loopback, or that has tokens, also accepts every IP address.
    #[serde(deserialize_with = "list")]
    pub allowed_hosts: Vec<String>,
    /// Cross-origin resource sharing.
    pub cors: Cors,
    /// Whether to serve the console at `/console`.
    pub console: bool,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            allowed_hosts: Vec::new(),
            cors: Cors::default(),
            console: true,
        }
    }
}

/// Cross-origin resource sharing: which web pages of other servers may use this one.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Cors {
    /// The origins whose pages can read responses and append, as a list or a text with commas:
    /// `https://app.example.com`, `http://localhost:3000`, or `*` for all. Appends from other origins, except the
    /// server's own, are answered 403, and browsers do not pass responses to their pages.
    #[serde(deserialize_with = "list")]
    pub allow_origins: Vec<String>,
}

/// What the settings of names and origins come to.
#[derive(Debug, Clone)]
pub(super) struct Allowed {
    pub(super) origins: AllowedOrigins,
    pub(super) hosts: AllowedHosts,
    pub(super) operators_hosts: AllowedHosts,
}

impl Config {
    /// Whose pages may use the server, and by which names.
    pub(super) fn allowed(&self) -> Result<Allowed, String> {
        let for_those_here_only = self.host.is_loopback() && self.auth.tokens.is_none();
        let origins = AllowedOrigins::new(&self.http.cors.allow_origins)
            .map_err(|why| format!("http.cors.allow_origins: {why}"))?;
        let hosts = |loopback_only| {
            AllowedHosts::new(&self.http.allowed_hosts, loopback_only)
                .map_err(|why| format!("http.allowed_hosts: {why}"))
        };
        Ok(Allowed {
            origins,
            hosts: hosts(for_those_here_only)?,
            operators_hosts: hosts(self.admin.host.is_loopback())?,
        })
    }
}

/// A list, or a text with commas, as variables are easiest to write.
fn list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(
        untagged,
        expecting = "expected a list of texts, or one text with commas, such as \"a.example, b.example\""
    )]
    enum Given {
        List(Vec<String>),
        Text(String),
    }
    let entries = match Given::deserialize(deserializer)? {
        Given::List(entries) => entries,
        Given::Text(text) => text.split(',').map(str::to_owned).collect(),
    };
    let entries = entries.iter().map(|entry| entry.trim());
    Ok(entries
        .filter(|entry| !entry.is_empty())
        .map(str::to_owned)
        .collect())
}
