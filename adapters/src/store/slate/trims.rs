//! Trims: what the writer does between two groups.

use log_domain::sequencer::{Floor, TrimStep};
use log_domain::{Error, Result, Trim};

use super::durable_answers::{Answer, Waiter};
use super::queue::PendingTrim;
use super::writer::{Outcome, Writer};

impl Writer {
    /// Writes the floor that a trim asks for. It is answered once that is durable; what comes after it does not wait for it.
    pub(super) async fn trim(&mut self, pending: PendingTrim) {
        match self.write_floor(pending.trim).await {
            Ok(floor) if floor.rests_on > self.shared.durable() => {
                self.shared.wait_durable(Waiter {
                    rests_on: floor.rests_on,
                    answer: Answer::Trimmed(floor.sequence, pending.reply),
                    permits: pending.permits,
                });
            }
            Ok(floor) => pending.answer(Ok(floor.sequence)),
            Err(failure) => pending.answer(Err(failure)),
        }
    }

    /// Does what the sequencer says until the floor is written.
    async fn write_floor(&mut self, trim: Trim) -> Result<Floor> {
        self.sequencer.durable(self.shared.durable());
        let segments = self.shared.segments();
        let now_ms = self.clock.now_ms();
        loop {
            let step = match self.sequencer.plan_trim(trim, &segments, now_ms)? {
                TrimStep::Written(floor) => {
                    self.shared.floor_written(floor.sequence, floor.rests_on);
                    return Ok(floor);
                }
                TrimStep::Do(step) => step,
            };
            let taken = self.take(step).await;
            match taken.map_err(|failure| self.refusal(failure))? {
                Some(Outcome {
                    written: Err(Error::OutcomeUnknown { .. }),
                    ..
                }) => return Err(self.shared.trim_unknown()),
                Some(Outcome {
                    written: Err(refused),
                    ..
                }) => return Err(self.refusal(refused)),
                Some(_) | None => {}
            }
        }
    }

    /// What a trim is told when nothing of it was written, because of a failure before.
    fn refusal(&self, failure: Error) -> Error {
        match self.shared.stopped() {
            Some(_) => self.shared.trim_refusal(),
            None => failure,
        }
    }
}
