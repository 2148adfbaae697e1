//! The headers of a record. Each is decoded into the arena, encoded as it is stored, and its place in the arena given back.

use std::fmt;
use std::ops::Range;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error as _, MapAccess, Visitor};

use super::list::Element;
use super::{Request, Seen, absent, content};
use crate::http::wire::failure::Failure;
use crate::http::wire::proto::HeaderField;

/// A header of the record that is being read.
pub(super) struct Header;

impl Element for Header {
    const NAME: &'static str = "header";
    const PLURAL: &'static str = "headers";
    const EXPECTED: &'static str = "an object with `name` and `value`";

    fn count(request: &Request<'_>) -> usize {
        request.headers.count()
    }

    fn read<'de, A: MapAccess<'de>>(request: &mut Request<'_>, mut map: A) -> Result<(), A::Error> {
        let start = request.used;
        let (mut name, mut value) = (None, None);
        let mut seen = Seen::default();
        while let Some((field, text)) = seen.next(&mut map)? {
            match field {
                HeaderField::Name => name = map.next_value_seed(Name(&mut *request))?,
                HeaderField::Value => content(&mut map, request, "value", text, &mut value)?,
            }
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
