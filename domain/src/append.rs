//! Append requests and their results.

use bytes::Bytes;

use crate::cursor::{CursorMove, check_moves};
use crate::fingerprint::Fingerprint;
use crate::producer::Producer;
use crate::{Error, Headers, Key, Limits, Rejection, Result, Sequence};

/// Preconditions of one append, at most.
pub const MAX_PRECONDITIONS: usize = 1_000;

/// One record before it has a sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The stream it goes to.
    pub key: Key,
    /// The value; may be empty.
    pub value: Bytes,
    /// The headers; usually none.
    pub headers: Headers,
}

impl Record {
    /// Checks both parts against `limits`. The record has no headers, see [`Record::with_headers`].
    ///
    /// # Errors
    /// [`Error::Invalid`] or [`Error::TooLarge`], saying which part.
    pub fn parse(key: Bytes, value: Bytes, limits: &Limits) -> Result<Self> {
        if value.len() > limits.value_bytes {
            return Err(Error::TooLarge {
                what: "record value in bytes",
                actual: value.len() as u64,
                limit: limits.value_bytes as u64,
            });
        }
        Ok(Self {
            key: Key::parse(key, limits)?,
            value,
            headers: Headers::default(),
        })
    }

    /// The same record with `headers`.
    #[must_use]
    pub fn with_headers(mut self, headers: Headers) -> Self {
        self.headers = headers;
        self
    }

    /// Bytes of the value and of the headers, as they are stored.
    pub fn content_bytes(&self) -> usize {
        self.value.len() + self.headers.encoded().len()
    }
}

/// The records of one append: at least one, applied whole or not at all, in one segment, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    records: Vec<Record>,
    bytes: u64,
    header_bytes: u64,
}

impl Batch {
    /// Takes `records` for one append.
    ///
    /// # Errors
    /// [`Error::Invalid`] when empty, [`Error::TooLarge`] when there are more than [`Limits::batch_records`].
    pub fn new(records: Vec<Record>, limits: &Limits) -> Result<Self> {
        if records.is_empty() {
            return Err(Error::invalid(
                "records is empty: an append needs at least one record",
            ));
        }
        if records.len() > limits.batch_records {
            return Err(Error::TooLarge {
                what: "batch in records",
                actual: records.len() as u64,
                limit: limits.batch_records as u64,
            });
        }
        Ok(Self::part(records))
    }

    /// Takes records that were taken for an append before, at least one.
    pub(crate) fn part(records: Vec<Record>) -> Self {
        let (mut bytes, mut header_bytes) = (0, 0);
        for record in &records {
            bytes += (record.key.as_ref().len() + record.value.len()) as u64;
            header_bytes += record.headers.encoded().len() as u64;
        }
        Self {
            records,
            bytes: bytes + header_bytes,
            header_bytes,
        }
    }

    /// The records, in the order of their sequences to come.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// How many records there are; never 0.
    pub fn count(&self) -> u64 {
        self.records.len() as u64
    }

    /// Bytes of all keys, values and headers together; of the headers, as they are stored.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Bytes of all headers together, as they are stored. Keys and values are slices of what they arrived in, headers are not.
    pub fn header_bytes(&self) -> u64 {
        self.header_bytes
    }
}

/// Identifies a session among those of a store: requests that are sent one behind the other, and are applied in that order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionId(u64);

impl SessionId {
    /// The session with this number.
    pub fn new(number: u64) -> Self {
        Self(number)
    }
}

/// A request to append: the records, their preconditions, the producer, and cursors that move with the records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Append {
    batch: Batch,
    preconditions: Vec<Precondition>,
    producer: Option<Producer>,
    cursors: Vec<CursorMove>,
    /// Fingerprint of the records; 0 without a producer, because only producers need it.
    fingerprint: u64,
    session: Option<SessionId>,
}

impl Append {
    /// Takes `batch` for an append that is applied only if all of `preconditions` hold, and only once for `producer`.
    ///
    /// # Errors
    /// [`Error::TooLarge`] when there are more than [`MAX_PRECONDITIONS`].
    pub fn new(
        batch: Batch,
        preconditions: Vec<Precondition>,
        producer: Option<Producer>,
    ) -> Result<Self> {
        if preconditions.len() > MAX_PRECONDITIONS {
            return Err(Error::TooLarge {
                what: "number of preconditions",
                actual: preconditions.len() as u64,
                limit: MAX_PRECONDITIONS as u64,
            });
        }
        let fingerprint = match &producer {
            Some(_) => fingerprint(batch.records()),
            None => 0,
        };
        Ok(Self {
            batch,
            preconditions,
            producer,
            cursors: Vec::new(),
            fingerprint,
            session: None,
        })
    }

    /// The same append as one of a session. The sequencer applies those of one session that wait at the same time in the order in which they
    /// came, and none behind one that ends the session ([`Append::ends_session`]).
    #[must_use]
    pub fn in_session(mut self, session: SessionId) -> Self {
        self.session = Some(session);
        self
    }

    /// The session that it is of.
    pub fn session(&self) -> Option<SessionId> {
        self.session
    }

    /// Whether this `outcome` of it ends its session: see [`ends_session`].
    pub fn ends_session<T>(&self, outcome: &Result<T>) -> bool {
        ends_session(self.producer.is_some(), outcome)
    }

    /// The same append with cursors that are moved in the same commit. It is applied only if all of them can be.
    ///
    /// # Errors
    /// [`Error::TooLarge`] when there are more than [`crate::cursor::MAX_MOVES`], [`Error::Invalid`] when two are of the same cursor.
    pub fn with_cursors(mut self, cursors: Vec<CursorMove>) -> Result<Self> {
        check_moves(&cursors)?;
        self.cursors = cursors;
        Ok(self)
    }

    /// The same records, preconditions and cursors, taken apart.
    pub(crate) fn into_contents(self) -> (Vec<Record>, Vec<Precondition>, Vec<CursorMove>) {
        (self.batch.records, self.preconditions, self.cursors)
    }

    /// An append of so much of another one, which has no producer.
    pub(crate) fn of_contents(
        (records, preconditions, cursors): (Vec<Record>, Vec<Precondition>, Vec<CursorMove>),
    ) -> Self {
        Self {
            batch: Batch::part(records),
            preconditions,
            producer: None,
            cursors,
            fingerprint: 0,
            session: None,
        }
    }

    /// The records.
    pub fn batch(&self) -> &Batch {
        &self.batch
    }

    /// The preconditions. They are checked against all earlier appends.
    pub fn preconditions(&self) -> &[Precondition] {
        &self.preconditions
    }

    /// Moves of cursors. Their positions are at most the end of the log with these records.
    pub fn cursors(&self) -> &[CursorMove] {
        &self.cursors
    }

    /// The producer, if the request names one.
    pub fn producer(&self) -> Option<&Producer> {
        self.producer.as_ref()
    }

    /// Tells the records of one request of a producer from those of another. See [`Fingerprint`].
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// The number of items that its commit processes: records, preconditions and cursors.
    pub fn work(&self) -> u64 {
        self.batch.count() + (self.preconditions.len() + self.cursors.len()) as u64
    }

    /// Memory overhead in addition to the keys, values and headers of its records, in bytes.
    pub fn bookkeeping(&self) -> u64 {
        let keys = self.preconditions.iter().map(|p| p.key.as_ref().len());
        let preconditions = size_of_val(&self.preconditions[..]) + keys.sum::<usize>();
        let names = self.cursors.iter().map(|moved| moved.name.as_str().len());
        let cursors = size_of_val(&self.cursors[..]) + names.sum::<usize>();
        (size_of_val(self.batch.records()) + preconditions + cursors) as u64
    }
}

/// Whether the outcome of a request ends its session, so that nothing behind it is applied: the request of a producer failed, and later ones
/// may build on it; or it is not known whether a request was applied, and it may still be, behind later ones. That it was applied before is
/// no failure, even if its result is no longer known.
pub fn ends_session<T>(of_producer: bool, outcome: &Result<T>) -> bool {
    match outcome {
        Ok(_) => false,
        Err(Error::OutcomeUnknown { .. }) => true,
        Err(Error::Rejected(why)) if **why == Rejection::SequenceTooOld => false,
        Err(_) => of_producer,
    }
}

/// An append without preconditions, producer and cursors.
impl From<Batch> for Append {
    fn from(batch: Batch) -> Self {
        Self {
            batch,
            preconditions: Vec::new(),
            producer: None,
            cursors: Vec::new(),
            fingerprint: 0,
            session: None,
        }
    }
}

fn fingerprint(records: &[Record]) -> u64 {
    let mut fingerprint = Fingerprint::default();
    let mut previous: Option<&Record> = None;
    for record in records {
        if previous.is_some_and(|previous| previous.key == record.key) {
            fingerprint.repeat_key();
        } else {
            fingerprint.add(record.key.as_ref());
        }
        previous = Some(record);
        fingerprint.add(&record.value);
        if !record.headers.is_empty() {
            fingerprint.add_headers(record.headers.encoded());
        }
    }
    fingerprint.get()
}

/// That a key has no record at or above a sequence.
///
/// The sequence is the `next_sequence` of a read of the key, which makes read, decide and append an optimistic
/// transaction. 0 means that the key has no record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Precondition {
    /// The key. The append need not write to it.
    pub key: Key,
    /// No record of the key has this sequence or a higher one.
    pub no_record_since: Sequence,
}

/// When an append is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Once it is readable on this server. A crash can lose it; a graceful stop does not.
    Applied,
    /// Once it is on object storage. A crash or takeover does not lose it.
    Durable,
}

/// The result of an append: its records have the sequences `start .. start + count`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// Sequence of the first record.
    pub start: Sequence,
    /// How many records; they have consecutive sequences in the order of the request.
    pub count: u64,
    /// Whether the request is a duplicate: this is the result of the first one, and nothing was applied now.
    pub duplicate: bool,
}

impl Appended {
    /// The sequence after the last record.
    pub fn end(&self) -> Sequence {
        self.start.plus(self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_ends_with_a_failed_request_of_a_producer_or_an_unknown_outcome() {
        let applied = Appended {
            start: Sequence::ZERO,
            count: 1,
            duplicate: true,
        };
        let too_old = Error::rejected(Rejection::SequenceTooOld);
        let unknown = Error::outcome_unknown("late");
        let rejected = Error::rejected(Rejection::ProducerUnknown);
        for (outcome, of_producer, otherwise) in [
            (Ok(applied), false, false),
            (Err(too_old), false, false),
            (Err(rejected), true, false),
            (Err(unknown), true, true),
        ] {
            assert_eq!(ends_session(true, &outcome), of_producer, "{outcome:?}");
            assert_eq!(ends_session(false, &outcome), otherwise, "{outcome:?}");
        }
    }
}
