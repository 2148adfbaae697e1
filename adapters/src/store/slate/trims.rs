//! Trims: what the writer does between two groups.

use log_domain::sequencer::{Floor, Step, TrimStep};
use log_domain::{Error, Result, Trim};

use super::durable_answers::{Answer, Waiter};
use super::queue::PendingTrim;
use super::writer::Writer;

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
        loop {
            let segments = self.shared.segments();
            let now_ms = self.clock.now_ms();
            let before = match self.sequencer.plan_trim(trim, &segments, now_ms)? {
                TrimStep::Written(floor) => return Ok(floor),
                TrimStep::Do(Step::Commit(commit)) => {
                    let sequence = commit.state.floor;
                    let outcome = self.apply(commit).await;
                    return match outcome.written {
                        Ok(()) => {
                            self.shared.floor_written(sequence, outcome.number);
                            Ok(Floor {
                                sequence,
                                rests_on: outcome.number,
                            })
                        }
                        Err(Error::OutcomeUnknown { .. }) => {
                            self.shared.stop(self.why_stopped());
                            Err(self.shared.trim_unknown())
                        }
                        Err(refused) => Err(self.refusal(refused)),
                    };
                }
                TrimStep::Do(Step::Answer(_)) => {
                    return Err(Error::internal("a trim was answered as an append"));
                }
                TrimStep::Do(Step::Reserve(metadata)) => {
                    let written = self.write_metadata(&metadata).await;
                    written.map(|()| metadata.number)
                }
                TrimStep::Do(Step::AwaitDurable(number)) => {
                    let durable = self.shared.durable_up_to(number).await;
                    durable.map(|()| number)
                }
            };
            let number = before.map_err(|failure| self.refusal(failure))?;
            self.sequencer.durable(number);
        }
    }

    /// What a trim is told of which nothing was written, because of a failure before.
    fn refusal(&self, failure: Error) -> Error {
        if matches!(failure, Error::OutcomeUnknown { .. }) {
            self.shared.stop(self.why_stopped());
        }
        match self.shared.stopped() {
            Some(_) => self.shared.trim_refusal(),
            None => failure,
        }
    }
}
