//! `AppendRequest` as it is sent, decoded within the limits. What both decoders refuse in the same words is here.

use bytes::Bytes;
use log_domain::append::MAX_PRECONDITIONS;
use log_domain::{Append, Batch, Durability, Error, Limits, Precondition, Producer, Record};

use super::failure::Failure;
use super::format::Format;

mod json;
mod protobuf;

/// What `body` asks for, and when it is to be acknowledged. Fields that are not known are refused.
pub(in crate::http) fn decode(
    format: Format,
    body: Bytes,
    limits: &Limits,
) -> Result<(Append, Durability), Failure> {
    let decoded = match format {
        Format::Json => json::decode(&body, limits),
        Format::Protobuf => protobuf::decode(body, limits),
    }?;
    let batch = Batch::new(decoded.records, limits)?;
    let durability = match decoded.await_durable {
        true => Durability::Durable,
        false => Durability::Applied,
    };
    let append = Append::new(batch, decoded.preconditions, decoded.producer)?;
    Ok((append, durability))
}

/// The parts of a request.
#[derive(Default)]
struct Decoded {
    records: Vec<Record>,
    await_durable: bool,
    preconditions: Vec<Precondition>,
    producer: Option<Producer>,
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

/// A batch with more records than there may be; how many more was not counted.
fn too_many(limits: &Limits) -> Failure {
    Error::TooLarge {
        what: "batch in records",
        actual: limits.batch_records as u64 + 1,
        limit: limits.batch_records as u64,
    }
    .into()
}
