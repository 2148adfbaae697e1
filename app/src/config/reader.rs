//! The settings of a read-only server.

use std::path::PathBuf;
use std::time::Duration;

use log_adapters::http::WriterUrl;
use log_adapters::store::slate::ReaderOptions;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::names::named;
use super::{Config, Refusal};

/// How a read-only server follows the log. Only used with `read_only`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Reader {
    /// How often to look for new records. They are shown within this time, plus the time that the look takes. Each look costs about 10
    /// requests to the object store.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub poll_interval: Duration,
    /// If what the server shows is older than this, it is not ready. At least 3 times `reader.poll_interval`.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub max_lag: Duration,
    /// With `reader.writer_url`, the server that writes the log sends its commits, and the next look begins so soon after the last one
    /// ended, or later. Such looks send no requests to the object store. The shorter it is, the more CPU they take while records are appended:
    /// followers are woken by each.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub poll_spacing: Duration,
    /// The URL of the server that writes the log, for example `http://writer:8080`. Its commits are followed, so that records are shown soon
    /// after they are durable; and appends, trims, deletions and moves of cursors are forwarded to it, with the token of the client.
    /// Without it these are answered 421.
    pub writer_url: Option<String>,
    /// A file with a token of the server that writes the log, with the right `read`: for following its commits. Needed if that server
    /// has tokens. It is read for each connection.
    pub writer_token_file: Option<PathBuf>,
}

impl Default for Reader {
    fn default() -> Self {
        let options = ReaderOptions::default();
        Self {
            poll_interval: options.poll_interval,
            max_lag: options.max_lag,
            poll_spacing: options.poll_spacing,
            writer_url: None,
            writer_token_file: None,
        }
    }
}

impl Config {
    /// The options of the store of a read-only server.
    pub fn reader(&self) -> ReaderOptions {
        ReaderOptions {
            poll_interval: self.reader.poll_interval,
            poll_spacing: self.reader.poll_spacing,
            max_lag: self.reader.max_lag,
        }
    }

    /// Where the server is that writes the log, if this one only reads it and knows that.
    ///
    /// # Errors
    /// What is wrong with the URL.
    pub fn writer_url(&self) -> Result<Option<WriterUrl>, Refusal> {
        let given = self.reader.writer_url.as_deref();
        let url = given.filter(|_| self.read_only).map(WriterUrl::parse);
        url.transpose()
            .map_err(|why| Refusal(format!("{} {why}", named("reader.writer_url"))))
    }
}

/// Settings that contradict each other.
pub(super) fn validate(config: &Config) -> Result<(), Refusal> {
    let refuse = |message: &str| Err(Refusal(message.to_owned()));
    let Reader {
        poll_interval,
        max_lag,
        poll_spacing,
        ref writer_url,
        ref writer_token_file,
    } = config.reader;
    if poll_interval.is_zero() {
        return refuse("reader.poll_interval must be more than 0");
    }
    if poll_spacing.is_zero() {
        return refuse("reader.poll_spacing must be more than 0");
    }
    if max_lag / 3 < poll_interval {
        return refuse("reader.max_lag must be at least 3 times reader.poll_interval");
    }
    if config.read_only && config.storage.in_memory {
        return refuse(
            "read_only (--read-only) and storage.in_memory (--in-memory) contradict each other: nobody else writes to this memory",
        );
    }
    if config.read_only && config.storage.take_over {
        return refuse(
            "read_only (--read-only) and storage.take_over (--take-over) contradict each other: a read-only server takes nothing over",
        );
    }
    if !config.read_only && writer_url.is_some() {
        return refuse(
            "reader.writer_url (--writer-url) is for a read-only server: set read_only (--read-only) too, or remove it",
        );
    }
    if writer_url.is_none() && writer_token_file.is_some() {
        return refuse("reader.writer_token_file is set, but reader.writer_url is not");
    }
    config.writer_url()?;
    Ok(())
}
