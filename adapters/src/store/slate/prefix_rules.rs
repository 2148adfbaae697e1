//! Retention rules for prefixes: what the writer does between two groups to raise the floors of prefixes.

use log_domain::sequencer::{EngineNumber, Step};
use log_domain::{Error, PrefixFloor, PrefixRules, Result};

use super::durable_answers::{Answer, Waiter};
use super::queue::{Message, PendingRules, Queue};
use super::shared::Shared;
use super::writer::Writer;

impl Queue {
    /// Queues `rules` and waits for the floors that they raise, up to the deadline. Past its deadline they can still get their turn.
    pub(super) async fn apply_rules(
        &self,
        rules: PrefixRules,
        shared: &Shared,
    ) -> Result<Vec<PrefixFloor>> {
        let message = |reply, permits| {
            Message::Rules(PendingRules {
                rules,
                reply,
                permits,
            })
        };
        match self.ask_for_floors(0, shared, message).await? {
            Ok(answer) => answer.unwrap_or_else(|_| Err(shared.trim_unknown())),
            Err(_) => Err(Error::unavailable(format!(
                "the floors of prefixes were not durable within {} ms",
                self.timeout().as_millis()
            ))),
        }
    }
}

impl Writer {
    /// Writes the floors that are due. They are answered once they are durable; what comes after them does not wait for it.
    pub(super) async fn apply_rules(&mut self, pending: PendingRules) {
        let PendingRules {
            rules,
            reply,
            permits,
        } = pending;
        self.sequencer.durable(self.shared.durable_with_floor());
        match self.raise_prefixes(&rules).await {
            Ok((raised, rests_on)) if rests_on > self.shared.durable() => {
                self.shared.wait_durable(Waiter {
                    rests_on,
                    answer: Answer::OfPrefixes(raised, reply),
                    permits: Some(permits),
                });
            }
            outcome => {
                // Who asked may be gone.
                let _ = reply.send(outcome.map(|(raised, _)| raised));
            }
        }
    }

    /// Does what the sequencer says until all floors are written that are due, and says in which write.
    async fn raise_prefixes(
        &mut self,
        rules: &PrefixRules,
    ) -> Result<(Vec<PrefixFloor>, EngineNumber)> {
        let segments = self.shared.segments();
        let first = segments.first().copied();
        // First, so that there is room.
        self.take_all(|sequencer| sequencer.plan_forgotten_prefixes(first))
            .await?;
        let now_ms = self.clock.now_ms();
        while let Some(step) = self.sequencer.plan_rules(rules, &segments, now_ms)? {
            let raised = match &step {
                Step::Commit(commit) => (commit.prefix_floors.clone(), commit.number),
                _ => Default::default(),
            };
            if let Some(outcome) = self.take(step).await? {
                outcome.written?;
                return Ok(raised);
            }
        }
        Ok(Default::default())
    }
}
