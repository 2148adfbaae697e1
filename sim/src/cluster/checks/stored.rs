//! What must be true of what partitions have stored, when nothing happens.

use crate::cluster::node::UNFLUSHED_BYTES;
use crate::cluster::record::History;

/// A partition with so many files of the WAL writes data files.
const MAX_FILES: u64 = 128;

/// When nothing happens, no compactor claims a partition: the one that has claimed it is that of the node that has it.
pub(super) fn compactors(history: &History) -> Vec<String> {
    let (Some(before), Some(after)) = (history.stored.first(), history.stored.last()) else {
        return Vec::new();
    };
    let claimed = before.iter().zip(after.values());
    let claimed =
        claimed.filter(|((_, before), after)| before.compactor_epoch != after.compactor_epoch);
    claimed
        .map(|((partition, before), after)| {
            format!(
                "compactors claimed partition {partition} {} times, and nothing happened",
                after.compactor_epoch.abs_diff(before.compactor_epoch)
            )
        })
        .collect()
}

/// When the load has ended, the partitions of a node have no more in memory together than `memory.unflushed`, and none has left many files
/// of the WAL to the next node.
pub(super) fn backlogs(history: &History) -> Vec<String> {
    let (Some(stored), Some(served)) = (history.stored.last(), history.settled.last()) else {
        return Vec::new();
    };
    let of_nodes = served.iter().filter_map(|(node, partitions)| {
        let of_node = partitions.iter().filter_map(|number| stored.get(number));
        let bytes: u64 = of_node.map(|stored| stored.bytes).sum();
        (bytes > UNFLUSHED_BYTES)
            .then(|| format!("{node} has {bytes} bytes in memory, of {UNFLUSHED_BYTES}"))
    });
    let many = stored
        .iter()
        .filter(|(_, stored)| stored.files >= MAX_FILES);
    let many = many.map(|(partition, stored)| {
        format!(
            "partition {partition} has {} files of the WAL",
            stored.files
        )
    });
    of_nodes.chain(many).collect()
}
