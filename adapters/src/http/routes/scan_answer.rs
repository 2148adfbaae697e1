//! A page of records as it is answered.

use bytes::Bytes;
use log_domain::cluster::rounds::Position;
use log_domain::{Error, Page, Sequence};

use crate::http::wire::json::{ByteFormat, JsonText, VALUE_OVERHEAD, base64_len};
use crate::http::wire::proto::{self, ScanResponse};
use crate::http::wire::reply::Encode;

/// A page as a `ScanResponse`.
pub(in crate::http) struct ScanAnswer {
    /// The key that was asked for; empty in a read of several.
    pub(in crate::http) key: Bytes,
    pub(in crate::http) page: Page,
    pub(in crate::http) bytes: ByteFormat,
    /// With `order=none`: where each partition continues.
    pub(in crate::http) positions: Vec<Position>,
}

impl Encode for ScanAnswer {
    type Message = ScanResponse;

    fn json(&self) -> Result<JsonText, Error> {
        let Self {
            key,
            page,
            bytes,
            positions,
        } = self;
        let records = page.records as usize;
        let values = base64_len(page.bytes as usize) + records * (VALUE_OVERHEAD + 4);
        let mut out = JsonText::with_capacity(values + base64_len(key.len()) + 128);
        out.raw("{\"status\":\"success\",")
            .field("key", key, *bytes)
            .raw(",\"values\":[");
        let mut separator = "";
        for run in &page.runs {
            for entry in run.entries() {
                let entry = entry?;
                out.raw(separator);
                out.value(&entry, run.timestamp_ms(), *bytes)?;
                separator = ",";
            }
        }
        out.raw("],\"nextSequence\":").number(page.next.get());
        if let Some(floor) = page.trimmed_before {
            out.raw(",\"trimmedBefore\":").number(floor.get());
        }
        if page.more {
            out.raw(",\"more\":true");
        }
        if !positions.is_empty() {
            out.raw(",\"positions\":").list(positions, |out, position| {
                out.raw("{\"partition\":")
                    .number(position.partition.number());
                out.raw(",\"nextSequence\":").number(position.next.get());
                if let Some(floor) = position.trimmed_before {
                    out.raw(",\"trimmedBefore\":").number(floor.get());
                }
                out.raw("}");
            });
        }
        out.raw("}");
        Ok(out)
    }

    /// The encoding of a run *is* that of the field `values`, so runs are copied, not decoded.
    fn protobuf(&self) -> Result<Vec<u8>, Error> {
        let Self {
            key,
            page,
            positions,
            ..
        } = self;
        let mut out = Vec::with_capacity(page.bytes as usize + key.len() + 64);
        prost::encoding::string::encode(1, &proto::SUCCESS.to_owned(), &mut out);
        if !key.is_empty() {
            prost::encoding::bytes::encode(2, key, &mut out);
        }
        for run in &page.runs {
            out.extend_from_slice(run.encoded());
        }
        if page.next > Sequence::ZERO {
            prost::encoding::uint64::encode(4, &page.next.get(), &mut out);
        }
        if let Some(floor) = page.trimmed_before {
            prost::encoding::uint64::encode(5, &floor.get(), &mut out);
        }
        if page.more {
            prost::encoding::bool::encode(6, &true, &mut out);
        }
        for position in positions {
            let position = proto::Position {
                partition: position.partition.number(),
                next_sequence: position.next.get(),
                trimmed_before: position.trimmed_before.map(Sequence::get),
            };
            prost::encoding::message::encode(7, &position, &mut out);
        }
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use log_domain::cluster::Partitions;
    use prost::Message;

    use super::*;

    fn empty(next: u64, more: bool) -> Page {
        Page {
            runs: Vec::new(),
            records: 0,
            bytes: 0,
            next: Sequence::new(next),
            complete: !more,
            more,
            trimmed_before: None,
        }
    }

    #[test]
    fn a_page_whose_time_was_over_says_so_in_both_formats_and_others_do_not() {
        for more in [true, false] {
            let answer = ScanAnswer {
                key: "k".into(),
                page: empty(7, more),
                bytes: ByteFormat::Base64,
                positions: Vec::new(),
            };
            let json = answer.json().expect("encoded").into_bytes();
            let said = if more { ",\"more\":true" } else { "" };
            let expected = format!(
                r#"{{"status":"success","key":"aw==","values":[],"nextSequence":7{said}}}"#
            );
            assert_eq!(String::from_utf8_lossy(&json), expected);
            let protobuf = answer.protobuf().expect("encoded");
            let message = ScanResponse::decode(&protobuf[..]).expect("the message");
            assert_eq!((message.more, message.next_sequence), (more, 7));
            assert_eq!(message.encode_to_vec(), protobuf);
        }
    }

    #[test]
    fn positions_are_the_same_in_both_formats() {
        let partitions = Partitions::new(3).expect("three");
        let positions = partitions.all().zip([0, 12, 300]);
        let positions = positions.map(|(partition, next)| Position {
            partition,
            next: Sequence::new(next),
            trimmed_before: (next == 12).then_some(Sequence::new(5)),
        });
        let answer = ScanAnswer {
            key: Bytes::new(),
            page: empty(0, true),
            bytes: ByteFormat::Base64,
            positions: positions.collect(),
        };
        let json = answer.json().expect("encoded").into_bytes();
        let expected = r#"{"status":"success","key":"","values":[],"nextSequence":0,"more":true,"positions":[{"partition":0,"nextSequence":0},{"partition":1,"nextSequence":12,"trimmedBefore":5},{"partition":2,"nextSequence":300}]}"#;
        assert_eq!(String::from_utf8_lossy(&json), expected);
        let protobuf = answer.protobuf().expect("encoded");
        let message = ScanResponse::decode(&protobuf[..]).expect("the message");
        assert_eq!(message.encode_to_vec(), protobuf);
        let again = serde_json::to_string(&message.positions).expect("JSON");
        assert!(expected.contains(&again), "{again}");
    }
}
