//! Which sequences the record and order rows of a data file are filed under: files without those of a read are not looked into.
//!
//! ```text
//! nothing                                   the file has no such row
//! lowest sequence · highest (u64, big endian)
//! ```
//!
//! Part of the filters of a file, in addition to the bloom filter: see [`BySequence`]. Rows that were written as deletions count.

use std::ops::RangeInclusive;
use std::sync::Arc;

use bytes::{Buf, BufMut};
use log_domain::Sequence;
use slatedb::{
    Filter, FilterBuilder, FilterContext, FilterPolicy, FilterQuery, FilterTarget, RowEntry,
};

use super::{HEAD_BYTES, RowType, SEQUENCE_BYTES};

/// What a scan of record or order rows says of the sequences that they are filed under, so that it looks only into files with such rows.
pub(crate) fn within(lasts: RangeInclusive<Sequence>) -> Option<FilterContext> {
    let mut context = [0; 64];
    let mut out = &mut context[..];
    out.put_u64(lasts.start().get());
    out.put_u64(lasts.end().get());
    Some(FilterContext::Inline(context))
}

/// The filter. Its name is stored.
#[derive(Debug)]
pub(crate) struct BySequence;

impl FilterPolicy for BySequence {
    fn name(&self) -> &str {
        "log-sequences-v1"
    }

    fn builder(&self) -> Box<dyn FilterBuilder> {
        Box::new(Sequences::None)
    }

    fn decode(&self, mut data: &[u8]) -> Arc<dyn Filter> {
        Arc::new(match data.len() {
            0 => Sequences::None,
            length if length == 2 * SEQUENCE_BYTES => {
                Sequences::Within(data.get_u64(), data.get_u64())
            }
            _ => Sequences::Unknown,
        })
    }

    fn estimate_size(&self, _keys: usize) -> usize {
        2 * SEQUENCE_BYTES
    }
}

/// Those of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sequences {
    None,
    Within(u64, u64),
    /// What is stored of them is not understood.
    Unknown,
}

impl Sequences {
    /// Whether there may be one in `first..=last`.
    fn has(self, first: u64, last: u64) -> bool {
        match self {
            Self::None => false,
            Self::Within(lowest, highest) => lowest <= last && first <= highest,
            Self::Unknown => true,
        }
    }
}

impl FilterBuilder for Sequences {
    fn add_entry(&mut self, entry: &RowEntry) {
        let sequence = match is_filed(&entry.key) {
            true => sequence(&entry.key),
            false => return,
        };
        *self = match (*self, sequence) {
            (Self::Unknown, _) | (_, None) => Self::Unknown,
            (Self::None, Some(sequence)) => Self::Within(sequence, sequence),
            (Self::Within(lowest, highest), Some(sequence)) => {
                Self::Within(lowest.min(sequence), highest.max(sequence))
            }
        };
    }

    fn build(&mut self) -> Arc<dyn Filter> {
        Arc::new(*self)
    }
}

impl Filter for Sequences {
    fn might_match(&self, query: &FilterQuery) -> bool {
        match (&query.target, &query.context) {
            (FilterTarget::Point(key), _) if is_filed(key) => {
                sequence(key).is_none_or(|sequence| self.has(sequence, sequence))
            }
            (FilterTarget::Prefix(prefix), Some(FilterContext::Inline(context)))
                if is_filed(prefix) =>
            {
                let mut context = &context[..];
                self.has(context.get_u64(), context.get_u64())
            }
            _ => true,
        }
    }

    fn encode(&self, out: &mut dyn BufMut) {
        match self {
            Self::None => {}
            Self::Within(lowest, highest) => {
                out.put_u64(*lowest);
                out.put_u64(*highest);
            }
            Self::Unknown => out.put_u8(0),
        }
    }

    fn size(&self) -> usize {
        match self {
            Self::None => 0,
            Self::Within(..) => 2 * SEQUENCE_BYTES,
            Self::Unknown => 1,
        }
    }

    fn clamp_allocated_size(&self) -> Arc<dyn Filter> {
        Arc::new(*self)
    }
}

/// Whether rows that begin like this are filed under sequences.
fn is_filed(row_key: &[u8]) -> bool {
    const RECORDS: u8 = RowType::Records as u8;
    const ORDER: u8 = RowType::Order as u8;
    matches!(row_key.get(HEAD_BYTES - 1), Some(&(RECORDS | ORDER)))
}

fn sequence(row_key: &[u8]) -> Option<u64> {
    let (_, last) = row_key[HEAD_BYTES..].split_last_chunk::<SEQUENCE_BYTES>()?;
    Some(u64::from_be_bytes(*last))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;
    use slatedb::ValueDeletable;

    use super::super::{directory, order, records};
    use super::*;

    fn filter(row_keys: &[Bytes]) -> Arc<dyn Filter> {
        let mut builder = BySequence.builder();
        for key in row_keys {
            builder.add_entry(&RowEntry {
                key: key.clone(),
                value: ValueDeletable::Tombstone,
                seq: 1,
                create_ts: None,
                expire_ts: None,
            });
        }
        let filter = builder.build();
        let mut encoded = Vec::new();
        filter.encode(&mut encoded);
        assert_eq!(encoded.len(), filter.size());
        BySequence.decode(&encoded).clamp_allocated_size()
    }

    fn has(filter: &dyn Filter, prefix: &Bytes, first: u64, last: u64) -> bool {
        let context = within(Sequence::new(first)..=Sequence::new(last));
        filter.might_match(&FilterQuery::prefix(prefix.clone()).with_context(context))
    }

    #[test]
    fn the_bytes_are_these() {
        let mut encoded = Vec::new();
        Sequences::Within(3, 0x0102).encode(&mut encoded);
        assert_eq!(encoded, [0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 1, 2]);
        assert_eq!(BySequence.name(), "log-sequences-v1");
    }

    #[test]
    fn what_is_not_understood_and_what_is_not_asked_for_sequences_matches() {
        let unknown = BySequence.decode(b"newer");
        assert!(unknown.might_match(&FilterQuery::point(order::key(1, Sequence::new(3)))));
        let filter = filter(&[order::key(1, Sequence::new(3))]);
        let directory = directory::key(b"k", 1);
        assert!(filter.might_match(&FilterQuery::point(directory)));
        assert!(filter.might_match(&FilterQuery::prefix(records::prefix(1, b"k"))));
        assert!(has(&*filter, &directory::prefix(b"k"), 9, 9));
    }

    proptest! {
        #[test]
        fn a_row_of_a_file_always_matches_and_others_by_their_sequence(
            rows in prop::collection::vec((any::<bool>(), 0u64..100), 0..10), asked in 0u64..110, more in 0u64..10,
        ) {
            let key = |(is_order, last): &(bool, u64)| match is_order {
                true => order::key(1, Sequence::new(*last)),
                false => records::key(1, b"k", Sequence::new(*last)),
            };
            let mut keys: Vec<Bytes> = rows.iter().map(key).collect();
            keys.push(directory::key(b"k", 1));
            let filter = filter(&keys);
            for key in &keys {
                prop_assert!(filter.might_match(&FilterQuery::point(key.clone())));
            }
            let all = rows.iter().map(|(_, last)| *last);
            let (lowest, highest) = (all.clone().min(), all.max());
            let expected = lowest.is_some_and(|lowest| lowest <= asked + more) && highest.is_some_and(|highest| asked <= highest);
            prop_assert_eq!(has(&*filter, &records::prefix(1, b"other"), asked, asked + more), expected);
            prop_assert_eq!(has(&*filter, &order::prefix(1), asked, asked + more), expected);
        }
    }
}
