//! Whole numbers in JSON, which programs that have no such numbers send in quotes.

use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Visitor};

/// A number with 64 bits, as a number or in quotes, or `null`; and the field that it is for.
pub(in crate::http::wire) struct Number(pub(in crate::http::wire) &'static str);

impl Number {
    fn refusal<E: serde::de::Error>(&self) -> E {
        let name = self.0;
        E::custom(format_args!(
            "{name} must be a whole number from 0 to {}",
            u64::MAX
        ))
    }
}

/// The time (Unix ms) that the field `name` has.
///
/// # Errors
/// When it is too large; says what it must be.
pub(in crate::http::wire) fn time_ms(name: &str, time: u64) -> Result<i64, String> {
    let wrong = |_| format!("{name} must be a whole number from 0 to {}", i64::MAX);
    i64::try_from(time).map_err(wrong)
}

impl<'de> DeserializeSeed<'de> for Number {
    type Value = Option<u64>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for Number {
    type Value = Option<u64>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a whole number as `{}`", self.0)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Some(number))
    }

    fn visit_i64<E: serde::de::Error>(self, _number: i64) -> Result<Self::Value, E> {
        Err(self.refusal())
    }

    fn visit_f64<E: serde::de::Error>(self, _number: f64) -> Result<Self::Value, E> {
        Err(self.refusal())
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
        text.parse().map(Some).map_err(|_| self.refusal())
    }
}
