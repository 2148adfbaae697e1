//! In which order records of several partitions are read, and where each partition continues, as requests say it.

use std::fmt;

use bytes::Buf;
use log_domain::cluster::partition::MAX_PARTITIONS;
use prost::encoding::{WireType, decode_key, decode_varint};
use serde::Deserializer;
use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};

use super::failure::Failure;
use super::fields::Seen;
use super::json_number::Number;
use super::message;
use super::param::ParamValue;
use super::proto::PositionField as Field;
use super::unexpected_field::unexpected;

/// The order of the records of a read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::http) enum Order {
    /// That of their sequences, which are of one partition.
    #[default]
    Sequence,
    /// That of their sequences within each partition, and none between partitions.
    None,
}

impl ParamValue for Order {
    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "sequence" => Ok(Self::Sequence),
            "none" => Ok(Self::None),
            _ => Err("expected sequence or none".to_owned()),
        }
    }
}

/// Partitions and the sequence to read next in each, as they are sent: not more than a cluster can have partitions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::http) struct Positions(pub(in crate::http) Vec<(u32, u64)>);

/// A query has them as `0:12,1:40`.
impl ParamValue for Positions {
    fn parse(text: &str) -> Result<Self, String> {
        let mut positions = Self::default();
        for pair in text.split(',').filter(|_| !text.is_empty()) {
            let pair = pair.split_once(':');
            let pair = pair.and_then(|(of, next)| Some((of.parse().ok()?, next.parse().ok()?)));
            let expected = || "expected a sequence for each partition, such as 0:12,1:40";
            positions.push(pair.ok_or_else(expected)?)?;
        }
        Ok(positions)
    }
}

impl Positions {
    fn push(&mut self, position: (u32, u64)) -> Result<(), String> {
        if self.0.len() == MAX_PARTITIONS as usize {
            return Err(format!(
                "there are more than {MAX_PARTITIONS}, and no cluster has as many partitions"
            ));
        }
        self.0.push(position);
        Ok(())
    }

    /// Takes one more, a message of binary protobuf.
    ///
    /// # Errors
    /// When it is not such a message, or one too many.
    pub(in crate::http::wire) fn push_protobuf(&mut self, mut body: &[u8]) -> Result<(), Failure> {
        let refused = |why: &str| message::refused::<Field>(why);
        let (mut partition, mut next) = (0, 0);
        while body.has_remaining() {
            let (number, wire_type) =
                decode_key(&mut body).map_err(|error| refused(&error.to_string()))?;
            if wire_type != WireType::Varint {
                return Err(unexpected::<Field>(number, "positions: "));
            }
            let value = decode_varint(&mut body).map_err(|error| refused(&error.to_string()))?;
            match number {
                number if number == Field::Partition as u32 => partition = value,
                number if number == Field::NextSequence as u32 => next = value,
                number if number == Field::TrimmedBefore as u32 => {}
                number => return Err(unexpected::<Field>(number, "positions: ")),
            }
        }
        let position = (in_range(partition), next);
        self.push(position)
            .map_err(|why| Failure::invalid(why).of("positions"))
    }
}

/// The number of a partition. One that is too large for that is none of any cluster.
fn in_range(partition: u64) -> u32 {
    u32::try_from(partition).unwrap_or(u32::MAX)
}

/// A list of them in JSON, or `null`, and where they go.
pub(in crate::http::wire) struct List<'p>(pub(in crate::http::wire) &'p mut Positions);

impl<'de> DeserializeSeed<'de> for List<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for List<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of positions")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let refused = |why: String| A::Error::custom(format_args!("positions: {why}"));
        while let Some(position) = list.next_element_seed(One)? {
            self.0.push(position).map_err(refused)?;
        }
        Ok(())
    }
}

/// One of them.
struct One;

impl<'de> DeserializeSeed<'de> for One {
    type Value = (u32, u64);

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(u32, u64), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for One {
    type Value = (u32, u64);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a position: an object with `partition` and `nextSequence`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(u32, u64), A::Error> {
        let (mut partition, mut next, mut seen) = (None, None, Seen::default());
        while let Some((field, _)) = seen.next(&mut map)? {
            match field {
                Field::Partition => partition = map.next_value_seed(Number("partition"))?,
                Field::NextSequence => next = map.next_value_seed(Number("nextSequence"))?,
                Field::TrimmedBefore => {
                    map.next_value_seed(Number("trimmedBefore"))?;
                }
            }
        }
        match (partition, next) {
            (Some(partition), Some(next)) => Ok((in_range(partition), next)),
            (None, _) => Err(A::Error::missing_field("partition")),
            (_, None) => Err(A::Error::missing_field("nextSequence")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::wire::format::Format;
    use crate::http::wire::scan_request;

    #[test]
    fn a_query_has_pairs() {
        let parsed = |text: &str| Positions::parse(text).map(|positions| positions.0);
        assert_eq!(parsed(""), Ok(Vec::new()));
        assert_eq!(parsed("0:12,17:0"), Ok(vec![(0, 12), (17, 0)]));
        for wrong in [
            "0",
            "0:",
            ":1",
            "0:1,",
            "0:1;1:2",
            "-1:2",
            "0:1:2",
            "4294967296:1",
        ] {
            let expected = parsed(wrong).expect_err(wrong);
            assert!(expected.contains("such as 0:12,1:40"), "{expected}");
        }
        let many: Vec<&str> = vec!["0:1"; MAX_PARTITIONS as usize + 1];
        assert!(parsed(&many[1..].join(",")).is_ok());
        let expected = parsed(&many.join(",")).expect_err("too many");
        assert!(expected.contains("more than 4096"), "{expected}");
    }

    #[test]
    fn a_body_has_a_list_in_both_formats() {
        let json = |positions: &str| {
            let body = format!(r#"{{"positions": {positions}}}"#);
            scan_request::decode(Format::Json, body.as_bytes())
        };
        let decoded = json(r#"[{"partition": "1", "nextSequence": 2, "trimmedBefore": 1}]"#);
        assert_eq!(decoded.expect("positions").positions.0, [(1, 2)]);
        let decoded = json("null").expect("none");
        assert!(decoded.positions.0.is_empty());
        for (wrong, why) in [
            ("{}", "a list of positions"),
            ("[1]", "a position"),
            (r#"[{"partition": 1}]"#, "nextSequence"),
            (r#"[{"nextSequence": 1}]"#, "partition"),
            (r#"[{"partition": 1, "next": 1}]"#, "unknown field"),
            (r#"[{"partition": -1, "nextSequence": 1}]"#, "whole number"),
        ] {
            let failure = json(wrong).expect_err(wrong);
            assert!(failure.to_string().contains(why), "{wrong}: {failure}");
        }
        let protobuf = |body: &[u8]| scan_request::decode(Format::Protobuf, body);
        let decoded = protobuf(b"\x82\x01\x02\x10\x02\x82\x01\x04\x08\x01\x18\x00");
        assert_eq!(decoded.expect("positions").positions.0, [(0, 2), (1, 0)]);
        for (wrong, why) in [
            (&b"\x82\x01\x02\x20\x02"[..], "unknown field 4"),
            (b"\x82\x01\x03\x0a\x01a", "wrong wire type"),
            (b"\x82\x01\x01\x08", "not a Position"),
            (b"\x82\x01\x05\x08\x01", "longer than"),
            (b"\x80\x01\x01", "wrong wire type"),
        ] {
            let failure = protobuf(wrong).expect_err("wrong");
            assert!(failure.to_string().contains(why), "{wrong:?}: {failure}");
        }
    }
}
