//! `TrimRequest` as it is sent, in both formats. Fields that are not known are refused.

use log_domain::{Sequence, Trim};

use super::failure::Failure;
use super::format::Format;
use super::json_number::time_ms;
use super::number_message::Numbers;
use super::proto::TrimRequestField as Field;

/// Maximum length of a request, in bytes.
pub(in crate::http) const BODY_BYTES: usize = 4 << 10;

/// What `body` asks for.
pub(in crate::http) fn decode(format: Format, body: &[u8]) -> Result<Trim, Failure> {
    let expected =
        "an object with `beforeSequence` or `beforeTimeMs`, for example {\"beforeSequence\": 1000}";
    let numbers = Numbers::<Field, 2>::decode(format, body, expected)?;
    match (
        numbers.get(Field::BeforeSequence),
        numbers.get(Field::BeforeTimeMs),
    ) {
        (Some(before), None) => Ok(Trim::BeforeSequence(Sequence::new(before))),
        (None, Some(time)) => {
            let time = time_ms("beforeTimeMs", time).map_err(Failure::invalid)?;
            Ok(Trim::BeforeTime(time))
        }
        _ => Err(Failure::invalid(
            "send either beforeSequence or beforeTimeMs, for example {\"beforeSequence\": 1000}",
        )),
    }
}
