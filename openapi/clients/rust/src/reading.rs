//! Reads: what is asked for, once or until it is answered.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use prost::Message;

use crate::answers::{Answered, answered};
use crate::arguments;
use crate::error::{Error, ErrorKind};
use crate::http::{Answer, Http};
use crate::no_answer::NoAnswer;
use crate::partition::About;
use crate::record::SequencedRecord;
use crate::retry::Retry;
use crate::seen::{SHOWN_WITHIN, Seen};
use crate::selection::Selection;
use crate::wire::{ScanRequest, ScanResponse};

/// One request of a tail waits no longer than this: servers and proxies end longer ones. Then another one follows.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_secs(30);

pub(crate) const SCAN: &str = "/api/v1/log/scan";

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
    pub(crate) page: u64,
    visibility: Visibility,
    start_time_ms: Option<u64>,
    pub(crate) at_least: Option<u64>,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            page: 1000,
            visibility: Visibility::Memory,
            start_time_ms: None,
            at_least: None,
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

    /// Waits until the server shows everything below this sequence, in place of what the client remembers
    /// ([`LogClient::at_least`](crate::LogClient::at_least)). With 0, it does not wait.
    pub fn at_least(mut self, sequence: u64) -> Self {
        self.at_least = Some(sequence);
        self
    }

    /// What a request with a body says of it, but for [`ReadOptions::at_least`].
    pub(crate) fn request(&self) -> ScanRequest {
        let is_durable = self.visibility == Visibility::Durable;
        // A later time than there is selects nothing either way.
        let time = |time| i64::try_from(time).unwrap_or(i64::MAX);
        ScanRequest {
            limit: Some(self.page),
            start_time_ms: self.start_time_ms.map(time),
            visibility: is_durable.then(|| "durable".to_owned()),
            ..ScanRequest::default()
        }
    }
}

/// A read of one key or of several.
#[derive(Debug, Clone)]
pub(crate) struct Query {
    keys: Selected,
    pub(crate) start: u64,
    end: Option<u64>,
    /// The last so many records, and not from `start` on.
    last: Option<u64>,
    options: ReadOptions,
    about: About,
}

/// Which keys are read.
#[derive(Debug, Clone)]
enum Selected {
    /// The parameter that says it.
    Parameter(&'static str, String),
    /// These, which may be too long for a URL.
    Keys(Vec<Bytes>),
}

/// Some records.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) records: Vec<SequencedRecord>,
    /// Where to continue.
    pub(crate) next_sequence: u64,
    /// Whether there may be more records although it is empty.
    pub(crate) more: bool,
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
        let keys = Selected::Parameter("key_base64", encoded(key));
        Self::of(keys, (start, end), options, About::key(key))
    }

    /// Of several keys. A prefix without a whole tag is read in `partition`.
    pub(crate) fn of_several(
        selection: Selection,
        range: (u64, Option<u64>),
        options: ReadOptions,
        partition: Option<u32>,
    ) -> Result<Self, Error> {
        selection.check()?;
        let about = selection.about(partition);
        let keys = match selection {
            Selection::Keys(keys) => Selected::Keys(keys),
            Selection::Prefix(prefix) => Selected::Parameter("prefix_base64", encoded(&prefix)),
        };
        Self::of(keys, range, options, about)
    }

    fn of(
        keys: Selected,
        (start, end): (u64, Option<u64>),
        options: ReadOptions,
        about: About,
    ) -> Result<Self, Error> {
        arguments::at_least_one("page", options.page)?;
        Ok(Self {
            keys,
            start,
            end,
            last: None,
            options,
            about,
        })
    }

    /// Of the last `count` records.
    pub(crate) fn last(key: &Bytes, count: u64, options: ReadOptions) -> Result<Self, Error> {
        arguments::at_least_one("count", count)?;
        let query = Self::new(key, (0, None), options)?;
        let last = Some(count);
        Ok(Self { last, ..query })
    }

    /// The next page, with retries.
    pub(crate) async fn read(
        &self,
        http: &Http,
        retry: &Retry,
        seen: &Seen,
    ) -> Result<Page, Error> {
        let once = || self.ask(http, retry, seen, None);
        Ok(retry.until_answered(once).await?.into())
    }

    /// Asks once for the next page; the server answers when there is a record, or after so long.
    pub(crate) async fn await_once(
        &self,
        http: &Http,
        retry: &Retry,
        seen: &Seen,
        wait: Duration,
    ) -> Result<Page, Error> {
        Ok(self.ask(http, retry, seen, Some(wait)).await?.into())
    }

    /// Asks once, to be answered at once or as soon as there is a record.
    async fn ask(
        &self,
        http: &Http,
        retry: &Retry,
        seen: &Seen,
        wait: Option<Duration>,
    ) -> Result<ScanResponse, Error> {
        let at_least = seen.at_least(self.options.at_least, &self.about);
        let within = wait.or(at_least.map(|_| SHOWN_WITHIN));
        let within = within.map(|within| within.as_millis() as u64);
        let follows = wait.is_some();
        let (method, asked) = match &self.keys {
            Selected::Parameter(name, value) => {
                let mut parameters = self.parameters(name, value);
                if follows {
                    parameters.push(("follow", "true".to_owned()));
                }
                parameters.extend(within.map(|within| ("timeout_ms", within.to_string())));
                parameters.extend(at_least.map(|at_least| ("at_least", at_least.to_string())));
                parameters.extend(self.about.parameter());
                let asked = http.get(SCAN, &parameters, follows, &self.about);
                ("GET", asked.await)
            }
            Selected::Keys(keys) => {
                let request = ScanRequest {
                    follow: follows.then_some(true),
                    timeout_ms: within,
                    at_least,
                    ..self.request(keys)
                };
                let body = request.encode_to_vec();
                let parameters = self.about.parameter();
                let parameters = parameters.as_slice();
                let asked = http.read_by_post(SCAN, parameters, body, follows, &self.about);
                ("POST", asked.await)
            }
        };
        let headers = asked.as_ref().ok().map(|answer| answer.headers.clone());
        let page = repeatable::<ScanResponse>(asked, retry);
        let page = page.map_err(|error| error.of_request(method, &http.url_of(SCAN)));
        if page
            .as_ref()
            .is_err_and(|error| *error.kind() == ErrorKind::Behind)
            && seen.may_be_elsewhere(self.options.at_least, &self.about)
        {
            http.learn(None).await;
        }
        let page = page?;
        seen.read(
            page.next_sequence,
            &headers.unwrap_or_default(),
            &self.about,
        );
        Ok(page)
    }

    fn request(&self, keys: &[Bytes]) -> ScanRequest {
        ScanRequest {
            keys: keys.to_vec(),
            start_seq: Some(self.start),
            end_seq: self.end,
            ..self.options.request()
        }
    }

    fn parameters(&self, name: &'static str, value: &str) -> Vec<(&'static str, String)> {
        let value = value.to_owned();
        let mut parameters = match self.last {
            Some(last) => vec![(name, value), ("last", last.to_string())],
            None => range(name, value, self.start, self.end),
        };
        if self.last.is_none() {
            parameters.push(("limit", self.options.page.to_string()));
        }
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
            more: answer.more,
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
    about: &About,
) -> Result<M, Error> {
    let once = || get(http, retry, path, parameters, about);
    retry.until_answered(once).await
}

/// Asks once. Errors name the request, and whether there is use in sending it again.
pub(crate) async fn get<M: Answered>(
    http: &Http,
    retry: &Retry,
    path: &str,
    parameters: &[(&str, String)],
    about: &About,
) -> Result<M, Error> {
    let asked = http.get(path, parameters, false, about).await;
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
pub(crate) fn unanswered(lost: NoAnswer, retry: &Retry) -> Error {
    let again = (!lost.is_hopeless).then_some(retry.pause);
    let message = format!("there was no answer: {}", lost.reason);
    let error = Error::new(ErrorKind::Unavailable, message);
    error.with_retry_after(again).with_source_of(lost)
}
