//! Messages whose fields are all numbers, in both formats. Fields that are not known are refused.

use std::fmt;
use std::marker::PhantomData;

use bytes::Buf;
use prost::DecodeError;
use prost::encoding::{WireType, decode_key, decode_varint};
use serde::de::{MapAccess, Visitor};

use super::fields::Seen;
use super::format::Format;
use super::json_number::Number;
use super::proto::Field;
use super::unexpected_field::unexpected;
use super::{failure::Failure, message};

/// The numbers of a message with the fields `F`, of which it has `N`.
pub(in crate::http::wire) struct Numbers<F, const N: usize>([Option<u64>; N], PhantomData<F>);

impl<F: Field, const N: usize> Numbers<F, N> {
    /// Those in `body`. `expected` tells a client what an object would be.
    ///
    /// # Errors
    /// When it is not such a message.
    pub(in crate::http::wire) fn decode(
        format: Format,
        body: &[u8],
        expected: &'static str,
    ) -> Result<Self, Failure> {
        match format {
            Format::Json => message::json::<F, _>(body, Object(expected, PhantomData)),
            Format::Protobuf => Self::protobuf(body),
        }
    }

    /// The number in this field.
    pub(in crate::http::wire) fn get(&self, field: F) -> Option<u64> {
        place::<F>(field.number()).and_then(|at| self.0[at])
    }

    fn protobuf(mut body: &[u8]) -> Result<Self, Failure> {
        let malformed = |error: DecodeError| message::refused::<F>(&error.to_string());
        let mut numbers = [None; N];
        while body.has_remaining() {
            let (number, wire_type) = decode_key(&mut body).map_err(malformed)?;
            let at = place::<F>(number).filter(|_| wire_type == WireType::Varint);
            let at = at.ok_or_else(|| unexpected::<F>(number, ""))?;
            numbers[at] = Some(decode_varint(&mut body).map_err(malformed)?);
        }
        Ok(Self(numbers, PhantomData))
    }
}

/// Where the field with this number is among those of the message.
fn place<F: Field>(number: u32) -> Option<usize> {
    let mut fields = F::MESSAGE.fields.iter();
    fields.position(|field| field.number == number)
}

struct Object<F, const N: usize>(&'static str, PhantomData<F>);

impl<'de, F: Field, const N: usize> Visitor<'de> for Object<F, N> {
    type Value = Numbers<F, N>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut numbers, mut seen) = ([None; N], Seen::default());
        while let Some((field, _)) = seen.next::<F, A>(&mut map)? {
            if let Some(at) = place::<F>(field.number()) {
                let name = F::MESSAGE.fields[at].json_name;
                numbers[at] = map.next_value_seed(Number(name))?;
            }
        }
        Ok(Numbers(numbers, PhantomData))
    }
}
