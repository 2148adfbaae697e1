//! Removals: what the writer does between two groups.

use log_domain::sequencer::{Doomed, Unlisted};
use log_domain::{Key, KeyFloor, Result, Segment, SegmentId};

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
                let _ = reply.send(self.remove_rows(&doomed).await);
            }
            PendingRemoval::Segments(ids, first_left, reply) => {
                let _ = reply.send(self.remove_segments(&ids, first_left).await);
            }
            PendingRemoval::WatchDeleted(keys, reply) => {
                self.sequencer.watch_deleted(&keys);
                let _ = reply.send(Ok(()));
            }
            PendingRemoval::Unlist(unlisted, reply) => {
                let _ = reply.send(self.unlist(&unlisted).await);
            }
            PendingRemoval::Purged(floors, reply) => {
                let _ = reply.send(self.remove_purged(&floors).await);
            }
            PendingRemoval::KeyFloors(keys, purges, reply) => {
                let _ = reply.send(self.remove_key_floors(&keys, purges).await);
            }
        }
    }

    async fn remove_rows(&mut self, doomed: &[Doomed]) -> Result<Vec<Key>> {
        loop {
            let planned = self.sequencer.plan_removal(doomed)?;
            let Some(step) = planned.step else {
                return Ok(planned.again);
            };
            if let Some(outcome) = self.take(step).await? {
                return outcome.written.map(|()| planned.again);
            }
        }
    }

    async fn remove_segments(&mut self, ids: &[SegmentId], first_left: Segment) -> Result<()> {
        loop {
            let step = self.sequencer.plan_removal_of_segments(ids, first_left)?;
            if let Some(outcome) = self.take(step).await? {
                return outcome.written;
            }
        }
    }

    async fn unlist(&mut self, unlisted: &[Unlisted]) -> Result<Vec<Key>> {
        loop {
            let planned = self.sequencer.plan_unlisting(unlisted)?;
            let Some(step) = planned.step else {
                return Ok(planned.again);
            };
            if let Some(outcome) = self.take(step).await? {
                return outcome.written.map(|()| planned.again);
            }
        }
    }

    async fn remove_purged(&mut self, floors: &[KeyFloor]) -> Result<()> {
        while let Some(step) = self.sequencer.plan_purged(floors)? {
            if let Some(outcome) = self.take(step).await? {
                return outcome.written;
            }
        }
        Ok(())
    }

    async fn remove_key_floors(&mut self, keys: &[Key], purges: u64) -> Result<()> {
        // A purge may have left a row with a higher floor than was read. They are found again the next time.
        while purges == self.sequencer.purges()
            && let Some(step) = self.sequencer.plan_forgotten(keys.to_vec())?
        {
            if let Some(outcome) = self.take(step).await? {
                return outcome.written;
            }
        }
        Ok(())
    }
}
