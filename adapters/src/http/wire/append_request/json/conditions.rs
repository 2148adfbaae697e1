//! The preconditions and the producer of a request.

use std::fmt;
use std::ops::Range;

use log_domain::append::MAX_PRECONDITIONS;
use serde::Deserializer;
use serde::de::{DeserializeSeed, Error as _, MapAccess, Visitor};

use super::list::Element;
use super::{Request, content};
use crate::http::wire::append_request::too_many_preconditions;
use crate::http::wire::fields::Seen;
use crate::http::wire::json_number::Number;
use crate::http::wire::proto::{PreconditionField, ProducerField};

/// A precondition as it is sent; its key lies in the arena.
#[derive(Default)]
pub(super) struct Place {
    pub(super) key: Option<Range<usize>>,
    pub(super) no_record_since: Option<u64>,
}

/// A producer as it is sent.
#[derive(Default)]
pub(super) struct Sent {
    pub(super) id: Option<String>,
    pub(super) epoch: u64,
    pub(super) sequence: u64,
}

impl Element for Place {
    const NAME: &'static str = "precondition";
    const PLURAL: &'static str = "preconditions";
    const EXPECTED: &'static str = "an object with `key` and `noRecordSince`";

    fn count(request: &Request<'_>) -> usize {
        request.preconditions.len()
    }

    fn has_room(request: &mut Request<'_>) -> bool {
        let has_room = request.preconditions.len() < MAX_PRECONDITIONS;
        if !has_room {
            request.refused = Some(too_many_preconditions());
        }
        has_room
    }

    fn read<'de, A: MapAccess<'de>>(request: &mut Request<'_>, mut map: A) -> Result<(), A::Error> {
        let mut place = Self::default();
        let mut seen = Seen::default();
        while let Some((field, text)) = seen.next(&mut map)? {
            match field {
                PreconditionField::Key => {
                    content(&mut map, request, "key", text, &mut place.key)?;
                }
                PreconditionField::NoRecordSince => {
                    place.no_record_since = map.next_value_seed(Number("noRecordSince"))?;
                }
            }
        }
        request.preconditions.push(place);
        Ok(())
    }
}

/// The producer of the request, or `null`.
pub(super) struct Producer<'r, 'l>(pub(super) &'r mut Request<'l>);

impl<'de> DeserializeSeed<'de> for Producer<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Producer<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with `id`, `epoch` and `sequence` as `producer`")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut sent = Sent::default();
        let mut seen = Seen::default();
        while let Some((field, _)) = seen.next(&mut map)? {
            let number = match field {
                ProducerField::Id => {
                    let id = map.next_value::<Option<String>>();
                    sent.id = id.map_err(|_| A::Error::custom("producer.id must be a string"))?;
                    continue;
                }
                ProducerField::Epoch => (&mut sent.epoch, "producer.epoch"),
                ProducerField::Sequence => (&mut sent.sequence, "producer.sequence"),
            };
            *number.0 = map.next_value_seed(Number(number.1))?.unwrap_or_default();
        }
        self.0.producer = Some(sent);
        Ok(())
    }
}
