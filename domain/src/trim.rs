//! Trims of the log. A trim raises the *floor* of the log: below it, nothing is read any more.

use std::time::Duration;

use crate::{Error, Result, Segment, Sequence};

/// What is no longer to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trim {
    /// Everything below this sequence, which is at most the tip.
    BeforeSequence(Sequence),
    /// Nothing that was appended at or after this time (Unix ms), which is not in the future, and of the rest what whole
    /// segments hold: see [`Trim::floor`].
    BeforeTime(i64),
}

/// How far a log reaches, as far as a trim must know.
#[derive(Debug, Clone, Copy)]
pub struct Extent<'a> {
    /// All segments, in order.
    pub segments: &'a [Segment],
    /// The sequence that the next record gets.
    pub tip: Sequence,
    /// When the last record was appended (Unix ms). Append times never decrease.
    pub last_time_ms: i64,
    /// The time now (Unix ms).
    pub now_ms: i64,
}

impl Trim {
    /// Of what is older than `age` at `now_ms` (Unix ms).
    pub(crate) fn older_than(age: Duration, now_ms: i64) -> Self {
        let age_ms = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
        Self::BeforeTime(now_ms.saturating_sub(age_ms))
    }

    /// The floor that it asks for. Where a time lies within a segment is not stored, so for a time this is the start of
    /// the last segment that began before it; or the tip, if all records are older.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a sequence beyond the tip or a time in the future.
    pub fn floor(self, log: Extent<'_>) -> Result<Sequence> {
        let Extent {
            segments,
            tip,
            last_time_ms,
            now_ms,
        } = log;
        match self {
            Self::BeforeSequence(before) if before > tip => Err(beyond(before, tip)),
            Self::BeforeSequence(before) => Ok(before),
            Self::BeforeTime(time) if time > now_ms.max(last_time_ms) => {
                Err(in_the_future(time, now_ms.max(last_time_ms)))
            }
            Self::BeforeTime(time) if time > last_time_ms => Ok(tip),
            Self::BeforeTime(time) => {
                let began = segments.partition_point(|segment| segment.start_time_ms < time);
                let last = began.checked_sub(1).and_then(|last| segments.get(last));
                Ok(last.map_or(Sequence::ZERO, |segment| segment.start))
            }
        }
    }
}

/// The refusal of a trim beyond the tip.
pub(crate) fn beyond(before: Sequence, tip: Sequence) -> Error {
    Error::invalid(format!(
        "beforeSequence ({before}) must not be beyond the end of the log, {tip}: send at most {tip}"
    ))
}

/// The refusal of a trim of what is later than now.
pub(crate) fn in_the_future(time: i64, now_ms: i64) -> Error {
    Error::invalid(format!(
        "beforeTimeMs ({time}) must not be in the future: send at most {now_ms}, the time of the server in milliseconds \
         since the Unix epoch"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_trims_whole_segments_and_nothing_of_that_time() {
        let segments: Vec<Segment> = [(1, 0, 100), (2, 5, 200), (3, 9, 300)]
            .map(|(id, start, start_time_ms)| Segment {
                id,
                start: Sequence::new(start),
                start_time_ms,
            })
            .into();
        let log = Extent {
            segments: &segments,
            tip: Sequence::new(12),
            last_time_ms: 320,
            now_ms: 400,
        };
        for (time, floor) in [
            (i64::MIN, Some(0)),
            (100, Some(0)),
            (200, Some(0)),
            (201, Some(5)),
            (300, Some(5)),
            (320, Some(9)),
            (321, Some(12)),
            (400, Some(12)),
            (401, None),
        ] {
            let found = Trim::BeforeTime(time).floor(log).ok();
            assert_eq!(found.map(Sequence::get), floor, "{time}");
        }
        let stepped_back = Extent { now_ms: 0, ..log };
        assert!(Trim::BeforeTime(320).floor(stepped_back).is_ok());
        assert!(Trim::BeforeTime(321).floor(stepped_back).is_err());
    }
}
