//! Reads: what is asked for, once or until it is answered.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;

use crate::answers::{Answered, answered};
use crate::arguments;
use crate::error::{Error, ErrorKind};
use crate::http::{Answer, Http, NoAnswer};
use crate::record::SequencedRecord;
use crate::retry::Retry;
use crate::wire::ScanResponse;

/// One request of a tail waits no longer than this: servers and proxies end longer ones. Then another one follows.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_secs(30);

const SCAN: &str = "/api/v1/log/scan";

/// Which records are read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Visibility {
    /// All that were applied.
    #[default]
    Memory,
    /// Those that are on object storage, which no crash can undo.
    Durable,
}

/// How records are read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct ReadOptions {
    page: u64,
    visibility: Visibility,
    start_time_ms: Option<u64>,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            page: 1000,
            visibility: Visibility::Memory,
            start_time_ms: None,
        }
    }
}

impl ReadOptions {
    /// The defaults: everything that was applied, in pages of 1,000 records.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many records are asked for at a time; at least 1. The server may answer with fewer.
    pub fn page(mut self, records: u64) -> Self {
        self.page = records;
        self
    }

    /// Which records are read.
    pub fn visibility(mut self, visibility: Visibility) -> Self {
        self.visibility = visibility;
        self
    }

    /// Skips what comes before the first record that was appended at or after this time (Unix ms).
    pub fn start_time_ms(mut self, time: u64) -> Self {
        self.start_time_ms = Some(time);
        self
    }
}

/// A read of one key.
#[derive(Debug, Clone)]
pub(crate) struct Query {
    key: String,
    pub(crate) start: u64,
    end: Option<u64>,
    options: ReadOptions,
}

/// Some records of a key.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) records: Vec<SequencedRecord>,
    /// Where to continue.
    pub(crate) next_sequence: u64,
    /// If something was asked for that was trimmed: the first sequence that could still be there.
    pub(crate) trimmed_before: Option<u64>,
}

impl Query {
    pub(crate) fn new(
        key: &Bytes,
        (start, end): (u64, Option<u64>),
        options: ReadOptions,
    ) -> Result<Self, Error> {
        arguments::key(key)?;
        arguments::at_least_one("page", options.page)?;
        Ok(Self {
            key: encoded(key),
            start,
            end,
            options,
        })
    }

    /// The next page, with retries.
    pub(crate) async fn read(&self, http: &Http, retry: &Retry) -> Result<Page, Error> {
        let answer: ScanResponse = read(http, retry, SCAN, &self.parameters()).await?;
        Ok(answer.into())
    }

    /// Asks once for the next page; the server answers when there is a record, or after so long.
    pub(crate) async fn await_once(
        &self,
        http: &Http,
        retry: &Retry,
        wait: Duration,
    ) -> Result<Page, Error> {
        let mut parameters = self.parameters();
        parameters.push(("follow", "true".to_owned()));
        parameters.push(("timeout_ms", wait.as_millis().to_string()));
        let answer: ScanResponse = get(http, retry, SCAN, &parameters, true).await?;
        Ok(answer.into())
    }

    fn parameters(&self) -> Vec<(&'static str, String)> {
        let mut parameters = range("key_base64", self.key.clone(), self.start, self.end);
        parameters.push(("limit", self.options.page.to_string()));
        if self.options.visibility == Visibility::Durable {
            parameters.push(("visibility", "durable".to_owned()));
        }
        if let Some(time) = self.options.start_time_ms {
            parameters.push(("start_time_ms", time.to_string()));
        }
        parameters
    }
}

impl From<ScanResponse> for Page {
    fn from(answer: ScanResponse) -> Self {
        Self {
            records: answer.values.into_iter().map(Into::into).collect(),
            next_sequence: answer.next_sequence,
            trimmed_before: answer.trimmed_before,
        }
    }
}

/// Bytes as they travel in parameters.
pub(crate) fn encoded(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The parameters for a part of what `name` is.
pub(crate) fn range(
    name: &'static str,
    value: String,
    start: u64,
    end: Option<u64>,
) -> Vec<(&'static str, String)> {
    let mut parameters = vec![(name, value)];
    parameters.extend(bounds(start, end));
    parameters
}

/// The parameters for a range of sequences.
pub(crate) fn bounds(start: u64, end: Option<u64>) -> Vec<(&'static str, String)> {
    let mut parameters = vec![("start_seq", start.to_string())];
    parameters.extend(end.map(|end| ("end_seq", end.to_string())));
    parameters
}

/// Asks until it is answered, there is no use in asking again, or there were enough attempts.
pub(crate) async fn read<M: Answered>(
    http: &Http,
    retry: &Retry,
    path: &str,
    parameters: &[(&str, String)],
) -> Result<M, Error> {
    let once = || get(http, retry, path, parameters, false);
    retry.until_answered(once).await
}

/// Asks once. Errors name the request, and whether there is use in sending it again.
async fn get<M: Answered>(
    http: &Http,
    retry: &Retry,
    path: &str,
    parameters: &[(&str, String)],
    waits: bool,
) -> Result<M, Error> {
    let asked = http.get(path, parameters, waits).await;
    repeatable(asked, retry).map_err(|error| error.of_request("GET", &http.url_of(path)))
}

/// What was answered to a request that may be sent again. Errors say whether there is use in that.
pub(crate) fn repeatable<M: Answered>(
    asked: Result<Answer, NoAnswer>,
    retry: &Retry,
) -> Result<M, Error> {
    let answer = asked.map_err(|lost| unanswered(lost, retry))?;
    answered(&answer).map_err(|error| match error.kind() {
        ErrorKind::DeadlineExceeded => error.with_retry_after(Some(retry.pause)),
        _ => error,
    })
}

/// The error of a request without an answer that may be sent again.
fn unanswered(lost: NoAnswer, retry: &Retry) -> Error {
    let again = (!lost.is_hopeless).then_some(retry.pause);
    let message = format!("there was no answer: {}", lost.reason);
    let error = Error::new(ErrorKind::Unavailable, message);
    error.with_retry_after(again).with_source_of(lost)
}
