//! How much is stored of each segment, and since when.

use std::collections::HashMap;

use log_domain::sequencer::EngineNumber;
use log_domain::{Segment, SegmentId, Sequence, StoredSegment};
use slatedb::VersionedManifest;
use slatedb::seq_tracker::FindOption;

use super::layout::prefix;

/// The bytes of the data files that `manifest` lists of each of these segments, which end above `floor`. What only the WAL holds so far
/// is not among them.
pub(super) fn stored(
    manifest: &VersionedManifest,
    segments: &[Segment],
    floor: Sequence,
) -> Vec<StoredSegment> {
    let listed = manifest.segments();
    let bytes: HashMap<SegmentId, u64> = listed
        .iter()
        .filter_map(|listed| Some((prefix::segment(listed.prefix())?, bytes(listed))))
        .collect();
    let with_bytes = |segment: &Segment| StoredSegment {
        segment: *segment,
        bytes: bytes.get(&segment.id).copied().unwrap_or_default(),
        oldest_ms: match segment.start < floor {
            true => not_before_ms(manifest, segment, floor),
            false => segment.start_time_ms,
        },
    };
    segments.iter().map(with_bytes).collect()
}

/// A time (Unix ms) before which the record at `floor`, in this segment, was not appended: the last one that SlateDB noted before it. It
/// notes one a minute, and leaves out every other one whenever there are 8,192: those of last month are hours apart.
fn not_before_ms(manifest: &VersionedManifest, segment: &Segment, floor: Sequence) -> i64 {
    let number = EngineNumber::of_commit(floor.plus(1)).get();
    let noted = manifest.sequence_tracker();
    let noted = noted.find_ts(number, FindOption::RoundDown);
    let noted_ms = noted.map_or(i64::MIN, |noted| noted.timestamp_millis());
    segment.start_time_ms.max(noted_ms)
}

/// The bytes of the data files of a segment.
pub(super) fn bytes(listed: &slatedb::manifest::Segment) -> u64 {
    let l0 = listed.l0().iter().map(|file| file.estimate_size());
    let runs = listed.compacted().iter().map(|run| run.estimate_size());
    l0.chain(runs).sum()
}
