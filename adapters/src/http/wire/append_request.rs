//! `AppendRequest` as it is sent, decoded within the limits. What both decoders refuse in the same words is here.

use bytes::Bytes;
use log_domain::append::MAX_PRECONDITIONS;
use log_domain::cursor::MAX_MOVES;
use log_domain::{
    Append, Batch, CursorMove, Durability, Error, Limits, Precondition, Producer, Record,
};

use super::failure::Failure;
use super::format::Format;

mod json;
pub(in crate::http) mod part;
mod protobuf;

/// What a body asks for.
pub(in crate::http) struct Asked {
    pub(in crate::http) append: Append,
    /// When it is to be acknowledged.
    pub(in crate::http) durability: Durability,
    /// Whether it is applied as a whole or not at all. One that is not has no producer.
    pub(in crate::http) is_atomic: bool,
}

/// What the frame of a session asks for, and when it is to be acknowledged. It is atomic.
pub(in crate::http) fn decode_frame(
    frame: Bytes,
    limits: &Limits,
) -> Result<(Append, Durability), Failure> {
    let asked = decode(Format::Protobuf, frame, limits)?;
    if !asked.is_atomic {
        return Err(Failure::invalid(
            "atomic is false, and the appends of a session are atomic: send it to POST /api/v1/log/append",
        ));
    }
    Ok((asked.append, asked.durability))
}

/// What `body` asks for. Fields that are not known are refused.
pub(in crate::http) fn decode(
    format: Format,
    body: Bytes,
    limits: &Limits,
) -> Result<Asked, Failure> {
    let decoded = match format {
        Format::Json => json::decode(&body, limits),
        Format::Protobuf => protobuf::decode(body, limits),
    }?;
    if decoded.records.is_empty() && !decoded.cursors.is_empty() {
        return Err(Failure::invalid(
            "records is empty: an append needs at least one record; move cursors alone with PUT /api/v1/log/cursors/{name}",
        ));
    }
    let batch = Batch::new(decoded.records, limits)?;
    let durability = match decoded.await_durable {
        true => Durability::Durable,
        false => Durability::Applied,
    };
    let is_atomic = decoded.atomic.unwrap_or(true);
    let append = Append::new(batch, decoded.preconditions, decoded.producer)?;
    if !is_atomic {
        append.check_splittable()?;
    }
    Ok(Asked {
        append: append.with_cursors(decoded.cursors)?,
        durability,
        is_atomic,
    })
}

/// The parts of a request.
#[derive(Default)]
struct Decoded {
    records: Vec<Record>,
    await_durable: bool,
    preconditions: Vec<Precondition>,
    producer: Option<Producer>,
    cursors: Vec<CursorMove>,
    atomic: Option<bool>,
}

/// What a record must have and does not.
fn missing(what: &str) -> Failure {
    Failure::invalid(format!("{what} is missing"))
}

/// More preconditions than there may be; how many more was not counted.
fn too_many_preconditions() -> Failure {
    Error::TooLarge {
        what: "number of preconditions",
        actual: MAX_PRECONDITIONS as u64 + 1,
        limit: MAX_PRECONDITIONS as u64,
    }
    .into()
}

/// The same for cursors.
fn too_many_cursors() -> Failure {
    Error::TooLarge {
        what: "number of cursors",
        actual: MAX_MOVES as u64 + 1,
        limit: MAX_MOVES as u64,
    }
    .into()
}

/// A batch with more records than there may be; how many more was not counted.
fn too_many(limits: &Limits) -> Failure {
    Error::TooLarge {
        what: "batch in records",
        actual: limits.batch_records as u64 + 1,
        limit: limits.batch_records as u64,
    }
    .into()
}
