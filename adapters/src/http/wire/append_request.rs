//! `AppendRequest` as it is sent, decoded within the limits. What both decoders refuse in the same words is here.

use bytes::Bytes;
use log_domain::{Error, Limits, Record};

use super::failure::Failure;
use super::format::Format;

mod fields;
mod json;
mod protobuf;

/// The records in `body`, and whether to await durability. Fields that are not known are refused.
pub(in crate::http) fn decode(
    format: Format,
    body: Bytes,
    limits: &Limits,
) -> Result<(Vec<Record>, bool), Failure> {
    match format {
        Format::Json => json::decode(&body, limits),
        Format::Protobuf => protobuf::decode(body, limits),
    }
}

/// What a record must have and does not.
fn missing(what: &str) -> Failure {
    Failure::invalid(format!("{what} is missing"))
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
