//! `PutCursorRequest` as it is sent, in both formats. Fields that are not known are refused.

use log_domain::{CursorMove, CursorName, Sequence};

use super::failure::Failure;
use super::format::Format;
use super::number_message::Numbers;
use super::proto::PutCursorRequestField as Field;

/// Maximum length of a request, in bytes.
pub(in crate::http) const BODY_BYTES: usize = 4 << 10;

/// What `body` asks for of the cursor `name`.
pub(in crate::http) fn decode(
    format: Format,
    body: &[u8],
    name: CursorName,
) -> Result<CursorMove, Failure> {
    let expected = "an object with `position`, for example {\"position\": 1000}";
    let numbers = Numbers::<Field, 2>::decode(format, body, expected)?;
    let position = numbers.get(Field::Position).ok_or_else(|| {
        Failure::invalid("position is missing: send, for example, {\"position\": 1000}")
    })?;
    Ok(CursorMove {
        name,
        position: Sequence::new(position),
        expected: numbers.get(Field::Expected).map(Sequence::new),
    })
}
