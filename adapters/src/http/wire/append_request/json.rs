//! `AppendRequest` from ProtoJSON.
//!
//! Read by hand over serde's visitors: base64 and text are decoded straight into one arena that all records are slices
//! of, and no body can make more records than a batch may have.

use std::fmt;
use std::ops::Range;

use bytes::Bytes;
use log_domain::headers::HeadersBuilder;
use log_domain::{
    CursorMove, CursorName, Headers, Key, Limits, Precondition, Producer, Record, Sequence,
};
use serde::Deserializer;
use serde::de::{DeserializeSeed, Error as _, MapAccess, Visitor};

use super::{Decoded, missing, too_many};
use crate::http::wire::failure::Failure;
use crate::http::wire::fields::Seen;
use crate::http::wire::lenient_base64;
use crate::http::wire::proto::{AppendRequestField, RecordField};
use crate::quoted::cut;

use list::Element;

mod conditions;
mod cursors;
mod headers;
mod list;

/// What some programs begin a UTF-8 text with; it says nothing.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The parts of a request. Fields that are not known are refused, `null` counts as absent.
pub(super) fn decode(body: &[u8], limits: &Limits) -> Result<Decoded, Failure> {
    let body = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
    if body.starts_with(b"\xff\xfe") || body.starts_with(b"\xfe\xff") {
        return Err(Failure::invalid("the body is UTF-16; send JSON as UTF-8"));
    }
    let mut request = Request {
        limits,
        arena: vec![0; body.len() / 4 * 3 + 3],
        longest: body.len(),
        used: 0,
        records: Vec::new(),
        headers: HeadersBuilder::new(limits),
        await_durable: false,
        preconditions: Vec::new(),
        producer: None,
        cursors: Vec::new(),
        atomic: None,
        refused: None,
    };
    let mut json = serde_json::Deserializer::from_slice(body);
    let read = (&mut request).deserialize(&mut json);
    if let Some(refused) = request.refused {
        return Err(refused);
    }
    read.and_then(|()| json.end())
        .map_err(|error| Failure::invalid(said(&error.to_string())))?;
    request.finish()
}

/// What is wrong with the body: where, and what is accepted there. What was there is quoted up to a bound.
fn said(error: &str) -> String {
    let error = error.replace("expected a boolean", "expected true or false");
    let parts = error.split_once("invalid type: ");
    let parts = parts.and_then(|(place, rest)| Some((place, rest.rsplit_once(", expected ")?)));
    let what = match parts {
        Some((place, (found, expected))) => {
            format!("{place}expected {expected}, and not {}", cut(found))
        }
        None => error,
    };
    format!("the body is not an AppendRequest: {what}")
}

/// What a record must have and does not. There are two ways to send it in JSON.
fn absent(name: &str) -> String {
    format!("{name} is missing: send {name} (base64) or {name}Text")
}

/// A request being read.
struct Request<'l> {
    limits: &'l Limits,
    /// The keys and values of all records, one after another; as large as base64 of the body's length could need, or
    /// as the body itself once there is text.
    arena: Vec<u8>,
    /// Length of the body. What is decoded is never longer than what it is decoded from.
    longest: usize,
    used: usize,
    records: Vec<Place>,
    /// Headers of the record that is being read.
    headers: HeadersBuilder,
    await_durable: bool,
    preconditions: Vec<conditions::Place>,
    producer: Option<conditions::Sent>,
    cursors: Vec<cursors::Sent>,
    atomic: Option<bool>,
    /// Why no more was read, if that is not a matter of JSON.
    refused: Option<Failure>,
}

/// Where the parts of a record lie in the arena; the headers have their own place.
#[derive(Default)]
struct Place {
    key: Option<Range<usize>>,
    value: Option<Range<usize>>,
    headers: Headers,
}

impl Request<'_> {
    fn finish(mut self) -> Result<Decoded, Failure> {
        self.arena.truncate(self.used);
        let arena = Bytes::from(self.arena);
        let limits = self.limits;
        let record = |place: Place| -> Result<Record, Failure> {
            let key = place.key.ok_or_else(|| Failure::invalid(absent("key")))?;
            let value = place
                .value
                .ok_or_else(|| Failure::invalid(absent("value")))?;
            let record = Record::parse(arena.slice(key), arena.slice(value), limits)?;
            Ok(record.with_headers(place.headers))
        };
        let places = self.records.into_iter().enumerate();
        let records = places.map(|(index, place)| {
            record(place).map_err(|failure| failure.of(format_args!("record[{index}]")))
        });
        let records = records.collect::<Result<_, _>>()?;
        let precondition = |place: conditions::Place| -> Result<Precondition, Failure> {
            let key = place.key.ok_or_else(|| Failure::invalid(absent("key")))?;
            let since = place.no_record_since;
            Ok(Precondition {
                key: Key::parse(arena.slice(key), limits)?,
                no_record_since: since
                    .map(Sequence::new)
                    .ok_or_else(|| missing("noRecordSince"))?,
            })
        };
        let places = self.preconditions.into_iter().enumerate();
        let preconditions = places.map(|(index, place)| {
            precondition(place).map_err(|failure| failure.of(format_args!("precondition[{index}]")))
        });
        let producer = self.producer.map(|sent| -> Result<Producer, Failure> {
            let id = sent.id.ok_or_else(|| missing("producer.id"))?;
            Ok(Producer::parse(&id, sent.epoch, sent.sequence)?)
        });
        let cursor = |sent: cursors::Sent| -> Result<CursorMove, Failure> {
            let name = sent.name.ok_or_else(|| missing("name"))?;
            let position = sent.position.ok_or_else(|| missing("position"))?;
            Ok(CursorMove {
                name: CursorName::parse(&name)?,
                position: Sequence::new(position),
                expected: sent.expected.map(Sequence::new),
            })
        };
        let cursors = self.cursors.into_iter().enumerate();
        let cursors = cursors.map(|(index, sent)| {
            cursor(sent).map_err(|failure| failure.of(format_args!("cursor[{index}]")))
        });
        Ok(Decoded {
            records,
            await_durable: self.await_durable,
            preconditions: preconditions.collect::<Result<_, _>>()?,
            producer: producer.transpose()?,
            cursors: cursors.collect::<Result<_, _>>()?,
            atomic: self.atomic,
        })
    }

    fn decode_base64(&mut self, text: &str) -> Result<Range<usize>, base64::DecodeSliceError> {
        let start = self.used;
        self.used += lenient_base64::decode_slice(text, &mut self.arena[start..])?;
        Ok(start..self.used)
    }

    fn copy_text(&mut self, text: &str) -> Range<usize> {
        let place = self.used..self.used + text.len();
        if place.end > self.arena.len() {
            let longest = self.longest.max(place.end);
            self.arena.reserve_exact(longest - self.arena.len());
            self.arena.resize(longest, 0);
        }
        self.arena[place.clone()].copy_from_slice(text.as_bytes());
        self.used = place.end;
        place
    }
}

impl<'de> DeserializeSeed<'de> for &mut Request<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for &mut Request<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "an object with `records`, for example {\"records\": [{\"keyText\": \"k\", \"valueText\": \"v\"}]}",
        )
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = Seen::default();
        while let Some((field, _)) = seen.next(&mut map)? {
            match field {
                AppendRequestField::Records => map.next_value_seed(list::of::<Place>(self))?,
                AppendRequestField::AwaitDurable => {
                    self.await_durable = flag(&mut map, "awaitDurable")?.unwrap_or(false);
                }
                AppendRequestField::Atomic => self.atomic = flag(&mut map, "atomic")?,
                AppendRequestField::Preconditions => {
                    map.next_value_seed(list::of::<conditions::Place>(self))?
                }
                AppendRequestField::Producer => map.next_value_seed(conditions::Producer(self))?,
                AppendRequestField::Cursors => {
                    map.next_value_seed(list::of::<cursors::Sent>(self))?
                }
            }
        }
        Ok(())
    }
}

impl Element for Place {
    const NAME: &'static str = "record";
    const PLURAL: &'static str = "records";
    const EXPECTED: &'static str = "an object with `key` and `value` in base64, or with `keyText` and `valueText`, for \
         example {\"keyText\": \"k\", \"valueText\": \"v\"}";

    fn count(request: &Request<'_>) -> usize {
        request.records.len()
    }

    fn has_room(request: &mut Request<'_>) -> bool {
        let has_room = request.records.len() < request.limits.batch_records;
        if !has_room {
            request.refused = Some(too_many(request.limits));
        }
        has_room
    }

    fn read<'de, A: MapAccess<'de>>(request: &mut Request<'_>, mut map: A) -> Result<(), A::Error> {
        let mut place = Self::default();
        let mut seen = Seen::default();
        while let Some((field, text)) = seen.next(&mut map)? {
            let (name, target) = match field {
                RecordField::Key => ("key", &mut place.key),
                RecordField::Value => ("value", &mut place.value),
                RecordField::Headers => {
                    map.next_value_seed(list::of::<headers::Header>(request))?;
                    continue;
                }
            };
            content(&mut map, request, name, text, target)?;
        }
        place.headers = request.headers.take();
        request.records.push(place);
        Ok(())
    }
}

/// The next value of `map`, which is true, false or `null`.
fn flag<'de, A: MapAccess<'de>>(map: &mut A, name: &str) -> Result<Option<bool>, A::Error> {
    map.next_value()
        .map_err(|error| A::Error::custom(format_args!("{name}: {error}")))
}

/// Reads the next value of `map`, which is base64 or `text`, to where `name` has its place.
fn content<'de, A: MapAccess<'de>>(
    map: &mut A,
    request: &mut Request<'_>,
    name: &'static str,
    text: bool,
    target: &mut Option<Range<usize>>,
) -> Result<(), A::Error> {
    let given = map.next_value_seed(Content {
        request,
        name,
        text,
    })?;
    if given.is_some() && target.is_some() {
        return Err(A::Error::custom(format_args!(
            "{name} and {name}Text exclude each other"
        )));
    }
    *target = given.or(target.take());
    Ok(())
}

/// A string that is base64 or text, or `null`; and the field that it is for.
struct Content<'r, 'l> {
    request: &'r mut Request<'l>,
    name: &'static str,
    text: bool,
}

impl<'de> DeserializeSeed<'de> for Content<'_, '_> {
    type Value = Option<Range<usize>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for Content<'_, '_> {
    type Value = Option<Range<usize>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name;
        if self.text {
            write!(f, "a string as `{name}Text`")
        } else {
            write!(f, "a base64 string as `{name}`")
        }
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
        if self.text {
            return Ok(Some(self.request.copy_text(text)));
        }
        let name = self.name;
        let place = self.request.decode_base64(text);
        place.map(Some).map_err(|error| {
            E::custom(format_args!(
                "{name} is not base64: {error} (text goes into {name}Text)"
            ))
        })
    }
}
