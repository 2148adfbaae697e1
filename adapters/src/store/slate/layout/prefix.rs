//! What SlateDB needs to know of the layout: which bytes of a row key name its segment, and which its log key.

use log_domain::SegmentId;
use slatedb::{PrefixExtractor, PrefixTarget, manifest};

use super::{HEAD_BYTES, RowType, key, names};

/// Bytes of the segment id.
const SEGMENT_BYTES: usize = 4;

/// The segment of a row. Persisted with the database by its name: it can never change.
#[derive(Debug)]
pub(crate) struct BySegment;

impl PrefixExtractor for BySegment {
    fn name(&self) -> &str {
        "log-segment-v1"
    }

    fn prefix_len(&self, target: &PrefixTarget) -> Option<usize> {
        (bytes(target).len() >= SEGMENT_BYTES).then_some(SEGMENT_BYTES)
    }
}

/// The segment that a prefix stands for.
pub(crate) fn segment(prefix: &[u8]) -> Option<SegmentId> {
    Some(u32::from_be_bytes(prefix.try_into().ok()?))
}

/// The segments that a manifest lists files of.
pub(crate) fn segments(listed: &[manifest::Segment]) -> impl Iterator<Item = SegmentId> {
    listed.iter().filter_map(|listed| segment(listed.prefix()))
}

/// Segment, row type and log key of a row, or the number of a key: what the bloom filters are asked for. Order rows are not in them,
/// as they are only read in their order. Part of the filters' name.
#[derive(Debug)]
pub(crate) struct ByKey;

impl PrefixExtractor for ByKey {
    fn name(&self) -> &str {
        "log-key-v1"
    }

    fn prefix_len(&self, target: &PrefixTarget) -> Option<usize> {
        const NAME: u8 = RowType::Name as u8;
        const ORDER: u8 = RowType::Order as u8;
        let (head, rest) = bytes(target).split_at_checked(HEAD_BYTES)?;
        let length = match head[HEAD_BYTES - 1] {
            NAME => Some(names::NUMBER_BYTES).filter(|length| *length <= rest.len()),
            ORDER => None,
            _ => key::end(rest),
        };
        Some(HEAD_BYTES + length?)
    }
}

fn bytes(target: &PrefixTarget) -> &[u8] {
    match target {
        PrefixTarget::Point(bytes) | PrefixTarget::Prefix(bytes) => bytes,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::super::{order, records};
    use super::*;

    #[test]
    fn the_names_are_part_of_the_format() {
        assert_eq!(
            (BySegment.name(), ByKey.name()),
            ("log-segment-v1", "log-key-v1")
        );
    }

    proptest! {
        #[test]
        fn all_rows_of_a_key_share_the_prefix_that_its_scans_ask_for(segment: u32, key: Vec<u8>, sequence: u64) {
            let prefix = records::prefix(segment, &key);
            let row = records::key(segment, &key, sequence.into());
            for extractor in [&BySegment as &dyn PrefixExtractor, &ByKey] {
                let of_row = extractor.prefix_len(&PrefixTarget::Point(row.clone()));
                let of_scan = extractor.prefix_len(&PrefixTarget::Prefix(prefix.clone()));
                prop_assert_eq!(of_row, of_scan);
                prop_assert!(of_row.is_some());
            }
            prop_assert_eq!(ByKey.prefix_len(&PrefixTarget::Point(row)), Some(prefix.len()));
        }

        #[test]
        fn a_number_is_asked_for_as_a_whole_and_order_rows_never_are(segment: u32, number: u32, sequence: u64) {
            let name = names::key(segment, number);
            prop_assert_eq!(ByKey.prefix_len(&PrefixTarget::Point(name.clone())), Some(name.len()));
            prop_assert_eq!(ByKey.prefix_len(&PrefixTarget::Prefix(names::prefix(segment))), None);
            let row = order::key(segment, sequence.into());
            prop_assert_eq!(ByKey.prefix_len(&PrefixTarget::Point(row)), None);
            prop_assert_eq!(ByKey.prefix_len(&PrefixTarget::Prefix(order::prefix(segment))), None);
        }

        #[test]
        fn an_incomplete_prefix_is_never_asked_for(segment: u32, key: Vec<u8>, keep in any::<prop::sample::Index>()) {
            let prefix = records::prefix(segment, &key);
            let cut = prefix.slice(..keep.index(prefix.len()));
            prop_assert_eq!(ByKey.prefix_len(&PrefixTarget::Prefix(cut)), None);
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            let target = PrefixTarget::Point(Bytes::from(bytes));
            let _ = (BySegment.prefix_len(&target), ByKey.prefix_len(&target));
        }
    }
}
