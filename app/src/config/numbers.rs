//! Numbers in files that are given for a text, such as a prefix that is a year: they are texts as they are written.
//!
//! A parser's number is another text (`0x10` is 16, `1_000` is 1000), so what is written is read once more.

use std::fmt;
use std::marker::PhantomData;

use figment::value::{Dict, Value};
use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor,
};

use super::kinds::Kind;

/// The settings, with a text for each number that is given for a text and is written in digits alone. Others stay numbers,
/// and are refused. `written` is what is written at a path.
pub(super) fn as_written(
    settings: Dict,
    path: &[String],
    written: &dyn Fn(&[String]) -> Option<String>,
) -> Dict {
    let each = settings.into_iter().map(|(name, value)| {
        let path = [path, std::slice::from_ref(&name)].concat();
        let value = match value {
            Value::Dict(_, section) => Value::from(as_written(section, &path, written)),
            Value::Num(..) if Kind::of(&path) == Kind::Text => match written(&path) {
                Some(text) if is_in_digits(&text) => Value::from(text),
                _ => value,
            },
            value => value,
        };
        (name, value)
    });
    each.collect()
}

fn is_in_digits(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|char| char.is_ascii_digit())
}

/// Reads what is at this path, and nothing else.
pub(super) struct At<'p, T>(&'p [String], PhantomData<T>);

impl<'p, T> At<'p, T> {
    /// What is at `path`.
    pub(super) fn path(path: &'p [String]) -> Self {
        Self(path, PhantomData)
    }
}

impl<'de, T: Deserialize<'de>> DeserializeSeed<'de> for At<'_, T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        match self.0 {
            [] => T::deserialize(deserializer),
            _ => deserializer.deserialize_map(self),
        }
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for At<'_, T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a section")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<T, A::Error> {
        let mut found = None;
        while let Some(name) = map.next_key::<String>()? {
            match self.0.split_first() {
                Some((wanted, rest)) if *wanted == name => {
                    found = Some(map.next_value_seed(At::path(rest))?);
                }
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        found.ok_or_else(|| A::Error::custom("there is none"))
    }
}
