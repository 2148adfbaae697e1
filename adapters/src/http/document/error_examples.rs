//! An example of every error that an operation can end in, for the document: made by what makes the errors themselves.

use bytes::Bytes;
use log_domain::{
    Batch, CursorName, Denied, Error, Limits, PageLimit, Record, Rejection, Right, Sequence,
};
use poem::http::{HeaderMap, HeaderValue, header};
use serde_yaml::{Mapping, Value as Yaml};

use crate::http::wire::append_parts;
use crate::http::wire::failure::{Failure, Reason};
use crate::http::wire::format::{self, Format};
use crate::http::wire::param::{self, CursorInPath, Text};
use crate::http::wire::proto::AppendPart;
use crate::http::wire::request_id::RequestId;
use crate::http::wire::route_table::{self, PARTITION};
use crate::http::wire::selected::Selected;
use crate::http::wire::{reply, trim_request};

/// The request whose internal error is an example.
const REQUEST_ID: u128 = 0xe220_a839_7b1d_cdaf_a706_dd2f_4d19_7e6f;

/// A cursor.
const CURSOR: &str = "orders-projection";

/// Longer than a key may be.
const KEY_BYTES: usize = 10_000;

/// The examples of what an operation on `path` answers with `status`, by names that begin with their codes; none if that is no error.
pub(in crate::http) fn of(operation: &str, path: &str, status: u16) -> Mapping {
    let request = RequestId::numbered(REQUEST_ID);
    let examples = failures(operation, path, status)
        .into_iter()
        .map(|failure| {
            let mut answer = failure.answer(&request);
            if answer.code == Reason::PartlyApplied.row().code {
                answer.parts = parts();
            }
            let conflict = answer.conflict.as_ref();
            let name = match conflict {
                Some(conflict) if conflict.trimmed_before.is_some() => {
                    format!("{}_trimmed", answer.code)
                }
                Some(conflict) if conflict.cursor.is_some() => format!("{}_cursor", answer.code),
                _ => answer.code.clone(),
            };
            let value = reply::encode(Format::Json, &answer).unwrap_or_default();
            // JSON is YAML too, and read as such it keeps the order of its fields.
            let value: Yaml = serde_yaml::from_slice(&value).unwrap_or_default();
            let example: Mapping = [("value".into(), value)].into_iter().collect();
            (Yaml::from(name), Yaml::from(example))
        });
    examples.collect()
}

fn failures(operation: &str, path: &str, status: u16) -> Vec<Failure> {
    let limits = Limits::default();
    let appends = operation == "append";
    match status {
        400 => vec![invalid(operation, &limits)],
        401 => vec![Failure::denied(Denied::Unauthenticated, Right::Read)],
        403 => route_table::find(path)
            .and_then(|route| {
                let changes = matches!(operation, "putCursor" | "deleteCursor");
                route.needs_to_change.filter(|_| changes).or(route.needs)
            })
            .map(|right| Failure::denied(Denied::Insufficient, right))
            .into_iter()
            .collect(),
        404 => vec![Error::NoCursor(CURSOR.to_owned()).into()],
        409 if operation == "putCursor" => cursor_conflict()
            .map(|why| Error::rejected(why).into())
            .into_iter()
            .collect(),
        409 => rejections()
            .into_iter()
            .chain(cursor_conflict())
            .map(|why| Error::rejected(why).into())
            .chain([partly_applied()])
            .collect(),
        413 => vec![too_large(operation, &limits)],
        415 if operation == "session" => format::check_delimited(&HeaderMap::new())
            .err()
            .into_iter()
            .collect(),
        415 => {
            let text = (header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
            Format::of_body(&HeaderMap::from_iter([text]))
                .err()
                .into_iter()
                .collect()
        }
        421 => vec![Error::NotWriter.into()],
        429 => vec![overloaded(operation, &limits).into()],
        500 => vec![Error::internal("").into()],
        503 if operation == "ready" => vec![Failure::starting()],
        503 => {
            let behind = Error::Behind {
                at_least: 1_000,
                shown: 990,
                waited_ms: 30_000,
            };
            let waits = matches!(
                operation,
                "scan" | "scanKeys" | "stream" | "streamKeys" | "count" | "listKeys"
            );
            let away = Error::unavailable("the object store does not answer");
            let behind = waits.then_some(behind);
            [away, Error::Fenced]
                .into_iter()
                .chain(behind)
                .map(Failure::from)
                .collect()
        }
        504 if appends => {
            let late = "the append was not acknowledged within 30000 ms";
            vec![Error::outcome_unknown(late).into()]
        }
        504 if operation == "trim" => {
            let late = "the trim was not acknowledged within 30000 ms";
            vec![Error::TrimUnknown(late.to_owned()).into()]
        }
        504 if operation == "deleteKey" => {
            let late = "the deletion was not acknowledged within 30000 ms";
            vec![Error::DeletionUnknown(late.to_owned()).into()]
        }
        504 if matches!(operation, "putCursor" | "deleteCursor") => {
            let late = "it was not acknowledged within 30000 ms";
            vec![Error::CursorUnknown(late.to_owned()).into()]
        }
        504 => vec![Error::DeadlineExceeded(30_000).into()],
        _ => Vec::new(),
    }
}

fn rejections() -> [Rejection; 7] {
    [
        Rejection::Conflict {
            key: Bytes::from_static(b"orders"),
            no_record_since: Sequence::ZERO,
            last: Sequence::new(1),
        },
        Rejection::Trimmed {
            key: Bytes::from_static(b"orders"),
            no_record_since: Sequence::new(1),
            trimmed_before: Sequence::new(2),
        },
        Rejection::OutOfOrder {
            sequence: 3,
            expected: 2,
        },
        Rejection::SequenceTooOld,
        Rejection::SequenceReused { sequence: 1 },
        Rejection::ProducerFenced { current: 1 },
        Rejection::ProducerUnknown,
    ]
}

/// An append of which one part was refused.
fn partly_applied() -> Failure {
    Failure::new(
        Reason::PartlyApplied,
        "1 of 2 parts were applied, and the others were not: partition 43: no node serves partition 43 at the moment; nothing was applied. \
         Send only the records of the parts that were refused again: parts has each one",
    )
}

/// Its parts.
fn parts() -> Vec<AppendPart> {
    let away = Error::unavailable("no node serves partition 43 at the moment; nothing was applied");
    let away = Failure::from(away).answer(&RequestId::numbered(REQUEST_ID));
    vec![
        append_parts::applied(17, 2, 0),
        append_parts::not_applied(43, 1, false, &away),
    ]
}

/// A cursor that another consumer has moved.
fn cursor_conflict() -> Option<Rejection> {
    Some(Rejection::CursorConflict {
        name: CursorName::parse(CURSOR).ok()?,
        expected: Sequence::ZERO,
        position: Some(Sequence::new(1)),
    })
}

fn invalid(operation: &str, limits: &Limits) -> Failure {
    let refused = match operation {
        "trim" => {
            let refused = trim_request::decode(Format::Json, b"{}").err();
            return refused.unwrap_or_else(|| Failure::invalid(""));
        }
        "append" => Batch::new(Vec::new(), limits).err(),
        "scanKeys" | "streamKeys" => {
            let refused = Selected::default().selection(limits).err();
            return refused.unwrap_or_else(|| Failure::invalid(""));
        }
        "session" => {
            let refused = param::refuse_unknown("durable=1", &[PARTITION.to_owned()]).err();
            return refused.unwrap_or_else(|| Failure::invalid(""));
        }
        "deleteKey" => {
            let refused = param::key(None, None, limits).err();
            return refused.unwrap_or_else(|| Failure::invalid(""));
        }
        "getCursor" | "putCursor" | "deleteCursor" => {
            let refused = CursorInPath::parse("/%0A").err();
            return refused.unwrap_or_else(|| Failure::invalid(""));
        }
        "scan" | "listKeys" | "listCursors" => PageLimit::new(0, limits).err(),
        _ => param::range(5, Some(3)).err(),
    };
    refused.map_or_else(|| Failure::invalid(""), Failure::from)
}

fn too_large(operation: &str, limits: &Limits) -> Failure {
    let key = Bytes::from_static(&[b'k'; KEY_BYTES]);
    let refused = match operation {
        "append" => Record::parse(key, Bytes::new(), limits)
            .err()
            .map(|error| Failure::from(error).of("record[0]")),
        "trim" => Some(Failure::from(Error::TooLarge {
            what: "request body in bytes",
            actual: KEY_BYTES as u64,
            limit: trim_request::BODY_BYTES as u64,
        })),
        "getCursor" | "putCursor" | "deleteCursor" => {
            CursorInPath::parse(&"c".repeat(KEY_BYTES)).err()
        }
        _ => param::key(Some(Text(key)), None, limits).err(),
    };
    refused.unwrap_or_else(|| Failure::new(Reason::TooLarge, ""))
}

fn overloaded(operation: &str, limits: &Limits) -> Error {
    let (what, limit) = match operation {
        "append" | "trim" | "deleteKey" | "putCursor" | "deleteCursor" => (
            "the append queue, in requests,",
            limits.append_queue_requests as u64,
        ),
        "session" | "stream" | "streamKeys" => (
            "the number of concurrent followers",
            limits.followers as u64,
        ),
        _ => (reply::ANSWERS, reply::ANSWER_BYTES),
    };
    Error::Overloaded { what, limit }
}
