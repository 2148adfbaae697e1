//! `AppendRequest` from ProtoJSON.
//!
//! Read by hand over serde's visitors: base64 is decoded straight into one arena that all records are slices of, and
//! no body can make more records than a batch may have.

use std::fmt;
use std::ops::Range;

use base64::Engine;
use bytes::Bytes;
use log_domain::{Error, Limits, Record};
use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::http::base64_in::engine_for;
use crate::http::failure::Failure;

/// The records, and whether to await durability. Fields that are not known are ignored, `null` counts as absent.
pub(super) fn decode(body: &[u8], limits: &Limits) -> Result<(Vec<Record>, bool), Failure> {
    let mut request = Request {
        limits,
        arena: vec![0; body.len() / 4 * 3 + 3],
        used: 0,
        records: Vec::new(),
        await_durable: false,
        too_many: false,
    };
    let mut json = serde_json::Deserializer::from_slice(body);
    let read = (&mut request).deserialize(&mut json);
    if request.too_many {
        return Err(too_many(limits));
    }
    read.and_then(|()| json.end())
        .map_err(|error| Failure::invalid(format!("the body is not an AppendRequest: {error}")))?;
    request.finish()
}

/// What a record must have and does not.
pub(super) fn missing(what: &str) -> Failure {
    Failure::invalid(format!("{what} is missing"))
}

/// A batch with more records than there may be; how many more was not counted.
pub(super) fn too_many(limits: &Limits) -> Failure {
    Error::TooLarge {
        what: "batch in records",
        actual: limits.batch_records as u64 + 1,
        limit: limits.batch_records as u64,
    }
    .into()
}

/// A request being read.
struct Request<'l> {
    limits: &'l Limits,
    /// Decoded base64 of all records, one after another; as large as base64 of the body's length could need.
    arena: Vec<u8>,
    used: usize,
    records: Vec<Place>,
    await_durable: bool,
    too_many: bool,
}

/// Where the parts of a record lie in the arena.
#[derive(Default)]
struct Place {
    key: Option<Range<usize>>,
    value: Option<Range<usize>>,
}

impl Request<'_> {
    fn finish(mut self) -> Result<(Vec<Record>, bool), Failure> {
        self.arena.truncate(self.used);
        let arena = Bytes::from(self.arena);
        let limits = self.limits;
        let record = |place: Place| -> Result<Record, Failure> {
            let key = place.key.ok_or_else(|| missing("key"))?;
            let value = place.value.ok_or_else(|| missing("value"))?;
            Ok(Record::parse(arena.slice(key), arena.slice(value), limits)?)
        };
        let places = self.records.into_iter().enumerate();
        let records = places.map(|(index, place)| {
            record(place).map_err(|failure| failure.of(format_args!("record[{index}]")))
        });
        Ok((records.collect::<Result<_, _>>()?, self.await_durable))
    }

    fn decode_base64(&mut self, text: &str) -> Result<Range<usize>, base64::DecodeSliceError> {
        let start = self.used;
        self.used += engine_for(text).decode_slice(text, &mut self.arena[start..])?;
        Ok(start..self.used)
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
        f.write_str("an object with `records`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<RequestField>()? {
            match name {
                RequestField::Records => map.next_value_seed(Records(self))?,
                RequestField::AwaitDurable => {
                    let flag = map.next_value::<Option<bool>>();
                    self.await_durable = flag
                        .map_err(|error| A::Error::custom(format_args!("awaitDurable: {error}")))?
                        .unwrap_or(false);
                }
                RequestField::Unknown => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

#[derive(Deserialize)]
#[serde(field_identifier)]
enum RequestField {
    #[serde(rename = "records")]
    Records,
    #[serde(rename = "awaitDurable", alias = "await_durable")]
    AwaitDurable,
    #[serde(other)]
    Unknown,
}

#[derive(Deserialize)]
#[serde(field_identifier)]
enum RecordField {
    #[serde(rename = "key")]
    Key,
    #[serde(rename = "value")]
    Value,
    #[serde(other)]
    Unknown,
}

struct Records<'r, 'l>(&'r mut Request<'l>);

impl<'de> DeserializeSeed<'de> for Records<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Records<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of records")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let Self(request) = self;
        request.records.clear();
        loop {
            let index = request.records.len();
            let next = list.next_element_seed(OneRecord(request));
            let next =
                next.map_err(|error| A::Error::custom(format_args!("record[{index}]: {error}")))?;
            if next.is_none() {
                return Ok(());
            }
        }
    }
}

struct OneRecord<'r, 'l>(&'r mut Request<'l>);

impl<'de> DeserializeSeed<'de> for OneRecord<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.0.records.len() >= self.0.limits.batch_records {
            self.0.too_many = true;
            return Err(D::Error::custom("too many records"));
        }
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for OneRecord<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with `key` and `value`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self(request) = self;
        let mut place = Place::default();
        while let Some(name) = map.next_key::<RecordField>()? {
            match name {
                RecordField::Key => place.key = map.next_value_seed(Base64Text(request, "key"))?,
                RecordField::Value => {
                    place.value = map.next_value_seed(Base64Text(request, "value"))?;
                }
                RecordField::Unknown => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        request.records.push(place);
        Ok(())
    }
}

/// A base64 string, or `null`; and the field it stands in.
struct Base64Text<'r, 'l>(&'r mut Request<'l>, &'static str);

impl<'de> DeserializeSeed<'de> for Base64Text<'_, '_> {
    type Value = Option<Range<usize>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for Base64Text<'_, '_> {
    type Value = Option<Range<usize>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a base64 string as `{}`", self.1)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
        let Self(request, field) = self;
        let place = request.decode_base64(text);
        place
            .map(Some)
            .map_err(|error| E::custom(format_args!("{field} is not base64: {error}")))
    }
}
