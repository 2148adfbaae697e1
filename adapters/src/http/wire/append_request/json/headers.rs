//! The headers of a record. Each is decoded into the arena, encoded as it is stored, and its place in the arena given back.

use std::fmt;
use std::ops::Range;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};

use super::{Field, Request, Seen, absent, content};
use crate::http::wire::failure::Failure;

/// The fields of a `Header`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum HeaderField {
    Name = 1,
    Value = 2,
    ValueText = 4,
}

impl Field for HeaderField {
    const NAMES: &'static [(&'static str, Self)] = &[
        ("name", Self::Name),
        ("value", Self::Value),
        ("valueText", Self::ValueText),
        ("value_text", Self::ValueText),
    ];

    fn bit(self) -> u8 {
        self as u8
    }
}

/// The headers of the record that is being read.
pub(super) struct List<'r, 'l>(pub(super) &'r mut Request<'l>);

impl<'de> DeserializeSeed<'de> for List<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for List<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of headers")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let Self(request) = self;
        loop {
            let index = request.headers.count();
            let next = list.next_element_seed(Header(request));
            let next =
                next.map_err(|error| A::Error::custom(format_args!("header[{index}]: {error}")))?;
            if next.is_none() {
                return Ok(());
            }
        }
    }
}

struct Header<'r, 'l>(&'r mut Request<'l>);

impl<'de> DeserializeSeed<'de> for Header<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Header<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with `name` and `value`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self(request) = self;
        let start = request.used;
        let (mut name, mut value) = (None, None);
        let mut seen = Seen::default();
        while let Some(field) = seen.next(&mut map)? {
            let text = match field {
                HeaderField::Name => {
                    name = map.next_value_seed(Name(&mut *request))?;
                    continue;
                }
                HeaderField::Value => false,
                HeaderField::ValueText => true,
            };
            content(&mut map, request, "value", text, &mut value)?;
        }
        let name = name.ok_or_else(|| A::Error::custom("name is missing"))?;
        let value = value.ok_or_else(|| A::Error::custom(absent("value")))?;
        request.add_header(name, value).map_err(A::Error::custom)?;
        request.used = start;
        Ok(())
    }
}

impl Request<'_> {
    fn add_header(&mut self, name: Range<usize>, value: Range<usize>) -> Result<(), &'static str> {
        let (record, header) = (self.records.len(), self.headers.count());
        let added = self.headers.push(&self.arena[name], &self.arena[value]);
        added.map_err(|error| {
            let about_header = Failure::from(error).of(format_args!("header[{header}]"));
            self.refused = Some(about_header.of(format_args!("record[{record}]")));
            "refused"
        })
    }
}

/// The name of a header, or `null`.
struct Name<'r, 'l>(&'r mut Request<'l>);

impl<'de> DeserializeSeed<'de> for Name<'_, '_> {
    type Value = Option<Range<usize>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for Name<'_, '_> {
    type Value = Option<Range<usize>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string as `name`")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Some(self.0.copy_text(text)))
    }
}
