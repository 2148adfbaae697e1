//! How much is stored of each segment.

use std::collections::HashMap;

use log_domain::{Segment, SegmentId, StoredSegment};
use slatedb::VersionedManifest;

use super::layout::prefix;

/// The bytes of the data files that `manifest` lists of each of these segments. A file that only the WAL holds so far is not among them.
pub(super) fn stored(manifest: &VersionedManifest, segments: &[Segment]) -> Vec<StoredSegment> {
    let listed = manifest.segments();
    let bytes: HashMap<SegmentId, u64> = listed
        .iter()
        .filter_map(|listed| Some((prefix::segment(listed.prefix())?, bytes(listed))))
        .collect();
    let with_bytes = |segment: &Segment| StoredSegment {
        segment: *segment,
        bytes: bytes.get(&segment.id).copied().unwrap_or_default(),
    };
    segments.iter().map(with_bytes).collect()
}

fn bytes(listed: &slatedb::manifest::Segment) -> u64 {
    let l0 = listed.l0().iter().map(|file| file.estimate_size());
    let runs = listed.compacted().iter().map(|run| run.estimate_size());
    l0.chain(runs).sum()
}
