//! `AppendRequest` from protobuf.
//!
//! Read by hand over prost's primitives: records go straight into what the domain takes, as slices of the body, and
//! no body can make more of them than a batch may have. The numbers and names of the fields are those of `log.proto`.

use bytes::{Buf, Bytes};
use log_domain::append::MAX_PRECONDITIONS;
use log_domain::cursor::MAX_MOVES;
use log_domain::headers::HeadersBuilder;
use log_domain::{
    CursorMove, CursorName, Error, Key, Limits, Precondition, Producer, Record, Sequence,
};
use prost::DecodeError;
use prost::encoding::{WireType, decode_key, decode_varint};

use super::{Decoded, missing, too_many, too_many_cursors, too_many_preconditions};
use crate::http::wire::failure::Failure;
use crate::http::wire::proto::{
    AppendRequestField, CursorMoveField, HeaderField, PreconditionField, ProducerField, RecordField,
};
use crate::http::wire::unexpected_field::unexpected;

const RECORDS: u32 = AppendRequestField::Records as u32;
const AWAIT_DURABLE: u32 = AppendRequestField::AwaitDurable as u32;
const PRECONDITIONS: u32 = AppendRequestField::Preconditions as u32;
const PRODUCER: u32 = AppendRequestField::Producer as u32;
const CURSORS: u32 = AppendRequestField::Cursors as u32;
const ATOMIC: u32 = AppendRequestField::Atomic as u32;
const KEY: u32 = RecordField::Key as u32;
const VALUE: u32 = RecordField::Value as u32;
const HEADERS: u32 = RecordField::Headers as u32;
const HEADER_NAME: u32 = HeaderField::Name as u32;
const HEADER_VALUE: u32 = HeaderField::Value as u32;
const PRECONDITION_KEY: u32 = PreconditionField::Key as u32;
const NO_RECORD_SINCE: u32 = PreconditionField::NoRecordSince as u32;
const PRODUCER_ID: u32 = ProducerField::Id as u32;
const PRODUCER_EPOCH: u32 = ProducerField::Epoch as u32;
const PRODUCER_SEQUENCE: u32 = ProducerField::Sequence as u32;
const CURSOR_NAME: u32 = CursorMoveField::Name as u32;
const CURSOR_POSITION: u32 = CursorMoveField::Position as u32;
const CURSOR_EXPECTED: u32 = CursorMoveField::Expected as u32;

/// The parts of a request.
pub(super) fn decode(mut body: Bytes, limits: &Limits) -> Result<Decoded, Failure> {
    let Decoded {
        mut records,
        mut await_durable,
        mut preconditions,
        mut producer,
        mut cursors,
        mut atomic,
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
            (CURSORS, WireType::LengthDelimited) => {
                let index = cursors.len();
                if index >= MAX_MOVES {
                    return Err(too_many_cursors());
                }
                let about = |failure: Failure| failure.of(format_args!("cursor[{index}]"));
                let message = bytes_field(&mut body).map_err(malformed)?;
                cursors.push(cursor(message).map_err(about)?);
            }
            (ATOMIC, WireType::Varint) => {
                atomic = Some(decode_varint(&mut body).map_err(malformed)? != 0);
            }
            (number, _) => {
                let prefix = "the body is not an AppendRequest: ";
                return Err(unexpected::<AppendRequestField>(number, prefix));
            }
        }
    }
    Ok(Decoded {
        records,
        await_durable,
        preconditions,
        producer,
        cursors,
        atomic,
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
            (number, _) => return Err(unexpected::<PreconditionField>(number, "")),
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
            (number, _) => return Err(unexpected::<ProducerField>(number, "producer.")),
        }
    }
    let id = std::str::from_utf8(&id).map_err(|_| Failure::invalid("producer.id is not UTF-8"))?;
    Ok(Producer::parse(id, epoch, sequence)?)
}

fn cursor(mut message: Bytes) -> Result<CursorMove, Failure> {
    let (mut name, mut position, mut expected) = (Bytes::new(), 0, None);
    while message.has_remaining() {
        match decode_key(&mut message).map_err(malformed)? {
            (CURSOR_NAME, WireType::LengthDelimited) => {
                name = bytes_field(&mut message).map_err(malformed)?;
            }
            (CURSOR_POSITION, WireType::Varint) => {
                position = decode_varint(&mut message).map_err(malformed)?;
            }
            (CURSOR_EXPECTED, WireType::Varint) => {
                expected = Some(decode_varint(&mut message).map_err(malformed)?);
            }
            (number, _) => return Err(unexpected::<CursorMoveField>(number, "")),
        }
    }
    let name = std::str::from_utf8(&name).map_err(|_| Failure::invalid("name is not UTF-8"))?;
    Ok(CursorMove {
        name: CursorName::parse(name)?,
        position: Sequence::new(position),
        expected: expected.map(Sequence::new),
    })
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
            (number, _) => return Err(unexpected::<RecordField>(number, "")),
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
            (number, _) => return Err(unexpected::<HeaderField>(number, "")),
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
