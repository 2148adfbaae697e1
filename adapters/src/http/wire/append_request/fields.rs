//! Names of the fields of a JSON object: each is known, and given once.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error as _, MapAccess, Visitor};

use crate::http::wire::unknown_names;

/// The fields that a message may have.
pub(super) trait Field: Copy + Eq + 'static {
    /// Every name, with the field that it stands for: in lowerCamelCase, and as in `log.proto` where that differs.
    const NAMES: &'static [(&'static str, Self)];

    /// The field as a bit of a set.
    fn bit(self) -> u8;

    /// What a client is told that it may send.
    fn accepted() -> Vec<&'static str> {
        let names = Self::NAMES.iter().map(|(name, _)| *name);
        names.filter(|name| !name.contains('_')).collect()
    }
}

/// The fields that an object has had so far.
#[derive(Default)]
pub(super) struct Seen(u8);

impl Seen {
    /// The next field of `map`.
    ///
    /// # Errors
    /// When it is unknown, or was there already.
    pub(super) fn next<'de, F: Field, A: MapAccess<'de>>(
        &mut self,
        map: &mut A,
    ) -> Result<Option<F>, A::Error> {
        let Some((name, field)) = map.next_key_seed(Name(PhantomData::<F>))? else {
            return Ok(None);
        };
        if self.0 & field.bit() != 0 {
            return Err(A::Error::custom(format_args!(
                "{name} is given more than once"
            )));
        }
        self.0 |= field.bit();
        Ok(Some(field))
    }
}

struct Name<F>(PhantomData<F>);

impl<'de, F: Field> DeserializeSeed<'de> for Name<F> {
    type Value = (&'static str, F);

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl<F: Field> Visitor<'_> for Name<F> {
    type Value = (&'static str, F);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a field")
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Self::Value, E> {
        let known = F::NAMES.iter().find(|(known, _)| *known == name);
        let known = known.copied();
        known.ok_or_else(|| E::custom(unknown_names::unknown("field", name, &F::accepted())))
    }
}
