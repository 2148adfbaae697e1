//! Idempotent producers: each request is applied exactly once, even if it is retried.

use std::sync::Arc;
use std::time::Duration;

use crate::{Error, Result, Sequence};

/// Requests of a producer whose answers are kept.
pub const RECENT: usize = 5;
/// A producer that wrote within this time is not evicted to make room for another one (ms).
pub const BUSY_MS: i64 = 60_000;
/// Length of a producer's name, in bytes.
const MAX_ID_BYTES: usize = 128;

/// The name of a producer: 1 to 128 bytes of UTF-8.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProducerId(Arc<str>);

impl ProducerId {
    /// Checks a name.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it is empty, [`Error::TooLarge`] when it is longer than 128 bytes.
    pub fn parse(id: &str) -> Result<Self> {
        if id.is_empty() {
            return Err(Error::invalid(
                "producer.id is empty: a producer needs a name, for example a random UUID",
            ));
        }
        if id.len() > MAX_ID_BYTES {
            return Err(Error::TooLarge {
                what: "producer.id in bytes",
                actual: id.len() as u64,
                limit: MAX_ID_BYTES as u64,
            });
        }
        Ok(Self(id.into()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The producer of a request, and the request's number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Producer {
    /// Its name.
    pub id: ProducerId,
    /// The epoch of the producer instance. A higher epoch fences the lower ones.
    pub epoch: u64,
    /// The number of the request in its epoch, from 0. Below [`u64::MAX`].
    pub sequence: u64,
}

impl Producer {
    /// Checks the parts.
    ///
    /// # Errors
    /// As [`ProducerId::parse`]; [`Error::Invalid`] when `sequence` is [`u64::MAX`], after which there is none.
    pub fn parse(id: &str, epoch: u64, sequence: u64) -> Result<Self> {
        if sequence == u64::MAX {
            return Err(Error::invalid(
                "producer.sequence must be below 18446744073709551615: begin with 0 in each epoch",
            ));
        }
        let id = ProducerId::parse(id)?;
        Ok(Self {
            id,
            epoch,
            sequence,
        })
    }
}

/// Expiry time and maximum number of producers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProducerPolicy {
    /// A producer without a request for this long expires.
    pub expire_after: Duration,
    /// Maximum number of producers. A new one above it evicts the longest idle one, unless all of them wrote within
    /// the last minute.
    pub limit: usize,
}

impl Default for ProducerPolicy {
    fn default() -> Self {
        Self {
            expire_after: Duration::from_secs(7 * 24 * 60 * 60),
            limit: 100_000,
        }
    }
}

impl ProducerPolicy {
    /// Whether a producer last used at `last_used_ms` has expired at `now_ms`.
    pub fn has_expired(&self, last_used_ms: i64, now_ms: i64) -> bool {
        now_ms.saturating_sub(last_used_ms).max(0) as u128 >= self.expire_after.as_millis()
    }
}

/// The stored state of a producer. It is written atomically with its records, so it is exactly as durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProducerState {
    /// Its epoch.
    pub epoch: u64,
    /// The sequence of its next request.
    pub next: u64,
    /// When its last request was applied (Unix ms).
    pub last_used_ms: i64,
    /// Its last requests.
    pub recent: Recent,
}

/// A request of a producer that was applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AppliedRequest {
    /// Sequence of its first record.
    pub start: Sequence,
    /// How many records it had.
    pub count: u64,
    /// Their [fingerprint](crate::fingerprint::Fingerprint).
    pub fingerprint: u64,
}

/// The last requests of a producer, up to [`RECENT`]. Their sequences are consecutive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Recent {
    requests: [AppliedRequest; RECENT],
    count: u8,
}

impl Recent {
    /// Adds the newest; the oldest is dropped if there is no room.
    pub fn push(&mut self, request: AppliedRequest) {
        if usize::from(self.count) == RECENT {
            self.requests.rotate_left(1);
        } else {
            self.count += 1;
        }
        self.requests[usize::from(self.count) - 1] = request;
    }

    /// All of them, the oldest first.
    pub fn as_slice(&self) -> &[AppliedRequest] {
        &self.requests[..usize::from(self.count)]
    }

    /// The one that is `back` requests before the next: 1 is the newest.
    pub fn back(&self, back: u64) -> Option<&AppliedRequest> {
        let count = u64::from(self.count);
        (1..=count)
            .contains(&back)
            .then(|| &self.requests[(count - back) as usize])
    }

    /// The sequence after all of them.
    pub fn end(&self) -> Sequence {
        self.back(1)
            .map_or(Sequence::ZERO, |newest| newest.start.plus(newest.count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_five_requests_are_kept() {
        let mut recent = Recent::default();
        assert_eq!(recent.back(1), None);
        for number in 0..8 {
            recent.push(AppliedRequest {
                start: Sequence::new(number * 10),
                count: 2,
                fingerprint: number,
            });
        }
        let kept: Vec<u64> = recent.as_slice().iter().map(|r| r.fingerprint).collect();
        assert_eq!(kept, [3, 4, 5, 6, 7]);
        assert_eq!(recent.back(5).map(|r| r.fingerprint), Some(3));
        assert_eq!((recent.back(0), recent.back(6)), (None, None));
        assert_eq!(recent.end(), Sequence::new(72));
    }

    #[test]
    fn names_and_sequences_have_limits() {
        assert!(matches!(Producer::parse("", 0, 0), Err(Error::Invalid(_))));
        let long = "a".repeat(129);
        assert!(matches!(
            Producer::parse(&long, 0, 0),
            Err(Error::TooLarge { .. })
        ));
        assert!(Producer::parse(&long[..128], 0, u64::MAX - 1).is_ok());
        assert!(matches!(
            Producer::parse("a", 0, u64::MAX),
            Err(Error::Invalid(_))
        ));
    }
}
