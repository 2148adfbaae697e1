//! Appends: what is sent, and what is known of what became of it.

use bytes::Bytes;
use prost::Message;
use reqwest::Method;

use crate::answers::{Answered, answered};
use crate::arguments;
use crate::error::{Error, ErrorKind};
use crate::http::{Answer, Http};
use crate::no_answer::NoAnswer;
use crate::partition::About;
use crate::record::{Appended, Record};
use crate::retry::Retry;
use crate::wire::{self, AppendRequest, AppendResponse, CursorMove, Precondition};

const PATH: &str = "/api/v1/log/append";

/// With these statuses a proxy refuses a request that it does not pass on.
const REFUSED_ON_THE_WAY: [u16; 9] = [401, 408, 411, 413, 414, 415, 417, 429, 431];

/// An append that took too long may have been applied, unless the message says this: the body did not arrive in time.
const NOT_APPLIED: &str = "nothing was applied";

/// How records are appended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use]
pub struct AppendOptions {
    await_durable: bool,
    preconditions: Vec<Precondition>,
    cursors: Vec<CursorMove>,
}

impl AppendOptions {
    /// The defaults: the answer comes as soon as the records are applied and visible, which a crash of the server may undo.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether to wait until the records are on object storage.
    pub fn await_durable(mut self, await_durable: bool) -> Self {
        self.await_durable = await_durable;
        self
    }

    /// Applies the records only if no record of `key` has a sequence of `sequence` or higher; otherwise the append is an
    /// [`ErrorKind::Conflict`]. That is the [`Records::next_sequence`](crate::Records::next_sequence) of a scan that ended; with 0, the
    /// key must have no record. Several preconditions must all hold, and the keys need not be those of the records.
    pub fn if_no_record_since(mut self, key: impl Into<Bytes>, sequence: u64) -> Self {
        self.preconditions.push(Precondition {
            key: key.into(),
            no_record_since: sequence,
        });
        self
    }

    /// Moves a cursor in the same commit as the records, or creates it. With an `expected` position it must be there, and otherwise the
    /// append is an [`ErrorKind::Conflict`]; one that does not exist is at 0. The position is at most the end of the log with the records.
    pub fn move_cursor(
        mut self,
        name: impl Into<String>,
        position: u64,
        expected: impl Into<Option<u64>>,
    ) -> Self {
        self.cursors.push(CursorMove {
            name: name.into(),
            position,
            expected: expected.into(),
        });
        self
    }
}

/// An append as it is sent, but for its producer.
pub(crate) struct Request {
    /// Together with the producer, one message.
    parts: [Bytes; 2],
    pub(crate) records: u64,
    pub(crate) await_durable: bool,
    /// All of it must be in one partition.
    pub(crate) about: About,
}

impl Request {
    /// The parts of the body; `producer` is another one.
    pub(crate) fn parts(&self, producer: Bytes) -> [Bytes; 3] {
        let [records, options] = self.parts.clone();
        [records, options, producer]
    }
}

/// The request for an append of these records.
pub(crate) fn encode<R: Into<Record>>(
    records: impl IntoIterator<Item = R>,
    options: AppendOptions,
) -> Result<Request, Error> {
    let records = records.into_iter().enumerate().map(|(at, record)| {
        let record = record.into();
        match arguments::key(&record.key) {
            Ok(()) => Ok(record.into_wire()),
            Err(error) => Err(Error::invalid(format!(
                "records[{at}]: {}",
                error.message()
            ))),
        }
    });
    let records: Vec<wire::Record> = records.collect::<Result<_, _>>()?;
    let count = records.len() as u64;
    let key = records.first().and_then(|record| record.key.as_ref());
    let about = key.map(About::key).unwrap_or_default();
    let request = AppendRequest {
        records,
        ..AppendRequest::default()
    };
    encode_batch(request.encode_to_vec().into(), count, about, options)
}

/// The request for an append of `count` records that are encoded already.
pub(crate) fn encode_batch(
    records: Bytes,
    count: u64,
    about: About,
    options: AppendOptions,
) -> Result<Request, Error> {
    if count == 0 {
        return Err(Error::invalid(
            "records must have at least one record, such as [(\"orders\", \"first\")]",
        ));
    }
    for (at, precondition) in options.preconditions.iter().enumerate() {
        arguments::key(&precondition.key)
            .map_err(|error| Error::invalid(format!("preconditions[{at}]: {}", error.message())))?;
    }
    for (at, cursor) in options.cursors.iter().enumerate() {
        arguments::cursor(&cursor.name)
            .map_err(|error| Error::invalid(format!("cursors[{at}]: {}", error.message())))?;
    }
    let request = AppendRequest {
        records: Vec::new(),
        await_durable: options.await_durable,
        preconditions: options.preconditions,
        producer: None,
        cursors: options.cursors,
        atomic: None,
    };
    Ok(Request {
        parts: [records, request.encode_to_vec().into()],
        records: count,
        await_durable: options.await_durable,
        about,
    })
}

/// Sends an append that no producer makes safe to repeat: until it is known what became of it, or that nobody knows.
pub(crate) async fn append_unprotected(
    http: &Http,
    retry: &Retry,
    request: &Request,
) -> Result<Appended, Error> {
    let parts = request.parts(Bytes::new());
    let once = || append_once(http, retry, &parts, &request.about);
    let answer = retry.until_answered(once).await?;
    Ok(appended(&answer))
}

/// What an answer says.
pub(crate) fn appended(answer: &AppendResponse) -> Appended {
    Appended {
        start: Some(answer.start_sequence),
        count: u64::try_from(answer.records_appended).unwrap_or(0),
    }
}

/// Sends an append once. The parts of its body are one message together.
pub(crate) async fn append_once(
    http: &Http,
    retry: &Retry,
    parts: &[Bytes],
    about: &About,
) -> Result<AppendResponse, Error> {
    let (asked, was_sent_whole) = http
        .put_or_post(Method::POST, PATH, &[], parts, about)
        .await;
    let answer = told_apart(asked, "append", was_sent_whole, retry);
    answer.map_err(|error| error.of_request("POST", &http.url_of(PATH)))
}

/// What was answered to a request that must not be applied twice: errors say whether it may have been. `what` is its name.
pub(crate) fn told_apart<M: Answered>(
    asked: Result<Answer, NoAnswer>,
    what: &str,
    was_sent_whole: bool,
    retry: &Retry,
) -> Result<M, Error> {
    let lost = match asked {
        Ok(answer) => {
            let answered = answered(&answer);
            return answered.map_err(|error| of_answer(error, was_sent_whole, retry));
        }
        Err(lost) => lost,
    };
    let reason = &lost.reason;
    let (kind, message) = if lost.was_not_sent {
        let message = format!("the server cannot be reached: {reason}");
        (ErrorKind::Unavailable, message)
    } else if !was_sent_whole {
        let message = format!(
            "the connection broke while the {what} was being sent; nothing was applied: {reason}"
        );
        (ErrorKind::Unavailable, message)
    } else {
        let message = format!("there was no answer to the {what}: {reason}");
        return Err(Error::new(ErrorKind::OutcomeUnknown, message).with_source_of(lost));
    };
    let again = (!lost.is_hopeless).then_some(retry.pause);
    Err(Error::new(kind, message)
        .with_retry_after(again)
        .with_source_of(lost))
}

/// The error of such a request that was answered like this.
pub(crate) fn of_answer(error: Error, was_sent_whole: bool, retry: &Retry) -> Error {
    let took_too_long = *error.kind() == ErrorKind::DeadlineExceeded;
    if took_too_long && (!was_sent_whole || error.message().contains(NOT_APPLIED)) {
        let error = error.into_kind(ErrorKind::Unavailable);
        return error.with_retry_after(Some(retry.pause));
    }
    let is_unexpected = *error.kind() == ErrorKind::UnexpectedAnswer;
    let refused = error
        .status()
        .is_some_and(|status| REFUSED_ON_THE_WAY.contains(&status));
    let certain = !was_sent_whole || is_unexpected && refused;
    if certain || !(took_too_long || is_unexpected) {
        return error;
    }
    error
        .into_kind(ErrorKind::OutcomeUnknown)
        .with_retry_after(None)
}
