//! Runs: records of one commit, in one encoding for storage, followers and responses.
//!
//! The records of a stored run are of one key, which they do not name. In the answers to reads of several keys each record names its
//! key: see [`crate::merge`].
//!
//! A record is encoded once, when it is committed, and copied from there on: into the stored row, to followers,
//! into the protobuf answer of a scan. So the encoding is that of the answer: each record is a
//! `repeated Value values = 3` field of the message `ScanResponse` in `openapi/log.proto`, with the first three fields
//! of `Value` present and in order, and behind them the key, if the record names it, and the [headers](crate::headers), if the record
//! has any:
//!
//! ```text
//! 1A <varint length> 08 <varint sequence> 12 <varint length> <value> 18 <varint timestamp in ms>
//!    [2A <varint length> <key>] <headers>
//! ```

mod newest;

use std::ops::Range;

use bytes::{BufMut, Bytes, BytesMut};

use crate::{Error, Headers, Key, Result, Sequence, SequenceRange, varint};

const VALUES_FIELD: u8 = 0x1a;
const SEQUENCE_FIELD: u8 = 0x08;
const VALUE_FIELD: u8 = 0x12;
const TIMESTAMP_FIELD: u8 = 0x18;
const KEY_FIELD: u8 = 0x2a;

/// Some records with one append time: ascending sequences, of one key that they do not name or of keys that they name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    first: Sequence,
    last: Sequence,
    count: u32,
    timestamp_ms: i64,
    encoded: Bytes,
}

/// One record of a [`Run`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its sequence.
    pub sequence: Sequence,
    /// The value.
    pub value: Bytes,
    /// The headers.
    pub headers: Headers,
    /// Its key, if the run names the keys of its records.
    pub key: Option<Key>,
}

/// One record of a [`Run`], by where its parts lie in the encoding.
#[derive(Debug, Clone)]
pub(crate) struct Raw {
    /// Its sequence.
    pub(crate) sequence: Sequence,
    /// The value.
    pub(crate) value: Range<usize>,
    /// The key, if it is named, and the headers.
    rest: Range<usize>,
}

impl Run {
    /// A run that was read from a store, with its stored attributes. The records are not decoded.
    pub fn stored(
        first: Sequence,
        last: Sequence,
        count: u32,
        timestamp_ms: i64,
        encoded: Bytes,
    ) -> Self {
        Self {
            first,
            last,
            count,
            timestamp_ms,
            encoded,
        }
    }

    /// Sequence of the first record.
    pub fn first(&self) -> Sequence {
        self.first
    }

    /// Sequence of the last record.
    pub fn last(&self) -> Sequence {
        self.last
    }

    /// How many records; never 0.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// When they were appended (Unix ms).
    pub fn timestamp_ms(&self) -> i64 {
        self.timestamp_ms
    }

    /// The records, encoded as described on the [module](self).
    pub fn encoded(&self) -> &Bytes {
        &self.encoded
    }

    /// The records one by one. A damaged run ends with [`Error::Corrupt`].
    pub fn entries(&self) -> Entries<'_> {
        self.entries_from(0)
    }

    /// The same from this byte of the encoding on, where [`Entries::at`] was.
    pub(crate) fn entries_from(&self, at: usize) -> Entries<'_> {
        Entries {
            run: self,
            at,
            timestamp_bytes: timestamp_bytes(self.timestamp_ms),
        }
    }

    /// How many records have a sequence below `sequence`.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when the run is damaged.
    pub fn count_below(&self, sequence: Sequence) -> Result<u32> {
        if sequence <= self.first {
            return Ok(0);
        }
        if sequence > self.last {
            return Ok(self.count);
        }
        let mut below = 0;
        let mut entries = self.entries();
        while let Some(entry) = entries.next_raw() {
            if entry?.sequence >= sequence {
                break;
            }
            below += 1;
        }
        Ok(below)
    }

    /// The records in `range`, at most `records` of them and at most `bytes` encoded bytes, but at least one if
    /// `records` is not 0 and `bytes` is `usize::MAX`. The flag says whether records in `range` were left out.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when the run is damaged.
    pub fn cut(
        &self,
        range: SequenceRange,
        records: usize,
        bytes: usize,
    ) -> Result<(Option<Run>, bool)> {
        if self.fits(range, records, bytes) {
            return Ok((Some(self.clone()), false));
        }
        let mut walk = self.entries();
        let mut kept: Option<Run> = None;
        let (mut from, mut to, mut more) = (0, 0, false);
        loop {
            let at = walk.at;
            let Some(entry) = walk.next_raw() else { break };
            let sequence = entry?.sequence;
            if sequence < range.start() {
                continue;
            }
            if sequence >= range.end() {
                break;
            }
            let count = kept.as_ref().map_or(0, |run| run.count);
            if kept.is_none() {
                from = at;
            }
            if count as usize >= records || walk.at - from > bytes {
                more = true;
                break;
            }
            to = walk.at;
            let run = kept.get_or_insert(Run {
                first: sequence,
                last: sequence,
                count: 0,
                timestamp_ms: self.timestamp_ms,
                encoded: Bytes::new(),
            });
            run.last = sequence;
            run.count += 1;
        }
        if let Some(run) = &mut kept {
            run.encoded = self.encoded.slice(from..to);
        }
        Ok((kept, more))
    }

    /// Whether all of its records are in `range`, and are no more than that.
    fn fits(&self, range: SequenceRange, records: usize, bytes: usize) -> bool {
        let whole = range.start() <= self.first && self.last < range.end();
        whole && self.count as usize <= records && self.encoded.len() <= bytes
    }

    fn damaged(&self, at: usize) -> Error {
        Error::Corrupt(format!(
            "run {}..={} of {} records, at byte {at} of {}",
            self.first,
            self.last,
            self.count,
            self.encoded.len()
        ))
    }
}

/// Walks the records of a [`Run`].
#[derive(Debug)]
pub struct Entries<'a> {
    run: &'a Run,
    at: usize,
    /// Length of the field with the append time, which is the same in all records of a run.
    timestamp_bytes: usize,
}

fn timestamp_bytes(timestamp_ms: i64) -> usize {
    1 + varint::len(timestamp_ms.max(0) as u64)
}

impl Entries<'_> {
    /// Where in the encoding the next record begins.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// The next record, without its parts.
    pub(crate) fn next_raw(&mut self) -> Option<Result<Raw>> {
        if self.at >= self.run.encoded.len() {
            return None;
        }
        let at = self.at;
        Some(self.find().ok_or_else(|| self.ended(at)))
    }

    fn find(&mut self) -> Option<Raw> {
        let bytes = &self.run.encoded[..];
        let mut at = self.at;
        let tag = |at: &mut usize, expected: u8| -> Option<()> {
            (*bytes.get(*at)? == expected).then(|| *at += 1)
        };
        tag(&mut at, VALUES_FIELD)?;
        let length = usize::try_from(varint::get(bytes, &mut at)?).ok()?;
        let end = at.checked_add(length)?;
        tag(&mut at, SEQUENCE_FIELD)?;
        let sequence = Sequence::new(varint::get(bytes, &mut at)?);
        tag(&mut at, VALUE_FIELD)?;
        let value_length = usize::try_from(varint::get(bytes, &mut at)?).ok()?;
        let value_end = at.checked_add(value_length)?;
        let timestamp_end = value_end.checked_add(self.timestamp_bytes)?;
        if timestamp_end > end || end > bytes.len() {
            return None;
        }
        self.at = end;
        Some(Raw {
            sequence,
            value: at..value_end,
            rest: timestamp_end..end,
        })
    }

    fn decode(&mut self) -> Option<Entry> {
        let Raw {
            sequence,
            value,
            rest,
        } = self.find()?;
        let bytes = &self.run.encoded;
        let (key, headers) = match rest.is_empty() {
            true => (None, Headers::default()),
            false => key_and_headers(bytes.slice(rest))?,
        };
        Some(Entry {
            sequence,
            value: bytes.slice(value),
            headers,
            key,
        })
    }

    /// Nothing comes after what is damaged.
    fn ended(&mut self, at: usize) -> Error {
        self.at = self.run.encoded.len();
        self.run.damaged(at)
    }
}

/// What follows the append time of a record.
fn key_and_headers(rest: Bytes) -> Option<(Option<Key>, Headers)> {
    if rest.first() != Some(&KEY_FIELD) {
        return Some((None, Headers::stored(rest)));
    }
    let mut at = 1;
    let length = usize::try_from(varint::get(&rest, &mut at)?).ok()?;
    let end = at.checked_add(length).filter(|end| *end <= rest.len())?;
    let key = Key::stored(rest.slice(at..end));
    Some((Some(key), Headers::stored(rest.slice(end..))))
}

impl Iterator for Entries<'_> {
    type Item = Result<Entry>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.run.encoded.len() {
            return None;
        }
        let at = self.at;
        Some(self.decode().ok_or_else(|| self.ended(at)))
    }
}

/// Encodes a [`Run`] record by record.
#[derive(Debug)]
pub struct RunBuilder {
    timestamp_ms: i64,
    headroom: usize,
    bounds: Option<(Sequence, Sequence)>,
    count: u32,
    buffer: BytesMut,
}

impl RunBuilder {
    /// A builder whose records were appended at `timestamp_ms` (Unix ms, not negative).
    pub fn new(timestamp_ms: i64) -> Self {
        Self::with_headroom(timestamp_ms, 0, 0)
    }

    /// The same, with room for `capacity` encoded bytes, and `headroom` bytes before them that
    /// [`RunBuilder::finish_behind`] can fill without moving the records.
    pub fn with_headroom(timestamp_ms: i64, headroom: usize, capacity: usize) -> Self {
        let mut buffer = BytesMut::with_capacity(headroom + capacity);
        buffer.resize(headroom, 0);
        Self {
            timestamp_ms: timestamp_ms.max(0),
            headroom,
            bounds: None,
            count: 0,
            buffer,
        }
    }

    /// An upper bound of what one record takes, encoded, whose value and encoded headers have `content_bytes` together.
    pub fn max_len(content_bytes: usize) -> usize {
        const TAGS: usize = 4;
        const VARINTS: usize = 4 * 10;
        TAGS + VARINTS + content_bytes
    }

    /// Adds a record without headers; its sequence is above those before it.
    pub fn push(&mut self, sequence: Sequence, value: &[u8]) {
        self.push_with_headers(sequence, value, &Headers::default());
    }

    /// Adds a record; its sequence is above those before it.
    pub fn push_with_headers(&mut self, sequence: Sequence, value: &[u8], headers: &Headers) {
        self.put(sequence, value, headers.encoded(), None);
    }

    /// Adds a record that names its key; its sequence is above those before it.
    pub fn push_keyed(&mut self, key: &Key, sequence: Sequence, value: &[u8], headers: &Headers) {
        self.put(sequence, value, headers.encoded(), Some(key));
    }

    /// Adds a record of `run`, which is of `key` unless it names another one; its sequence is above those before it.
    pub(crate) fn push_raw(&mut self, key: &Key, run: &Run, raw: &Raw) {
        let rest = &run.encoded[raw.rest.clone()];
        let key = (rest.first() != Some(&KEY_FIELD)).then_some(key);
        self.put(raw.sequence, &run.encoded[raw.value.clone()], rest, key);
    }

    #[inline]
    fn put(&mut self, sequence: Sequence, value: &[u8], headers: &[u8], key: Option<&Key>) {
        let timestamp = self.timestamp_ms as u64;
        let of_key = key.map_or(0, |key| {
            let length = key.as_ref().len();
            1 + varint::len(length as u64) + length
        });
        let length = 1
            + varint::len(sequence.get())
            + 1
            + varint::len(value.len() as u64)
            + value.len()
            + 1
            + varint::len(timestamp)
            + of_key
            + headers.len();
        let out = &mut self.buffer;
        out.reserve(1 + varint::len(length as u64) + length);
        out.put_u8(VALUES_FIELD);
        varint::put(out, length as u64);
        out.put_u8(SEQUENCE_FIELD);
        varint::put(out, sequence.get());
        out.put_u8(VALUE_FIELD);
        varint::put(out, value.len() as u64);
        out.extend_from_slice(value);
        out.put_u8(TIMESTAMP_FIELD);
        varint::put(out, timestamp);
        if let Some(key) = key {
            put_key(out, key.as_ref());
        }
        if !headers.is_empty() {
            put_bytes(out, headers);
        }
        let first = self.bounds.map_or(sequence, |(first, _)| first);
        self.bounds = Some((first, sequence));
        self.count += 1;
    }

    /// Encoded bytes so far.
    pub fn len(&self) -> usize {
        self.buffer.len() - self.headroom
    }

    /// Whether there is no record yet.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The run; `None` when nothing was pushed.
    pub fn finish(self) -> Option<Run> {
        self.finish_behind(|_| Vec::new()).map(|(run, _)| run)
    }

    /// The run, and one buffer with what `head` says of it directly before its encoded records. Nothing is copied
    /// if the head fits into the headroom. `None` when nothing was pushed.
    pub fn finish_behind(mut self, head: impl FnOnce(&Run) -> Vec<u8>) -> Option<(Run, Bytes)> {
        let (first, last) = self.bounds?;
        let mut run = Run {
            first,
            last,
            count: self.count,
            timestamp_ms: self.timestamp_ms,
            encoded: Bytes::new(),
        };
        let head = head(&run);
        let Some(start) = self.headroom.checked_sub(head.len()) else {
            run.encoded = self.buffer.freeze().slice(self.headroom..);
            let framed = [&head, &run.encoded[..]].concat().into();
            return Some((run, framed));
        };
        self.buffer[start..self.headroom].copy_from_slice(&head);
        let buffer = self.buffer.freeze();
        run.encoded = buffer.slice(self.headroom..);
        Some((run, buffer.slice(start..)))
    }
}

/// Not inlined, so that records without a key pay a comparison for it.
#[inline(never)]
fn put_key(out: &mut BytesMut, key: &[u8]) {
    out.put_u8(KEY_FIELD);
    varint::put(out, key.len() as u64);
    put_bytes(out, key);
}

/// Not inlined, so that records without headers pay a comparison for them.
#[inline(never)]
fn put_bytes(out: &mut BytesMut, bytes: &[u8]) {
    // Another `extend_from_slice` would keep the compiler from inlining that of values.
    let start = out.len();
    out.resize(start + bytes.len(), 0);
    out[start..].copy_from_slice(bytes);
}

#[cfg(test)]
mod tests;
