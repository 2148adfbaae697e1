//! The cursors of a request.

use log_domain::cursor::MAX_MOVES;
use serde::de::{Error as _, MapAccess};

use super::Request;
use super::list::Element;
use crate::http::wire::append_request::too_many_cursors;
use crate::http::wire::fields::Seen;
use crate::http::wire::json_number::Number;
use crate::http::wire::proto::CursorMoveField;

/// A move of a cursor as it is sent.
#[derive(Default)]
pub(super) struct Sent {
    pub(super) name: Option<String>,
    pub(super) position: Option<u64>,
    pub(super) expected: Option<u64>,
}

impl Element for Sent {
    const NAME: &'static str = "cursor";
    const PLURAL: &'static str = "cursors";
    const EXPECTED: &'static str = "an object with `name` and `position`";

    fn count(request: &Request<'_>) -> usize {
        request.cursors.len()
    }

    fn has_room(request: &mut Request<'_>) -> bool {
        let has_room = request.cursors.len() < MAX_MOVES;
        if !has_room {
            request.refused = Some(too_many_cursors());
        }
        has_room
    }

    fn read<'de, A: MapAccess<'de>>(request: &mut Request<'_>, mut map: A) -> Result<(), A::Error> {
        let mut sent = Self::default();
        let mut seen = Seen::default();
        while let Some((field, _)) = seen.next(&mut map)? {
            let (name, target) = match field {
                CursorMoveField::Name => {
                    let name = map.next_value::<Option<String>>();
                    sent.name = name.map_err(|_| A::Error::custom("name must be a string"))?;
                    continue;
                }
                CursorMoveField::Position => ("position", &mut sent.position),
                CursorMoveField::Expected => ("expected", &mut sent.expected),
            };
            *target = map.next_value_seed(Number(name))?;
        }
        request.cursors.push(sent);
        Ok(())
    }
}
