//! Timeouts and limits of the HTTP API.

use std::time::Duration;

use log_domain::Limits;

use super::edge::forward::ForwardLimits;
use super::edge::hosts::AllowedHosts;
use super::edge::origins::AllowedOrigins;
use super::routes::settings::Setting;
use super::wire::reply;

/// Timeouts and limits of the HTTP API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpOptions {
    /// A read that takes longer ends as `deadline_exceeded`. (Appends have a deadline of the store's own.)
    pub read_timeout: Duration,
    /// A request body that takes longer to arrive ends the append as `deadline_exceeded`, not applied.
    pub body_timeout: Duration,
    /// How long an event stream is silent before it sends a comment.
    pub heartbeat: Duration,
    /// The longest `timeout_ms` of a long poll; longer ones are shortened to it.
    pub max_follow_timeout: Duration,
    /// Bytes of pages of records and keys that were not written out to their clients yet; more is refused as
    /// `overloaded`. At least as large as the largest page. As many whole pages as fit into it are read at the same time;
    /// further readers wait for their turn.
    pub answer_bytes: u64,
    /// Requests to follow that wait at the same time while the log is opened; more are refused as `overloaded`.
    pub held_streams: usize,
    /// How long such a request waits.
    pub open_timeout: Duration,
    /// Whose web pages may use the API.
    pub origins: AllowedOrigins,
    /// The names that the server answers to.
    pub hosts: AllowedHosts,
    /// The names that the listener for operators answers to.
    pub operators_hosts: AllowedHosts,
    /// Bytes of events that were not written out to their clients yet. Streams wait for room a while, and end without.
    pub stream_bytes: u64,
    /// Whether the server only reads: what would change the log is refused before its body is read, or forwarded
    /// (`HttpApi::forwarding_to`).
    pub read_only: bool,
    /// Limits of requests that are forwarded.
    pub forward: ForwardLimits,
    /// Whether the console is served, and what only it asks for.
    pub console: bool,
    /// The URL of the server that writes the log, if this one only reads it and knows it.
    pub writer_url: Option<String>,
    /// The configuration in force, without secrets. Tokens with the right `admin` may read it.
    pub settings: Vec<Setting>,
    /// Where generated request ids begin. Give each process a random one.
    pub request_id_seed: u64,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            read_timeout: Duration::from_secs(30),
            body_timeout: Duration::from_secs(30),
            heartbeat: Duration::from_secs(15),
            max_follow_timeout: Duration::from_secs(300),
            answer_bytes: reply::ANSWER_BYTES,
            held_streams: 10_000,
            open_timeout: Duration::from_secs(60),
            origins: AllowedOrigins::default(),
            hosts: AllowedHosts::default(),
            operators_hosts: AllowedHosts::default(),
            stream_bytes: Limits::default().follower_bytes as u64,
            read_only: false,
            forward: ForwardLimits::default(),
            console: true,
            writer_url: None,
            settings: Vec::new(),
            request_id_seed: 0,
        }
    }
}
