//! What readers ask for.

use std::time::Duration;

use bytes::Bytes;

use crate::{Error, Limits, Result, Selection, Sequence};

/// Which records a reader sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Visibility {
    /// All applied records, so that a client reads its own writes. A crash can lose the newest ones.
    #[default]
    Memory,
    /// Only records on object storage: a record that was read once is never lost.
    Durable,
}

/// The tip and the durable watermark. Both are exclusive: the sequence after the last record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Watermarks {
    /// Everything below was applied and can be read with [`Visibility::Memory`].
    pub tip: Sequence,
    /// Everything below is on object storage. Never above `tip`.
    pub durable: Sequence,
}

impl Watermarks {
    /// The watermark that bounds reads with this visibility.
    pub fn visible(&self, visibility: Visibility) -> Sequence {
        match visibility {
            Visibility::Memory => self.tip,
            Visibility::Durable => self.durable,
        }
    }
}

/// Sequences `start .. end`, `end` not included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SequenceRange {
    start: Sequence,
    end: Sequence,
}

impl SequenceRange {
    /// The whole log.
    pub const ALL: Self = Self {
        start: Sequence::ZERO,
        end: Sequence::MAX,
    };

    /// The range `start .. end`; empty when they are equal.
    ///
    /// # Errors
    /// [`Error::Invalid`] when `start` is above `end`.
    pub fn new(start: Sequence, end: Sequence) -> Result<Self> {
        if start > end {
            return Err(Error::invalid(format!(
                "start_seq ({start}) must not be greater than end_seq ({end})"
            )));
        }
        Ok(Self { start, end })
    }

    /// The first sequence that belongs to it.
    pub fn start(&self) -> Sequence {
        self.start
    }

    /// The first sequence after it.
    pub fn end(&self) -> Sequence {
        self.end
    }

    /// The same end, from `start` on; empty if that is beyond the end.
    pub fn starting_at(&self, start: Sequence) -> Self {
        Self {
            start: start.min(self.end),
            end: self.end,
        }
    }

    /// The part of it that a log with this floor still has.
    pub fn above(&self, floor: Sequence) -> Self {
        self.starting_at(self.start.max(floor))
    }

    /// What a reader of this range must be told in a log with this floor: the floor, if a part of the range is below.
    pub fn trimmed_before(&self, floor: Sequence) -> Option<Sequence> {
        (self.start < floor.min(self.end)).then_some(floor)
    }
}

/// How much one answer may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageLimit {
    /// Records, at least 1.
    pub records: usize,
    /// Bytes as encoded in the answer. One record is answered even if it alone is larger.
    pub bytes: usize,
    /// How long it is read for; then it has what was found. Each page gets further than the one before, however short this is. A store
    /// that reads nothing from elsewhere takes no notice. `None`: as long as it takes.
    pub time: Option<Duration>,
}

impl PageLimit {
    /// What the client asked for, capped by what the server allows.
    ///
    /// # Errors
    /// [`Error::Invalid`] when `records` is 0.
    pub fn new(records: u64, limits: &Limits) -> Result<Self> {
        if records == 0 {
            return Err(Error::invalid("limit must be at least 1"));
        }
        Ok(Self {
            records: usize::try_from(records)
                .unwrap_or(usize::MAX)
                .min(limits.page_records),
            bytes: limits.page_bytes,
            time: Some(limits.page_time),
        })
    }
}

/// Which records of a range a page has, if it cannot have all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Side {
    /// The first ones.
    #[default]
    Oldest,
    /// The last ones. Only for one key.
    Newest,
}

/// Records of one key or of several, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scan {
    /// The keys to read.
    pub selection: Selection,
    /// The sequences to read.
    pub range: SequenceRange,
    /// Skip the records before the first one that was appended at or after this time (Unix ms).
    pub start_time_ms: Option<i64>,
    /// Page size.
    pub limit: PageLimit,
    /// Which end of the range the page is at.
    pub side: Side,
    /// Which records are visible.
    pub visibility: Visibility,
}

/// Distinct keys in byte order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeysQuery {
    /// First segment to look in.
    pub start_segment: u32,
    /// First segment not to look in.
    pub end_segment: u32,
    /// Only keys that begin with this; empty for all.
    pub prefix: Bytes,
    /// Only keys after this one; where the page before ended.
    pub start_after: Option<Bytes>,
    /// Page size; bytes are those of the keys.
    pub limit: PageLimit,
}
