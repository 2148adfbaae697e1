//! Answers of the server, as what was asked for or as the error that they are.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use prost::Message;
use reqwest::header::{CONTENT_TYPE, DATE, HeaderMap, LOCATION, RETRY_AFTER};
use serde_json::Value as Json;

use crate::error::{Error, ErrorKind};
use crate::http::Answer;
use crate::part::of_answer;
use crate::wire::{self, ErrorResponse, PROTOBUF};

/// Added to the message of `behind`: the server cannot know what this client remembers.
const ANOTHER_LOG: &str = "; if there is another log at this address by now, or one that was restored from a backup, it does not have what \
                           this client remembers: begin again with a new client, or read with at_least(0)";

/// A message that the server answers with.
pub(crate) trait Answered: Message + Default {
    /// Its `status`.
    fn status(&self) -> &str;
}

macro_rules! answered {
    ($($message:ident),*) => {
        $(impl Answered for wire::$message {
            fn status(&self) -> &str {
                &self.status
            }
        })*
    };
}

answered!(
    AppendResponse,
    ScanResponse,
    KeysResponse,
    SegmentsResponse,
    CountResponse,
    TrimResponse,
    DeleteKeyResponse,
    CursorResponse,
    CursorsResponse,
    DeleteCursorResponse,
    ClusterResponse
);

/// What was asked for, or what the server said instead.
pub(crate) fn answered<M: Answered>(answer: &Answer) -> Result<M, Error> {
    if answer.status != 200 {
        return Err(refusal(answer));
    }
    let message = is_protobuf(&answer.headers)
        .then(|| M::decode(answer.body.clone()).ok())
        .flatten();
    match message.filter(|message| message.status() == wire::SUCCESS) {
        Some(message) => Ok(message),
        None => Err(unexpected(answer)),
    }
}

/// What was said, in either format: what refuses a request before it knows what was asked for may not know the format.
pub(crate) fn refusal(answer: &Answer) -> Error {
    let response = if is_protobuf(&answer.headers) {
        ErrorResponse::decode(answer.body.clone()).ok()
    } else {
        from_json(&answer.body)
    };
    let Some(response) = response.filter(|response| response.status == wire::ERROR) else {
        return unexpected(answer);
    };
    let id = answer.headers.get("x-request-id");
    error_of(response)
        .with_status(answer.status)
        .with_retry_after(retry_after(&answer.headers))
        .with_request_id(id.and_then(|id| Some(id.to_str().ok()?.to_owned())))
}

/// What the server told.
pub(crate) fn error_of(response: ErrorResponse) -> Error {
    match ErrorKind::of_response(&response) {
        Some(kind @ ErrorKind::Behind) => {
            Error::new(kind, format!("{}{ANOTHER_LOG}", response.message))
        }
        Some(kind) => Error::new(kind, response.message).with_parts(of_answer(response.parts)),
        None => Error::new(
            ErrorKind::UnexpectedAnswer,
            format!(
                "an error that this client does not know: {}: {}",
                response.code, response.message
            ),
        ),
    }
}

fn from_json(body: &Bytes) -> Option<ErrorResponse> {
    let json: Json = serde_json::from_slice(body).unwrap_or_default();
    let text = |name| Some(json.get(name)?.as_str()?.to_owned());
    Some(ErrorResponse {
        status: text("status")?,
        message: text("message")?,
        code: text("code")?,
        conflict: json.get("conflict").and_then(conflict_of_json),
        expected_sequence: json.get("expectedSequence").and_then(number_of_json),
        // An append asks for protobuf.
        parts: Vec::new(),
    })
}

fn conflict_of_json(json: &Json) -> Option<wire::Conflict> {
    Some(wire::Conflict {
        key: STANDARD.decode(json.get("key")?.as_str()?).ok()?.into(),
        last_sequence: json.get("lastSequence").and_then(number_of_json),
        trimmed_before: json.get("trimmedBefore").and_then(number_of_json),
        cursor: json
            .get("cursor")
            .and_then(|cursor| Some(cursor.as_str()?.to_owned())),
        position: json.get("position").and_then(number_of_json),
    })
}

fn number_of_json(json: &Json) -> Option<u64> {
    json.as_u64().or_else(|| json.as_str()?.parse().ok())
}

pub(crate) fn unexpected(answer: &Answer) -> Error {
    let status = answer.status;
    let to = answer
        .headers
        .get(LOCATION)
        .filter(|_| (300..400).contains(&status));
    let leads = to.and_then(|to| to.to_str().ok());
    let leads = leads.map_or_else(String::new, |to| format!(", which leads to {to}"));
    let message = format!("an answer that no log server gives: status {status}{leads}");
    Error::new(ErrorKind::UnexpectedAnswer, message).with_status(status)
}

pub(crate) fn is_protobuf(headers: &HeaderMap) -> bool {
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| {
        kind.starts_with(PROTOBUF) && !kind.starts_with("application/protobuf+")
    })
}

/// `Retry-After` is a number of seconds or a date, which is compared with the date of the answer. Anything else is ignored.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?;
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok().map(Duration::from_secs);
    }
    let at = httpdate::parse_http_date(text).ok()?;
    let now = httpdate::parse_http_date(headers.get(DATE)?.to_str().ok()?).ok()?;
    Some(at.duration_since(now).unwrap_or_default())
}
