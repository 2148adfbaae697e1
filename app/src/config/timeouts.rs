//! Timeouts, and how a server stops.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Timeouts of requests, connections and the object store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Timeouts {
    /// The maximum time until an append is answered.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub append: Duration,
    /// The maximum time until a read is answered. After half of it, a page has what was found, and says so. A follower sets its own
    /// `timeout_ms`.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub read: Duration,
    /// The maximum time for a TLS handshake, and for receiving the head of a request.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub headers: Duration,
    /// The maximum time for receiving a request body.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub body: Duration,
    /// A connection is closed after this time without a request, or without reading any of its response.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub idle: Duration,
    /// If a request is answered before all of it has arrived, the server reads and discards the rest, so that the
    /// client can finish sending and read the response. It stops after this time, after 64 MiB, or when nothing arrives
    /// for 5 s. `0s` turns this off.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub linger: Duration,
    /// The interval of comments on a stream without events.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub heartbeat: Duration,
    /// The maximum time for the object store to answer a readiness check.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub check: Duration,
    /// The maximum time for opening the log at startup.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub open: Duration,
}

/// Shutdown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Shutdown {
    /// The maximum time for a shutdown. Keep it below the grace period of the process manager.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub timeout: Duration,
    /// The time between reporting *not ready* and closing the listener, during which requests are still served so that
    /// load balancers can react. Default: `5s` in Kubernetes, otherwise `0s`.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "Option<String>")]
    pub lame_duck: Option<Duration>,
    /// The time for which a fenced server still answers clients with the error `fenced` before it stops.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub fenced: Duration,
}
