//! Lists of objects in a request: records, the headers of one, preconditions, cursors.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};

use super::Request;

/// What a list is made of.
pub(super) trait Element {
    /// What one is called in errors, before its index.
    const NAME: &'static str;
    /// What many are called.
    const PLURAL: &'static str;
    /// What one must be.
    const EXPECTED: &'static str;

    /// How many were read so far.
    fn count(request: &Request<'_>) -> usize;

    /// Whether there may be another one; if not, the request has been told why.
    fn has_room(_request: &mut Request<'_>) -> bool {
        true
    }

    /// Reads one into the request.
    fn read<'de, A: MapAccess<'de>>(request: &mut Request<'_>, map: A) -> Result<(), A::Error>;
}

/// A list of `E`, or `null`.
pub(super) struct List<'r, 'l, E>(&'r mut Request<'l>, PhantomData<E>);

/// The list of `E` that comes next in the body.
pub(super) fn of<'r, 'l, E>(request: &'r mut Request<'l>) -> List<'r, 'l, E> {
    List(request, PhantomData)
}

impl<'de, E: Element> DeserializeSeed<'de> for List<'_, '_, E> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, E: Element> Visitor<'de> for List<'_, '_, E> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of {}", E::PLURAL)
    }

    fn visit_unit<Error>(self) -> Result<(), Error> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let Self(request, _) = self;
        loop {
            let index = E::count(request);
            let next = list.next_element_seed(One::<E>(request, PhantomData));
            let next = next
                .map_err(|error| A::Error::custom(format_args!("{}[{index}]: {error}", E::NAME)))?;
            if next.is_none() {
                return Ok(());
            }
        }
    }
}

struct One<'r, 'l, E>(&'r mut Request<'l>, PhantomData<E>);

impl<'de, E: Element> DeserializeSeed<'de> for One<'_, '_, E> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if !E::has_room(self.0) {
            return Err(D::Error::custom(format_args!("too many {}", E::PLURAL)));
        }
        deserializer.deserialize_map(self)
    }
}

impl<'de, E: Element> Visitor<'de> for One<'_, '_, E> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(E::EXPECTED)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        E::read(self.0, map)
    }
}
