//! Appends with `atomic: false`: a part for each partition, each an append of its own.

use futures::{StreamExt, stream};
use log_domain::cluster::Partition;
use log_domain::{Append, Durability, Error};
use poem::http::{HeaderValue, Method, StatusCode, header};
use poem::{FromRequest, IntoResponse, Request, Response, ResponseParts, Result};
use prost::Message;
use tokio::time::{Instant, timeout_at};

use super::asked::{Asked, Split};
use super::{Cluster, derived};
use crate::http::wire::append_parts::{self, Verdict};
use crate::http::wire::append_request::part;
use crate::http::wire::failure::{Failure, Reason};
use crate::http::wire::format::Format;
use crate::http::wire::proto::{self, AppendPart, AppendResponse, ErrorResponse};
use crate::http::wire::reply::{self, Reply};
use crate::http::wire::request_id::RequestId;
use crate::http::wire::route_table::APPEND;

/// Parts that are on their way at the same time.
const AT_ONCE: usize = 16;

/// What the message of an error says if nothing was applied although its status leaves that open.
const NOT_APPLIED: &str = "nothing was applied";

/// Why the outcome of a part is unknown that was answered by what is no node.
const ELSE: &str = "something else answered in place of the node that serves it";

/// Bytes of the answer to a part.
const ANSWER_BYTES: usize = 64 << 10;

/// What a part was answered.
struct Answer {
    part: AppendPart,
    status: StatusCode,
    retry_after: Option<HeaderValue>,
    /// Unless it was applied.
    error: Option<ErrorResponse>,
}

impl Cluster {
    /// Sends each part to its partition, and says what became of all.
    ///
    /// A part is sent while the time for one append is not over, and then has twice that time after the beginning of the whole, as long as an
    /// append may take that waits for its partition first.
    pub(super) async fn parts(&self, request: Request, split: Split) -> Result<Response> {
        let id = RequestId::from_request_without_body(&request).await?;
        let (began, durability) = (Instant::now(), split.durability);
        let answers = stream::iter(split.parts).map(|(partition, append)| {
            let sent = (partition, append, durability);
            self.part(&request, &id, sent, began)
        });
        let mut answers: Vec<Answer> = answers.buffer_unordered(AT_ONCE).collect().await;
        drop(split.permit);
        answers.sort_unstable_by_key(|answer| answer.part.partition);
        let outcomes = answers
            .iter()
            .map(|answer| (answer.part.clone(), answer.status));
        let outcomes: Vec<_> = outcomes.collect();
        let verdict = append_parts::verdict(&outcomes);
        let parts: Vec<AppendPart> = outcomes.into_iter().map(|(part, _)| part).collect();
        let format = Format::accepted(request.headers());
        let Some(verdict) = verdict else {
            let answer = append_parts::all_applied(parts);
            let reply = Reply::<AppendResponse>::new(format, &answer);
            return Ok(reply.map_err(Failure::from)?.into_response());
        };
        let (status, retry_after, mut error) = match verdict {
            Verdict::As(place) => as_of(answers.swap_remove(place), parts.len()),
            Verdict::Partly(place) => partly(&answers, place, &id),
        };
        error.parts = parts;
        let body = reply::encode(format, &error).map_err(Failure::from)?;
        let mut response = Response::builder()
            .status(status)
            .content_type(format.content_type())
            .body(body);
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        Ok(response)
    }

    /// Sends one part.
    async fn part(
        &self,
        request: &Request,
        id: &RequestId,
        (partition, append, durability): (Partition, Append, Durability),
        began: Instant,
    ) -> Answer {
        let records = append.batch().count();
        let within = self.limits.change_timeout;
        let answered = async {
            if began.elapsed() >= within {
                let why = "the other parts of the append took all of its time; nothing of this one was applied";
                return Err(Failure::from(Error::unavailable(why)));
            }
            let mut asked = derived::of(request, APPEND);
            asked.set_method(Method::POST);
            let protobuf = HeaderValue::from_static(Format::Protobuf.content_type());
            asked.headers_mut().insert(header::CONTENT_TYPE, protobuf);
            asked.set_body(part::encode(&append, durability)?);
            drop(append);
            let answer = self.to(partition, Asked::CHANGE, asked).await?;
            read(answer, partition.number(), records).await
        };
        let answered = timeout_at(began + 2 * within, answered).await;
        let answered = answered.unwrap_or_else(|_| Err(unknown("it was not answered in time")));
        match answered {
            Ok(answer) => answer,
            Err(failure) => {
                let head = failure.respond(Format::Protobuf, APPEND, id).into_parts().0;
                refused(&head, failure.answer(id), partition.number(), records)
            }
        }
    }
}

/// What `answer` says of a part.
async fn read(answer: Response, partition: u32, records: u64) -> Result<Answer, Failure> {
    let (head, body) = answer.into_parts();
    let body = body.into_bytes_limit(ANSWER_BYTES).await;
    let body = body.map_err(|error| unknown(&format!("its answer broke off: {error}")))?;
    let unreadable = |_| unknown("its answer cannot be read");
    if head.status == StatusCode::OK {
        let applied = AppendResponse::decode(body).map_err(unreadable)?;
        if applied.status != proto::SUCCESS {
            return Err(unknown(ELSE));
        }
        return Ok(Answer {
            part: append_parts::applied(partition, records, applied.start_sequence),
            status: head.status,
            retry_after: None,
            error: None,
        });
    }
    let error = ErrorResponse::decode(body).map_err(unreadable)?;
    if error.code.is_empty() {
        return Err(unknown(ELSE));
    }
    Ok(refused(&head, error, partition, records))
}

/// A part that was not applied, or of which that is not known.
fn refused(head: &ResponseParts, error: ErrorResponse, partition: u32, records: u64) -> Answer {
    let status = head.status;
    // As for a whole append, its message says so if nothing was applied all the same.
    let is_unknown = status == StatusCode::GATEWAY_TIMEOUT && !error.message.contains(NOT_APPLIED);
    Answer {
        part: append_parts::not_applied(partition, records, is_unknown, &error),
        status,
        retry_after: head.headers.get(header::RETRY_AFTER).cloned(),
        error: Some(error),
    }
}

/// The answer of one part as that of all: nothing was applied, or the outcome of that part is unknown.
fn as_of(answer: Answer, parts: usize) -> (StatusCode, Option<HeaderValue>, ErrorResponse) {
    let mut error = answer.error.unwrap_or_default();
    let others = match parts {
        1 => "",
        _ if answer.status == StatusCode::GATEWAY_TIMEOUT => {
            "; parts says what became of the others"
        }
        _ => "; no other part was applied either",
    };
    error.message = format!(
        "partition {}: {}{others}",
        answer.part.partition, error.message
    );
    (answer.status, answer.retry_after, error)
}

/// The answer if some parts were applied, and others were refused, of which the one in this `place` matters most.
fn partly(
    answers: &[Answer],
    place: usize,
    id: &RequestId,
) -> (StatusCode, Option<HeaderValue>, ErrorResponse) {
    let applied = answers.iter().filter(|answer| answer.error.is_none());
    let refused = &answers[place].part;
    let message = format!(
        "{} of {} parts were applied, and the others were not: partition {}: {}. Send only the records of the parts that were refused again: parts has each one",
        applied.count(),
        answers.len(),
        refused.partition,
        refused.message.as_deref().unwrap_or_default(),
    );
    let row = Reason::PartlyApplied.row();
    (
        row.status,
        None,
        Failure::new(Reason::PartlyApplied, message).answer(id),
    )
}

fn unknown(why: &str) -> Failure {
    Error::outcome_unknown(format!("a part of the append was sent, and {why}")).into()
}
