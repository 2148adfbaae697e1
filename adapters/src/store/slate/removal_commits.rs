//! Removals: what the writer does between two groups.

use log_domain::sequencer::Sequencer;
use log_domain::{Key, Result};

use super::queue::PendingRemoval;
use super::writer::Writer;

impl Writer {
    /// Takes a step of a removal. What comes after it does not wait until it is durable.
    pub(super) async fn remove(&mut self, pending: PendingRemoval) {
        self.sequencer.durable(self.shared.durable_with_floor());
        // Its answers are read, unless the store stops.
        match pending {
            PendingRemoval::Watch(keys, first_left, reply) => {
                let _ = reply.send(self.sequencer.watch(&keys, first_left));
            }
            PendingRemoval::Rows(doomed, reply) => {
                let plan = |sequencer: &mut Sequencer| sequencer.plan_removal(&doomed);
                let _ = reply.send(self.take_all_of_rows(plan).await);
            }
            PendingRemoval::Segments(ids, first_left, reply) => {
                let plan = |sequencer: &mut Sequencer| {
                    let step = sequencer.plan_removal_of_segments(&ids, first_left);
                    step.map(Some)
                };
                let _ = reply.send(self.take_all(plan).await);
            }
            PendingRemoval::WatchDeleted(keys, reply) => {
                self.sequencer.watch_deleted(&keys);
                let _ = reply.send(Ok(()));
            }
            PendingRemoval::Unlist(unlisted, reply) => {
                let plan = |sequencer: &mut Sequencer| sequencer.plan_unlisting(&unlisted);
                let _ = reply.send(self.take_all_of_rows(plan).await);
            }
            PendingRemoval::Purged(floors, reply) => {
                let plan = |sequencer: &mut Sequencer| sequencer.plan_purged(&floors);
                let _ = reply.send(self.take_all(plan).await);
            }
            PendingRemoval::KeyFloors(keys, purges, reply) => {
                let _ = reply.send(self.remove_key_floors(&keys, purges).await);
            }
        }
    }

    async fn remove_key_floors(&mut self, keys: &[Key], purges: u64) -> Result<()> {
        self.take_all(|sequencer| match purges == sequencer.purges() {
            true => sequencer.plan_forgotten(keys.to_vec()),
            // A purge may have left a row with a higher floor than was read. They are found again the next time.
            false => Ok(None),
        })
        .await
    }
}
