//! The latest timestamp in the id of any data file (SST) or compaction.

use std::sync::Arc;

use log_domain::Result;
use object_store::ObjectStore;
use slatedb::admin::Admin;

use super::error;

/// The latest time (Unix ms) in the name of a data file or of a compaction that the log at `path` knows of; the
/// beginning of time for a new log.
///
/// SlateDB names both by the time, and stops as failed when a new name is before an old one. Files are also written without
/// appends, so the last commit does not bound the clock of the previous server.
pub(super) async fn latest_ms(objects: &Arc<dyn ObjectStore>, path: &str) -> Result<i64> {
    let admin = Admin::builder(path, Arc::clone(objects)).build();
    let (manifest, compactions) =
        futures::try_join!(admin.read_manifest(None), admin.read_compactions(None))
            .map_err(error::read)?;
    let mut latest = None;
    if let Some(manifest) = manifest {
        let files = manifest.all_sst_views();
        let times = files.flat_map(|file| [file.id, file.sst.id.value()]);
        let compacted = [
            manifest.last_compacted_l0_sst_view_id(),
            manifest.last_compacted_l0_sst_id(),
        ];
        let of_segments = manifest.segments().iter().flat_map(|segment| {
            [
                segment.last_compacted_l0_sst_view_id(),
                segment.last_compacted_l0_sst_id(),
            ]
        });
        let gone = compacted.into_iter().chain(of_segments).flatten();
        latest = times.chain(gone).map(|id| id.timestamp_ms()).max();
    }
    if let Some(compactions) = compactions {
        for compaction in compactions.recent_compactions() {
            let outputs = compaction.output_ssts();
            let times = outputs.iter().map(|file| file.id.value().timestamp_ms());
            let times = times.chain([compaction.id().timestamp_ms()]);
            latest = latest.max(times.max());
        }
    }
    Ok(latest
        .and_then(|ms| i64::try_from(ms).ok())
        .unwrap_or(i64::MIN))
}
