//! `AppendRequest` from protobuf.
//!
//! Read by hand over prost's primitives: records go straight into what the domain takes, as slices of the body, and
//! no body can make more of them than a batch may have.

use bytes::{Buf, Bytes};
use log_domain::append::MAX_PRECONDITIONS;
use log_domain::headers::HeadersBuilder;
use log_domain::{Error, Key, Limits, Precondition, Producer, Record, Sequence};
use prost::DecodeError;
use prost::encoding::{WireType, decode_key, decode_varint};

use super::{Decoded, missing, too_many, too_many_preconditions};
use crate::http::wire::failure::Failure;

const RECORDS: u32 = 1;
const AWAIT_DURABLE: u32 = 2;
const PRECONDITIONS: u32 = 3;
const PRODUCER: u32 = 4;
const KEY: u32 = 1;
const VALUE: u32 = 2;
const HEADERS: u32 = 3;
const HEADER_NAME: u32 = 1;
const HEADER_VALUE: u32 = 2;
const PRECONDITION_KEY: u32 = 1;
const NO_RECORD_SINCE: u32 = 2;
const PRODUCER_ID: u32 = 1;
const PRODUCER_EPOCH: u32 = 2;
const PRODUCER_SEQUENCE: u32 = 3;

/// The fields of each message, as a client is told of them.
const REQUEST_FIELDS: &str = "records = 1, await_durable = 2, preconditions = 3, producer = 4";
const RECORD_FIELDS: &str = "key = 1, value = 2, headers = 3";
const HEADER_FIELDS: &str = "name = 1, value = 2";
const PRECONDITION_FIELDS: &str = "key = 1, no_record_since = 2";
const PRODUCER_FIELDS: &str = "id = 1, epoch = 2, sequence = 3";

/// The parts of a request.
pub(super) fn decode(mut body: Bytes, limits: &Limits) -> Result<Decoded, Failure> {
    let Decoded {
        mut records,
        mut await_durable,
        mut preconditions,
        mut producer,
    } = Decoded::default();
    let mut headers = HeadersBuilder::new(limits);
    while body.has_remaining() {
        match decode_key(&mut body).map_err(malformed)? {
            (RECORDS, WireType::LengthDelimited) => {
                let index = records.len();
                if index >= limits.batch_records {
                    return Err(too_many(limits));
                }
                let about_record = |failure: Failure| failure.of(format_args!("record[{index}]"));
                let message = bytes_field(&mut body).map_err(malformed)?;
                records.push(record(message, &mut headers, limits).map_err(about_record)?);
            }
            (AWAIT_DURABLE, WireType::Varint) => {
                await_durable = decode_varint(&mut body).map_err(malformed)? != 0;
            }
            (PRECONDITIONS, WireType::LengthDelimited) => {
                let index = preconditions.len();
                if index >= MAX_PRECONDITIONS {
                    return Err(too_many_preconditions());
                }
                let about = |failure: Failure| failure.of(format_args!("precondition[{index}]"));
                let message = bytes_field(&mut body).map_err(malformed)?;
                preconditions.push(precondition(message, limits).map_err(about)?);
            }
            (PRODUCER, WireType::LengthDelimited) => {
                let message = bytes_field(&mut body).map_err(malformed)?;
                producer = Some(self::producer(message)?);
            }
            (tag @ RECORDS..=PRODUCER, _) => {
                let known = REQUEST_FIELDS.split(", ");
                let name = known.zip(1..).find(|(_, number)| *number == tag);
                let name = name.and_then(|(field, _)| field.split(' ').next());
                return Err(wrong_type(&format!(
                    "the body is not an AppendRequest: {}",
                    name.unwrap_or_default()
                )));
            }
            (tag, _) => return Err(unknown(tag, "AppendRequest", REQUEST_FIELDS)),
        }
    }
    Ok(Decoded {
        records,
        await_durable,
        preconditions,
        producer,
    })
}

fn precondition(mut message: Bytes, limits: &Limits) -> Result<Precondition, Failure> {
    let (mut key, mut no_record_since) = (None, 0);
    while message.has_remaining() {
        match decode_key(&mut message).map_err(malformed)? {
            (PRECONDITION_KEY, WireType::LengthDelimited) => {
                key = Some(bytes_field(&mut message).map_err(malformed)?);
            }
            (NO_RECORD_SINCE, WireType::Varint) => {
                no_record_since = decode_varint(&mut message).map_err(malformed)?;
            }
            (PRECONDITION_KEY, _) => return Err(wrong_type("key")),
            (NO_RECORD_SINCE, _) => return Err(wrong_type("no_record_since")),
            (tag, _) => return Err(unknown(tag, "Precondition", PRECONDITION_FIELDS)),
        }
    }
    Ok(Precondition {
        key: Key::parse(key.ok_or_else(|| missing("key"))?, limits)?,
        no_record_since: Sequence::new(no_record_since),
    })
}

fn producer(mut message: Bytes) -> Result<Producer, Failure> {
    let (mut id, mut epoch, mut sequence) = (Bytes::new(), 0, 0);
    while message.has_remaining() {
        match decode_key(&mut message).map_err(malformed)? {
            (PRODUCER_ID, WireType::LengthDelimited) => {
                id = bytes_field(&mut message).map_err(malformed)?;
            }
            (PRODUCER_EPOCH, WireType::Varint) => {
                epoch = decode_varint(&mut message).map_err(malformed)?;
            }
            (PRODUCER_SEQUENCE, WireType::Varint) => {
                sequence = decode_varint(&mut message).map_err(malformed)?;
            }
            (PRODUCER_ID, _) => return Err(wrong_type("producer.id")),
            (PRODUCER_EPOCH, _) => return Err(wrong_type("producer.epoch")),
            (PRODUCER_SEQUENCE, _) => return Err(wrong_type("producer.sequence")),
            (tag, _) => return Err(unknown(tag, "Producer", PRODUCER_FIELDS)),
        }
    }
    let id = std::str::from_utf8(&id).map_err(|_| Failure::invalid("producer.id is not UTF-8"))?;
    Ok(Producer::parse(id, epoch, sequence)?)
}

fn record(
    mut message: Bytes,
    headers: &mut HeadersBuilder,
    limits: &Limits,
) -> Result<Record, Failure> {
    let (mut key, mut value) = (None, None);
    while message.has_remaining() {
        match decode_key(&mut message).map_err(malformed)? {
            (KEY, WireType::LengthDelimited) => {
                key = Some(bytes_field(&mut message).map_err(malformed)?);
            }
            (VALUE, WireType::LengthDelimited) => {
                value = Some(bytes_field(&mut message).map_err(malformed)?);
            }
            (HEADERS, WireType::LengthDelimited) => {
                let index = headers.count();
                let about_header = |failure: Failure| failure.of(format_args!("header[{index}]"));
                let message = bytes_field(&mut message).map_err(malformed)?;
                header(message, headers).map_err(about_header)?;
            }
            (KEY, _) => return Err(wrong_type("key")),
            (VALUE, _) => return Err(wrong_type("value")),
            (HEADERS, _) => return Err(wrong_type("headers")),
            (tag, _) => return Err(unknown(tag, "Record", RECORD_FIELDS)),
        }
    }
    let key = key.ok_or_else(|| missing("key"))?;
    let record = Record::parse(key, value.ok_or_else(no_value)?, limits)?;
    Ok(record.with_headers(headers.take()))
}

/// Adds the header in `message` to `headers`.
fn header(mut message: Bytes, headers: &mut HeadersBuilder) -> Result<(), Failure> {
    let (mut name, mut value) = (None, None);
    while message.has_remaining() {
        let target = match decode_key(&mut message).map_err(malformed)? {
            (HEADER_NAME, WireType::LengthDelimited) => &mut name,
            (HEADER_VALUE, WireType::LengthDelimited) => &mut value,
            (HEADER_NAME, _) => return Err(wrong_type("name")),
            (HEADER_VALUE, _) => return Err(wrong_type("value")),
            (tag, _) => return Err(unknown(tag, "Header", HEADER_FIELDS)),
        };
        *target = Some(bytes_field(&mut message).map_err(malformed)?);
    }
    let name = name.ok_or_else(|| missing("name"))?;
    let value = value.ok_or_else(no_value)?;
    Ok(headers.push(&name, &value)?)
}

fn no_value() -> Failure {
    missing("value (an empty value must be present on the wire: declare the field optional)")
}

/// A field that this server does not know. It may be a condition of a newer version, so nothing is applied without it.
fn unknown(tag: u32, message: &str, known: &str) -> Failure {
    Failure::invalid(format!(
        "unknown field {tag} of {message} (accepted: {known})"
    ))
}

fn wrong_type(field: &str) -> Failure {
    Failure::invalid(format!("{field} has the wrong wire type"))
}

/// The bytes of a length-delimited field: a slice of `message`, not a copy.
fn bytes_field(message: &mut Bytes) -> Result<Bytes, Cut> {
    let length = decode_varint(message).map_err(Cut::Malformed)?;
    let length = usize::try_from(length).map_err(|_| Cut::Short)?;
    if length > message.remaining() {
        return Err(Cut::Short);
    }
    Ok(message.split_to(length))
}

enum Cut {
    Malformed(DecodeError),
    Short,
}

impl From<DecodeError> for Cut {
    fn from(error: DecodeError) -> Self {
        Self::Malformed(error)
    }
}

fn malformed(error: impl Into<Cut>) -> Failure {
    let why = match error.into() {
        Cut::Malformed(error) => error.to_string(),
        Cut::Short => "a field is longer than what is left".to_owned(),
    };
    Error::Invalid(format!("the body is not an AppendRequest: {why}")).into()
}
