//! `ScanRequest` as it is sent, in both formats. Fields that are not known are refused.

use std::fmt;

use bytes::{Buf, Bytes};
use log_domain::selection::SELECTED_KEYS;
use log_domain::{CursorName, Visibility};
use prost::DecodeError;
use prost::encoding::{WireType, decode_key, decode_varint};
use serde::Deserializer;
use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};

use super::failure::Failure;
use super::fields::Seen;
use super::format::Format;
use super::json::ByteFormat;
use super::json_number::{Number, time_ms};
use super::lenient_base64;
use super::message;
use super::param::ParamValue;
use super::positions::{self, Order, Positions};
use super::proto::{Field as _, ScanRequestField as Field};
use super::selected::Selected;
use super::unexpected_field::unexpected;

/// Maximum length of a request, in bytes: as many keys as there may be, as long as they may be by default, in base64.
pub(in crate::http) const BODY_BYTES: usize = 12 << 20;

/// What is to be read. What was not given is absent.
#[derive(Debug, Default)]
pub(in crate::http) struct ScanRequest {
    pub(in crate::http) selected: Selected,
    pub(in crate::http) start_seq: Option<u64>,
    pub(in crate::http) end_seq: Option<u64>,
    pub(in crate::http) limit: Option<u64>,
    pub(in crate::http) follow: Option<bool>,
    pub(in crate::http) timeout_ms: Option<u64>,
    pub(in crate::http) start_time_ms: Option<i64>,
    pub(in crate::http) visibility: Option<Visibility>,
    pub(in crate::http) format: Option<ByteFormat>,
    pub(in crate::http) cursor: Option<CursorName>,
    pub(in crate::http) last: Option<u64>,
    pub(in crate::http) at_least: Option<u64>,
    pub(in crate::http) order: Option<Order>,
    pub(in crate::http) positions: Positions,
}

/// What `body` asks for.
pub(in crate::http) fn decode(format: Format, body: &[u8]) -> Result<ScanRequest, Failure> {
    match format {
        Format::Json => message::json::<Field, _>(body, Request),
        Format::Protobuf => protobuf(body),
    }
}

struct Request;

impl<'de> Visitor<'de> for Request {
    type Value = ScanRequest;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "an object with `key`, `keys` or `prefix`, for example {\"prefixText\": \"a/\"}",
        )
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ScanRequest, A::Error> {
        let (mut request, mut seen) = (ScanRequest::default(), Seen::default());
        let Selected { key, keys, prefix } = &mut request.selected;
        while let Some((field, is_text)) = seen.next(&mut map)? {
            match field {
                Field::Key => one(&mut map, "key", is_text, key)?,
                Field::Keys => {
                    let name = "keys";
                    let list = Contents {
                        content: Content { name, is_text },
                        keys: &mut *keys,
                    };
                    map.next_value_seed(list)?;
                }
                Field::Prefix => one(&mut map, "prefix", is_text, prefix)?,
                Field::StartSeq => request.start_seq = map.next_value_seed(Number("startSeq"))?,
                Field::EndSeq => request.end_seq = map.next_value_seed(Number("endSeq"))?,
                Field::Limit => request.limit = map.next_value_seed(Number("limit"))?,
                Field::Follow => {
                    let follow = map.next_value();
                    let wrong = |_| A::Error::custom("follow must be true or false");
                    request.follow = follow.map_err(wrong)?;
                }
                Field::TimeoutMs => {
                    request.timeout_ms = map.next_value_seed(Number("timeoutMs"))?
                }
                Field::StartTimeMs => {
                    let time = map.next_value_seed(Number("startTimeMs"))?;
                    let time = time.map(|time| time_ms("startTimeMs", time));
                    request.start_time_ms = time.transpose().map_err(A::Error::custom)?;
                }
                Field::Visibility => request.visibility = choice(&mut map, "visibility")?,
                Field::Format => request.format = choice(&mut map, "format")?,
                Field::Cursor => request.cursor = choice(&mut map, "cursor")?,
                Field::Last => request.last = map.next_value_seed(Number("last"))?,
                Field::AtLeast => request.at_least = map.next_value_seed(Number("atLeast"))?,
                Field::Order => request.order = choice(&mut map, "order")?,
                Field::Positions => map.next_value_seed(positions::List(&mut request.positions))?,
            }
        }
        Ok(request)
    }
}

/// Reads bytes that can be given in two ways.
fn one<'de, A: MapAccess<'de>>(
    map: &mut A,
    name: &'static str,
    is_text: bool,
    target: &mut Option<Bytes>,
) -> Result<(), A::Error> {
    let given = map.next_value_seed(Content { name, is_text })?;
    if given.is_some() && target.is_some() {
        return Err(A::Error::custom(format_args!(
            "{name} and {name}Text exclude each other"
        )));
    }
    *target = given.or(target.take());
    Ok(())
}

/// Reads one of a few words, or `null`.
fn choice<'de, A: MapAccess<'de>, T: ParamValue>(
    map: &mut A,
    name: &str,
) -> Result<Option<T>, A::Error> {
    let wrong = |_| A::Error::custom(format_args!("{name} must be a string"));
    let word: Option<String> = map.next_value().map_err(wrong)?;
    let parsed = word.map(|word| T::parse(&word)).transpose();
    parsed.map_err(|expected| A::Error::custom(format_args!("{name}: {expected}")))
}

/// A string that is base64 or text, or `null`; and the field that it is for.
#[derive(Clone, Copy)]
struct Content {
    name: &'static str,
    is_text: bool,
}

impl<'de> DeserializeSeed<'de> for Content {
    type Value = Option<Bytes>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for Content {
    type Value = Option<Bytes>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name;
        match self.is_text {
            true => write!(f, "a string as `{name}Text`"),
            false => write!(f, "a base64 string as `{name}`"),
        }
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
        if self.is_text {
            return Ok(Some(Bytes::copy_from_slice(text.as_bytes())));
        }
        let name = self.name;
        let bytes = lenient_base64::decode(text).map_err(|error| {
            E::custom(format_args!(
                "{name} is not base64: {error} (text goes into {name}Text)"
            ))
        })?;
        Ok(Some(bytes.into()))
    }
}

/// A list of these, or `null`, and where they go.
struct Contents<'k> {
    content: Content,
    keys: &'k mut Vec<Bytes>,
}

impl<'de> DeserializeSeed<'de> for Contents<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Contents<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of keys")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(key) = list.next_element_seed(self.content)? {
            let key = key.ok_or_else(|| A::Error::custom("a key must not be null"))?;
            if self.keys.len() == SELECTED_KEYS {
                return Err(A::Error::custom(too_many()));
            }
            self.keys.push(key);
        }
        Ok(())
    }
}

fn protobuf(mut body: &[u8]) -> Result<ScanRequest, Failure> {
    let mut request = ScanRequest::default();
    while body.has_remaining() {
        let (number, wire_type) = decode_key(&mut body).map_err(malformed)?;
        let mut fields = Field::JSON_NAMES.iter().map(|(_, field, _)| *field);
        let field = fields.find(|field| *field as u32 == number);
        let field = field.ok_or_else(|| unexpected::<Field>(number, ""))?;
        let is_bytes = matches!(
            field,
            Field::Key
                | Field::Keys
                | Field::Prefix
                | Field::Visibility
                | Field::Format
                | Field::Cursor
                | Field::Order
                | Field::Positions
        );
        match wire_type {
            WireType::LengthDelimited if is_bytes => {
                let content = bytes_field(&mut body)?;
                request.put_bytes(field, content)?;
            }
            WireType::Varint if !is_bytes => {
                let number = decode_varint(&mut body).map_err(malformed)?;
                request.put_number(field, number)?;
            }
            _ => return Err(unexpected::<Field>(number, "")),
        }
    }
    Ok(request)
}

impl ScanRequest {
    fn put_bytes(&mut self, field: Field, content: &[u8]) -> Result<(), Failure> {
        let bytes = Bytes::copy_from_slice(content);
        match field {
            Field::Key => self.selected.key = Some(bytes),
            Field::Prefix => self.selected.prefix = Some(bytes),
            Field::Visibility => self.visibility = Some(word("visibility", content)?),
            Field::Format => self.format = Some(word("format", content)?),
            Field::Cursor => self.cursor = Some(word("cursor", content)?),
            Field::Order => self.order = Some(word("order", content)?),
            Field::Positions => self.positions.push_protobuf(content)?,
            _ if self.selected.keys.len() == SELECTED_KEYS => return Err(refused(&too_many())),
            _ => self.selected.keys.push(bytes),
        }
        Ok(())
    }

    fn put_number(&mut self, field: Field, number: u64) -> Result<(), Failure> {
        match field {
            Field::StartSeq => self.start_seq = Some(number),
            Field::EndSeq => self.end_seq = Some(number),
            Field::Limit => self.limit = Some(number),
            Field::TimeoutMs => self.timeout_ms = Some(number),
            Field::Last => self.last = Some(number),
            Field::AtLeast => self.at_least = Some(number),
            Field::Follow => self.follow = Some(number != 0),
            _ => {
                let time = time_ms("startTimeMs", number).map_err(|why| refused(&why))?;
                self.start_time_ms = Some(time);
            }
        }
        Ok(())
    }
}

fn word<T: ParamValue>(name: &str, content: &[u8]) -> Result<T, Failure> {
    let parsed = T::parse(&String::from_utf8_lossy(content));
    parsed.map_err(|expected| refused(&format!("{name}: {expected}")))
}

fn bytes_field<'b>(body: &mut &'b [u8]) -> Result<&'b [u8], Failure> {
    let length = decode_varint(body).map_err(malformed)?;
    let length = usize::try_from(length).ok();
    let parts = length.and_then(|length| body.split_at_checked(length));
    let (content, rest) = parts.ok_or_else(|| refused("a field is longer than what is left"))?;
    *body = rest;
    Ok(content)
}

fn too_many() -> String {
    format!("there are more than {SELECTED_KEYS} keys: read by prefix, or in several requests")
}

fn malformed(error: DecodeError) -> Failure {
    refused(&error.to_string())
}

fn refused(why: &str) -> Failure {
    message::refused::<Field>(why)
}
