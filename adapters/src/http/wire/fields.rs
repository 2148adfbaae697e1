//! Names of the fields of a JSON object: each is known, and given once.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error as _, MapAccess, Visitor};

use crate::http::wire::proto::Field;
use crate::http::wire::unknown_names;

/// The fields that an object has had so far.
#[derive(Default)]
pub(in crate::http::wire) struct Seen(u64);

impl Seen {
    /// The next field of `map`, and whether it was named as text in place of bytes.
    ///
    /// # Errors
    /// When it is unknown, or was there already.
    pub(in crate::http::wire) fn next<'de, F: Field, A: MapAccess<'de>>(
        &mut self,
        map: &mut A,
    ) -> Result<Option<(F, bool)>, A::Error> {
        let Some((name, field, text)) = map.next_key_seed(Name(PhantomData::<F>))? else {
            return Ok(None);
        };
        let bit = 1_u64 << (2 * field.number() + u32::from(text));
        if self.0 & bit != 0 {
            return Err(A::Error::custom(format_args!(
                "{name} is given more than once"
            )));
        }
        self.0 |= bit;
        Ok(Some((field, text)))
    }
}

struct Name<F>(PhantomData<F>);

impl<'de, F: Field> DeserializeSeed<'de> for Name<F> {
    type Value = (&'static str, F, bool);

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl<F: Field> Visitor<'_> for Name<F> {
    type Value = (&'static str, F, bool);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a field")
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Self::Value, E> {
        let known = F::JSON_NAMES.iter().find(|(known, ..)| *known == name);
        let known = known.copied();
        known.ok_or_else(|| E::custom(unknown_names::unknown("field", name, &accepted::<F>())))
    }
}

/// What a client is told that it may send.
fn accepted<F: Field>() -> Vec<&'static str> {
    let names = F::JSON_NAMES.iter().map(|(name, ..)| *name);
    names.filter(|name| !name.contains('_')).collect()
}
