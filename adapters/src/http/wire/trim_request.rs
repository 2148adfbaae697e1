//! `TrimRequest` as it is sent, in both formats. Fields that are not known are refused.

use std::fmt;

use bytes::Buf;
use log_domain::{Error, Sequence, Trim};
use prost::DecodeError;
use prost::encoding::{WireType, decode_key, decode_varint};
use serde::Deserializer;
use serde::de::{MapAccess, Visitor};

use super::failure::Failure;
use super::fields::Seen;
use super::format::Format;
use super::json_number::Number;
use super::proto::TrimRequestField;
use super::unexpected_field::unexpected;

/// Maximum length of a request, in bytes.
pub(in crate::http) const BODY_BYTES: usize = 4 << 10;

const BEFORE_SEQUENCE: u32 = TrimRequestField::BeforeSequence as u32;
const BEFORE_TIME_MS: u32 = TrimRequestField::BeforeTimeMs as u32;

/// What `body` asks for.
pub(in crate::http) fn decode(format: Format, body: &[u8]) -> Result<Trim, Failure> {
    let decoded = match format {
        Format::Json => json(body),
        Format::Protobuf => protobuf(body),
    }?;
    match (decoded.before_sequence, decoded.before_time_ms) {
        (Some(before), None) => Ok(Trim::BeforeSequence(Sequence::new(before))),
        (None, Some(time)) => {
            let time = i64::try_from(time).map_err(|_| {
                Failure::invalid(format!(
                    "beforeTimeMs must be a whole number from 0 to {}",
                    i64::MAX
                ))
            })?;
            Ok(Trim::BeforeTime(time))
        }
        _ => Err(Failure::invalid(
            "send either beforeSequence or beforeTimeMs, for example {\"beforeSequence\": 1000}",
        )),
    }
}

/// The parts of a request.
#[derive(Default)]
struct Decoded {
    before_sequence: Option<u64>,
    before_time_ms: Option<u64>,
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
        f.write_str(
            "an object with `beforeSequence` or `beforeTimeMs`, for example {\"beforeSequence\": 1000}",
        )
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Decoded, A::Error> {
        let (mut decoded, mut seen) = (Decoded::default(), Seen::default());
        while let Some((field, _)) = seen.next(&mut map)? {
            let (name, target) = match field {
                TrimRequestField::BeforeSequence => {
                    ("beforeSequence", &mut decoded.before_sequence)
                }
                TrimRequestField::BeforeTimeMs => ("beforeTimeMs", &mut decoded.before_time_ms),
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
            (BEFORE_SEQUENCE, WireType::Varint) => &mut decoded.before_sequence,
            (BEFORE_TIME_MS, WireType::Varint) => &mut decoded.before_time_ms,
            (number, _) => return Err(unexpected::<TrimRequestField>(number, "")),
        };
        *target = Some(decode_varint(&mut body).map_err(malformed)?);
    }
    Ok(decoded)
}

fn refused(why: &str) -> Failure {
    Error::invalid(format!("the body is not a TrimRequest: {why}")).into()
}
