//! `PutCursorRequest` as it is sent, in both formats. Fields that are not known are refused.

use std::fmt;

use bytes::Buf;
use log_domain::{CursorMove, CursorName, Error, Sequence};
use prost::DecodeError;
use prost::encoding::{WireType, decode_key, decode_varint};
use serde::Deserializer;
use serde::de::{MapAccess, Visitor};

use super::failure::Failure;
use super::fields::Seen;
use super::format::Format;
use super::json_number::Number;
use super::proto::PutCursorRequestField;
use super::unexpected_field::unexpected;

/// Maximum length of a request, in bytes.
pub(in crate::http) const BODY_BYTES: usize = 4 << 10;

const POSITION: u32 = PutCursorRequestField::Position as u32;
const EXPECTED: u32 = PutCursorRequestField::Expected as u32;

/// What `body` asks for of the cursor `name`.
pub(in crate::http) fn decode(
    format: Format,
    body: &[u8],
    name: CursorName,
) -> Result<CursorMove, Failure> {
    let Decoded { position, expected } = match format {
        Format::Json => json(body),
        Format::Protobuf => protobuf(body),
    }?;
    let position = position.ok_or_else(|| {
        Failure::invalid("position is missing: send, for example, {\"position\": 1000}")
    })?;
    Ok(CursorMove {
        name,
        position: Sequence::new(position),
        expected: expected.map(Sequence::new),
    })
}

/// The parts of a request.
#[derive(Default)]
struct Decoded {
    position: Option<u64>,
    expected: Option<u64>,
}

fn json(body: &[u8]) -> Result<Decoded, Failure> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let read = json.deserialize_map(Request);
    read.and_then(|decoded| json.end().map(|()| decoded))
        .map_err(|error| refused(&error.to_string()))
}

struct Request;

impl<'de> Visitor<'de> for Request {
    type Value = Decoded;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with `position`, for example {\"position\": 1000}")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Decoded, A::Error> {
        let (mut decoded, mut seen) = (Decoded::default(), Seen::default());
        while let Some((field, _)) = seen.next(&mut map)? {
            let (name, target) = match field {
                PutCursorRequestField::Position => ("position", &mut decoded.position),
                PutCursorRequestField::Expected => ("expected", &mut decoded.expected),
            };
            *target = map.next_value_seed(Number(name))?;
        }
        Ok(decoded)
    }
}

fn protobuf(mut body: &[u8]) -> Result<Decoded, Failure> {
    let malformed = |error: DecodeError| refused(&error.to_string());
    let mut decoded = Decoded::default();
    while body.has_remaining() {
        let target = match decode_key(&mut body).map_err(malformed)? {
            (POSITION, WireType::Varint) => &mut decoded.position,
            (EXPECTED, WireType::Varint) => &mut decoded.expected,
            (number, _) => return Err(unexpected::<PutCursorRequestField>(number, "")),
        };
        *target = Some(decode_varint(&mut body).map_err(malformed)?);
    }
    Ok(decoded)
}

fn refused(why: &str) -> Failure {
    Error::invalid(format!("the body is not a PutCursorRequest: {why}")).into()
}
