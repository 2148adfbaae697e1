//! The storage layout, described byte by byte in `docs/storage-format.md`.
//!
//! Every row key begins with the id of the segment that the row belongs to and the type of the row:
//!
//! ```text
//! segment id (u32, big endian) · row type (u8) · the rest, by type
//! ```
//!
//! One file for each row type, with its key and its value side by side. The tags below must never change.

pub(crate) mod cursors;
pub(crate) mod directory;
mod floor;
pub(crate) mod key;
pub(crate) mod key_floors;
pub(crate) mod keys;
pub(crate) mod names;
pub(crate) mod order;
pub(crate) mod prefix;
pub(crate) mod prefix_floors;
pub(crate) mod producers;
pub(crate) mod purges;
pub(crate) mod records;
pub(crate) mod segments;
pub(crate) mod sequences;
pub(crate) mod state;

use std::ops::Bound;

use bytes::{BufMut, Bytes, BytesMut};
use log_domain::segment::SYSTEM_SEGMENT;
use log_domain::{Error, KeysQuery, SegmentId};

/// What a row holds. Stored: never reuse or renumber.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum RowType {
    /// The writer's state; system segment only.
    State = 0x01,
    /// The description of a segment; system segment only.
    Segment = 0x02,
    /// What is kept of a producer; system segment only.
    Producer = 0x03,
    /// That deleted records of a key may still be stored; system segment only.
    Purge = 0x04,
    /// The floor of a prefix; system segment only.
    PrefixFloor = 0x05,
    /// Where a cursor is; system segment only.
    Cursor = 0x06,
    /// That a key has records in a segment; system segment only.
    Directory = 0x10,
    /// That the log has records of a key; system segment only.
    Key = 0x11,
    /// The floor of a key; system segment only.
    KeyFloor = 0x12,
    /// Which key a number stands for in the segment.
    Name = 0x13,
    /// Records of one key and one commit.
    Records = 0x20,
    /// Which key each record of a commit belongs to.
    Order = 0x30,
}

/// Bytes before what a row type adds to its key.
pub(crate) const HEAD_BYTES: usize = 5;

/// Bytes of the sequence at the end of the key of a record or order row.
pub(crate) const SEQUENCE_BYTES: usize = 8;

/// Starts a row key, with room for `more` bytes.
fn head(segment: SegmentId, row: RowType, more: usize) -> BytesMut {
    let mut key = BytesMut::with_capacity(HEAD_BYTES + more);
    key.put_u32(segment);
    key.put_u8(row as u8);
    key
}

/// What the rows begin with that list the keys `query` can match, and which of them is the first, as a bound on what follows
/// this prefix. `last` is what can follow a log key in such a row at most. `None` if the query starts after the last key
/// with its prefix.
fn listed(query: &KeysQuery, row: RowType, last: &[u8]) -> Option<(Bytes, Bound<Bytes>)> {
    let room = key::max_len(query.prefix.len());
    let mut prefix = head(SYSTEM_SEGMENT, row, room);
    key::put_open(&mut prefix, &query.prefix);
    let start = match &query.start_after {
        Some(after) if after.starts_with(&query.prefix) => {
            let mut suffix = BytesMut::new();
            key::put(&mut suffix, &after[query.prefix.len()..]);
            suffix.put_slice(last);
            Bound::Excluded(suffix.freeze())
        }
        Some(after) if *after > query.prefix => return None,
        _ => Bound::Unbounded,
    };
    Some((prefix.freeze(), start))
}

/// Takes the version byte off a row's value.
fn versioned<'a>(value: &'a Bytes, version: u8, what: &str) -> Result<&'a [u8], Error> {
    match value.split_first() {
        Some((found, rest)) if *found == version => Ok(rest),
        Some((found, _)) => Err(Error::Corrupt(format!(
            "{what} has format version {found}, this server reads version {version}; was it written by a newer one?"
        ))),
        None => Err(Error::Corrupt(format!("{what} is empty"))),
    }
}
