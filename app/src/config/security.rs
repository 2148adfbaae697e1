//! The settings of who may come, how, and how many.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use super::names::{named, variable};
use super::{Config, Refusal};
use crate::serving::{Bounds, Requests};

/// TLS. Off unless both files are set.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Tls {
    /// The certificate chain in PEM format, beginning with the server's certificate. Reloaded when it changes.
    pub certificate: Option<PathBuf>,
    /// The private key in PEM format. Reloaded when it changes.
    pub key: Option<PathBuf>,
}

/// Authentication and authorization. Without tokens, every client can read, append and delete.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Auth {
    /// A file of bearer tokens. Reloaded when it changes.
    pub tokens: Option<PathBuf>,
    /// Whether a server without tokens can listen on an address that other machines can reach. With `false` it does not
    /// start, with `true` it starts, and if this is not set it starts with a warning. The image sets `false`.
    pub i_know_that_everybody_can_write: Option<bool>,
    /// How often the server checks whether the tokens or the certificate have changed. SIGHUP triggers a check
    /// immediately.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub reload: Duration,
}

impl Default for Auth {
    fn default() -> Self {
        Self {
            tokens: None,
            i_know_that_everybody_can_write: None,
            reload: Duration::from_secs(5),
        }
    }
}

/// A separate listener for metrics and health. Off unless a port is set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Admin {
    /// The address to listen on; `localhost` means 127.0.0.1. The default accepts connections from this machine only.
    #[serde(deserialize_with = "address")]
    pub host: IpAddr,
    /// The port to listen on. 0 selects a free port.
    pub port: Option<u16>,
}

impl Default for Admin {
    fn default() -> Self {
        Self {
            host: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: None,
        }
    }
}

/// An address to listen on. `localhost` is not looked up, so that it never depends on a machine's files.
pub(super) fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<IpAddr, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.eq_ignore_ascii_case("localhost") {
        return Ok(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'));
    bare.unwrap_or(&text).parse().map_err(D::Error::custom)
}

/// The least that HTTP can work with.
const MIN_HEADER_BYTES: u64 = 8 << 10;
/// The largest head takes at most so many times its bytes in memory.
const HEAD_IN_MEMORY: u64 = 8;

impl Config {
    /// Refuses an address that other machines reach if there are no tokens, unless the settings say that everybody may write. Only a
    /// server asks: other commands do not listen.
    ///
    /// # Errors
    /// What to set.
    pub fn may_serve(&self) -> Result<(), Refusal> {
        let Auth {
            tokens: None,
            i_know_that_everybody_can_write: Some(false),
            ..
        } = self.auth
        else {
            return Ok(());
        };
        if self.host.is_loopback() {
            return Ok(());
        }
        Err(Refusal::new(format!(
            "{} is {} and auth.tokens is not set: anyone who can reach the port could read, append and delete everything; set {} to a file of tokens, \
             or {}=true to allow this, or listen on 127.0.0.1",
            named("host"),
            self.host,
            variable("auth.tokens"),
            variable("auth.i_know_that_everybody_can_write"),
        )))
    }

    /// What connections may take.
    pub fn bounds(&self) -> Bounds {
        Bounds {
            connections: self.limits.connections,
            requests: Requests::new(self.limits.requests, self.memory.requests.as_u64()),
            streams: self.limits.connection_streams,
            header_bytes: usize::try_from(self.limits.header_bytes.as_u64()).unwrap_or(usize::MAX),
            headers: self.timeouts.headers,
            idle: self.timeouts.idle,
            linger: self.timeouts.linger,
            shutdown: self.shutdown.timeout,
        }
    }
}

pub(super) fn validate(config: &Config) -> Result<(), String> {
    match (&config.tls.certificate, &config.tls.key) {
        (Some(_), None) => return Err("tls.certificate is set, but tls.key is not".to_owned()),
        (None, Some(_)) => return Err("tls.key is set, but tls.certificate is not".to_owned()),
        _ => {}
    }
    for (zero, name) in [
        (config.auth.reload.is_zero(), "auth.reload"),
        (config.limits.connections == 0, "limits.connections"),
        (config.limits.requests == 0, "limits.requests"),
        (
            config.limits.connection_streams == 0,
            "limits.connection_streams",
        ),
        (config.timeouts.headers.is_zero(), "timeouts.headers"),
        (config.timeouts.idle.is_zero(), "timeouts.idle"),
    ] {
        if zero {
            return Err(format!("{name} must be more than 0"));
        }
    }
    if config.limits.header_bytes.as_u64() < MIN_HEADER_BYTES {
        return Err("limits.header_bytes must not be less than 8KiB".to_owned());
    }
    let least = config
        .limits
        .header_bytes
        .as_u64()
        .saturating_mul(HEAD_IN_MEMORY);
    if config.memory.requests.as_u64() < least {
        return Err("memory.requests must be at least 8 times limits.header_bytes".to_owned());
    }
    Ok(())
}
