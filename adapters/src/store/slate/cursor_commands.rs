//! Moves and deletions of cursors without records: what the writer does between two groups.

use log_domain::sequencer::{CursorStep, EngineNumber};
use log_domain::{Cursor, CursorCommand, Error, Result};

use super::durable_answers::{Answer, Waiter};
use super::queue::{Message, PendingCursor, Queue};
use super::shared::Shared;
use super::writer::{Outcome, Writer};

impl Queue {
    /// Queues a command about a cursor and waits for its answer, up to the deadline. Past its deadline it can still get its turn.
    pub(super) async fn cursor(
        &self,
        command: CursorCommand,
        shared: &Shared,
    ) -> Result<Option<Cursor>> {
        let bytes = command.name().as_str().len() as u64;
        let message = |reply, permits| {
            Message::Cursor(PendingCursor {
                command,
                reply,
                permits,
            })
        };
        match self.ask_for_floors(bytes, shared, message).await? {
            Ok(answer) => answer.unwrap_or_else(|_| Err(shared.cursor_unknown())),
            Err(_) => Err(Error::CursorUnknown(format!(
                "it was not acknowledged within {} ms",
                self.timeout().as_millis()
            ))),
        }
    }
}

impl Writer {
    /// Does what `pending` asks for. It is answered once that is durable; what comes after it does not wait for it.
    pub(super) async fn change_cursor(&mut self, pending: PendingCursor) {
        let PendingCursor {
            command,
            reply,
            permits,
        } = pending;
        self.sequencer.durable(self.shared.durable());
        match self.change(&command).await {
            Ok((outcome, rests_on)) if rests_on > self.shared.durable() => {
                self.shared.wait_durable(Waiter {
                    rests_on,
                    answer: Answer::OfCursor(outcome, reply),
                    permits: Some(permits),
                });
            }
            decided => {
                // A client that is gone does not need its answer.
                let _ = reply.send(decided.and_then(|(outcome, _)| outcome));
            }
        }
    }

    /// Does what the sequencer says until the change is written, or there is none to write. Returns the answer, and the write that
    /// must be durable first.
    ///
    /// # Errors
    /// The cursor was not changed, or [`Error::CursorUnknown`].
    async fn change(
        &mut self,
        command: &CursorCommand,
    ) -> Result<(Result<Option<Cursor>>, EngineNumber)> {
        let now_ms = self.clock.now_ms();
        loop {
            let (step, answer) = match self.sequencer.plan_cursor(command, now_ms)? {
                CursorStep::Answer(outcome, rests_on) => return Ok((outcome, rests_on)),
                CursorStep::Do(step, answer) => (step, answer),
            };
            let taken = self.take(step).await;
            match taken.map_err(|failure| self.refused(failure))? {
                Some(Outcome {
                    written: Err(Error::OutcomeUnknown { .. }),
                    ..
                }) => return Err(self.shared.cursor_unknown()),
                Some(Outcome {
                    written: Err(refused),
                    ..
                }) => return Err(self.refused(refused)),
                Some(Outcome { number, .. }) => return Ok((Ok(Some(answer)), number)),
                None => {}
            }
        }
    }
}
