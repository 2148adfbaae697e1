//! What a node shows of its cluster, of its partitions, and of all of them together.

use std::sync::Arc;

use log_adapters::http::{PartitionMap, PartitionState};
use log_adapters::store::slate::MergeSlots;
use log_adapters::telemetry::{ClusterValues, GaugeValues, Metrics, PartitionValues, StoredValues};
use log_domain::cluster::Held;
use log_domain::{Status, Watermarks};

use super::member::Member;
use super::table::Table;
use crate::log::Log;

/// Shows them in `metrics`.
pub(super) fn watch(
    metrics: &Metrics,
    table: &Arc<Table>,
    member: &Arc<Member>,
    merges: MergeSlots,
) {
    let (of, is_ready) = (Arc::clone(table), Arc::clone(member));
    metrics.watch_totals(Arc::new(move || GaugeValues {
        ready: is_ready.ready().is_ok(),
        ..totals(&of.logs())
    }));
    let of = Arc::clone(table);
    metrics.watch_stored(Arc::new(move || stored(&of.logs())));
    let of = Arc::clone(table);
    metrics.watch_cursors(Arc::new(move || {
        of.logs().iter().flat_map(|log| log.cursor_lags()).collect()
    }));
    let of = Arc::clone(table);
    metrics.watch_cluster(Arc::new(move || cluster(&of, &merges)));
    let of = Arc::clone(table);
    metrics.watch_partitions(Arc::new(move || partitions(&of)));
}

fn cluster(table: &Table, merges: &MergeSlots) -> ClusterValues {
    let known = table.status();
    let held = table.held();
    let count = |state| held.values().filter(|held| **held == state).count() as u64;
    let unserved = known.partitions.iter();
    let unserved = unserved.filter(|partition| partition.state == PartitionState::Unserved);
    ClusterValues {
        nodes: known.nodes.iter().filter(|node| node.alive).count() as u64,
        opening: count(Held::Opening),
        serving: count(Held::Serving),
        closing: count(Held::Closing),
        unserved: unserved.count() as u64,
        heartbeat_age: table.heartbeat_age(),
        merges_running: merges.running() as u64,
        merges_waiting: merges.waiting() as u64,
    }
}

fn partitions(table: &Table) -> Vec<PartitionValues> {
    let served = table.served().into_iter();
    let values = served.map(|(partition, log)| {
        let Watermarks { tip, durable } = log.service().watermarks();
        PartitionValues {
            partition: partition.number(),
            tip: tip.get(),
            durable: durable.get(),
            bytes: log.stored().bytes,
        }
    });
    values.collect()
}

fn totals(logs: &[Arc<Log>]) -> GaugeValues {
    let values = logs.iter().map(|log| log.gauges());
    values.fold(GaugeValues::default(), |sum, next| GaugeValues {
        status: Status {
            watermarks: Watermarks {
                tip: sum
                    .status
                    .watermarks
                    .tip
                    .plus(next.status.watermarks.tip.get()),
                durable: sum
                    .status
                    .watermarks
                    .durable
                    .plus(next.status.watermarks.durable.get()),
            },
            durable_lag: sum.status.durable_lag.max(next.status.durable_lag),
            queued_requests: sum.status.queued_requests + next.status.queued_requests,
            queued_bytes: sum.status.queued_bytes + next.status.queued_bytes,
            segments: sum.status.segments + next.status.segments,
            dead_segments: sum.status.dead_segments + next.status.dead_segments,
            purges: sum.status.purges + next.status.purges,
            oldest_purge: sum.status.oldest_purge.max(next.status.oldest_purge),
            cursors: sum.status.cursors + next.status.cursors,
            ..sum.status
        },
        followers: sum.followers + next.followers,
        writes_fail: sum.writes_fail.max(next.writes_fail),
        ..sum
    })
}

fn stored(logs: &[Arc<Log>]) -> StoredValues {
    let values = logs.iter().map(|log| log.stored());
    values.fold(StoredValues::default(), |sum, next| StoredValues {
        bytes: sum.bytes + next.bytes,
        oldest_segment: sum.oldest_segment.max(next.oldest_segment),
        oldest_record: sum.oldest_record.max(next.oldest_record),
    })
}
