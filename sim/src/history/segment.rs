//! What readers are told of segments.

use serde::Serialize;

/// A segment as a reader saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct SegmentSeen {
    /// Its number.
    pub id: u32,
    /// The first sequence that can be in it.
    pub start: u64,
    /// When it began (Unix ms).
    pub start_time_ms: i64,
}
