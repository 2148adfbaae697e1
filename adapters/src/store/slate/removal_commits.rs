//! Removals: what the writer does between two groups.

use log_domain::sequencer::{Doomed, Step};
use log_domain::{Error, Key, Result, Segment, SegmentId};

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
        }
    }

    async fn remove_rows(&mut self, doomed: &[Doomed]) -> Result<Vec<Key>> {
        loop {
            let planned = self.sequencer.plan_removal(doomed)?;
            let Some(step) = planned.step else {
                return Ok(planned.again);
            };
            if self.take(step).await? {
                return Ok(planned.again);
            }
        }
    }

    async fn remove_segments(&mut self, ids: &[SegmentId], first_left: Segment) -> Result<()> {
        loop {
            let step = self.sequencer.plan_removal_of_segments(ids, first_left)?;
            if self.take(step).await? {
                return Ok(());
            }
        }
    }

    /// Takes a step towards a commit without records. Returns whether it was the commit; else plan again.
    async fn take(&mut self, step: Step<'static>) -> Result<bool> {
        let written = match step {
            Step::Commit(commit) => self.apply(commit).await.written.map(|()| true),
            Step::Reserve(metadata) => {
                let written = self.write_metadata(&metadata).await;
                written.map(|()| {
                    self.sequencer.durable(metadata.number);
                    false
                })
            }
            Step::AwaitDurable(number) => {
                self.shared.durable_up_to(number).await?;
                self.sequencer.durable(number);
                Ok(false)
            }
            Step::Answer(_) => Err(Error::internal("a removal was answered as an append")),
        };
        if matches!(written, Err(Error::OutcomeUnknown { .. })) {
            // The engine refused a write: what it holds is no longer known, so nothing may follow.
            self.shared.stop(self.why_stopped());
        }
        written
    }
}
