//! Trims and deletions: what the writer does between two groups to raise a floor.

use log_domain::sequencer::{DeletionStep, Floor, FloorStep};
use log_domain::{Deletion, Error, Result, Sequence, Trim};

use super::durable_answers::{Answer, Waiter};
use super::queue::{FloorRequest, PendingFloor};
use super::writer::{Outcome, Writer};

impl Writer {
    /// Writes the floor that is asked for. It is answered once that is durable; what comes after it does not wait for it.
    pub(super) async fn raise(&mut self, pending: PendingFloor) {
        let PendingFloor {
            request,
            reply,
            permits,
        } = pending;
        self.sequencer.durable(self.shared.durable());
        let written = match &request {
            FloorRequest::Trim(trim) => self.write_floor(*trim).await,
            FloorRequest::Delete(deletion, stored) => self.delete(deletion, *stored).await,
        };
        match written {
            Ok(floor) if floor.rests_on > self.shared.durable() => {
                self.shared.wait_durable(Waiter {
                    rests_on: floor.rests_on,
                    answer: Answer::Raised(floor.sequence, request.kind(), reply),
                    permits: Some(permits),
                });
            }
            outcome => {
                // A client that is gone does not need its answer.
                let _ = reply.send(outcome.map(|floor| floor.sequence));
            }
        }
    }

    /// Does what the sequencer says until the floor of the log is written.
    async fn write_floor(&mut self, trim: Trim) -> Result<Floor> {
        let segments = self.shared.segments();
        let now_ms = self.clock.now_ms();
        loop {
            match self.sequencer.plan_trim(trim, &segments, now_ms)? {
                FloorStep::Written(floor) => {
                    self.shared.floor_written(floor.sequence, floor.rests_on);
                    return Ok(floor);
                }
                FloorStep::Do(step) => {
                    let taken = self.take(step).await;
                    self.told(taken, |shared| shared.trim_unknown())?;
                }
            }
        }
    }

    /// Does what the sequencer says until the floor of a key is written.
    async fn delete(&mut self, deletion: &Deletion, stored: (Sequence, u64)) -> Result<Floor> {
        let now_ms = self.clock.now_ms();
        let mut stored = stored;
        loop {
            match self.sequencer.plan_deletion(deletion, stored, now_ms)? {
                DeletionStep::Floor(FloorStep::Written(floor)) => return Ok(floor),
                DeletionStep::Floor(FloorStep::Do(step)) => {
                    let taken = self.take(step).await;
                    self.told(taken, |shared| shared.deletion_unknown())?;
                }
                // The key was purged since it was read: seldom enough to have everything wait.
                DeletionStep::ReadAgain => {
                    let purges = self.sequencer.purges();
                    let floors = &self.shared.key_floors;
                    stored = (floors.stored(&self.db, &deletion.key).await?, purges);
                }
            }
        }
    }

    /// What is told of a step that failed.
    fn told(
        &self,
        taken: Result<Option<Outcome>>,
        unknown: impl Fn(&super::shared::Shared) -> Error,
    ) -> Result<()> {
        match taken.map_err(|failure| self.refused(failure))? {
            Some(Outcome {
                written: Err(Error::OutcomeUnknown { .. }),
                ..
            }) => Err(unknown(&self.shared)),
            Some(Outcome {
                written: Err(refused),
                ..
            }) => Err(self.refused(refused)),
            Some(_) | None => Ok(()),
        }
    }

    /// What is told when nothing was written, because of a failure before.
    pub(super) fn refused(&self, failure: Error) -> Error {
        match self.shared.stopped() {
            Some(_) => self.shared.floor_refusal(),
            None => failure,
        }
    }
}
