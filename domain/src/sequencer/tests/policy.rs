//! How the logs of these tests are written.

use super::*;

/// A table with room for a few keys only.
pub(super) const SMALL_TABLE: u64 = 1_500;

/// The defaults, with a key table of this size.
pub(super) fn policy(key_table_bytes: u64) -> Policy {
    Policy {
        seal: SealPolicy::default(),
        key_table_bytes,
        producers: ProducerPolicy::default(),
        cursors: 100,
    }
}
