//! Commits without records: those of trims and removals, between two groups.

use log_domain::sequencer::{RemovalStep, Sequencer, Step};
use log_domain::{Error, Key, Result};

use super::writer::{Outcome, Writer};

impl Writer {
    /// Takes the steps that `plan` says until their commit is written, or there is nothing to do.
    ///
    /// # Errors
    /// Those of `plan`, and of the write.
    pub(super) async fn take_all(
        &mut self,
        mut plan: impl FnMut(&mut Sequencer) -> Result<Option<Step<'static>>>,
    ) -> Result<()> {
        while let Some(step) = plan(&mut self.sequencer)? {
            if let Some(outcome) = self.take(step).await? {
                return outcome.written;
            }
        }
        Ok(())
    }

    /// The same for rows of keys. Returns the keys that are to be read again.
    ///
    /// # Errors
    /// As [`Writer::take_all`].
    pub(super) async fn take_all_of_rows(
        &mut self,
        mut plan: impl FnMut(&mut Sequencer) -> Result<RemovalStep>,
    ) -> Result<Vec<Key>> {
        let mut again = Vec::new();
        let taken = self.take_all(|sequencer| {
            let planned = plan(sequencer)?;
            again = planned.again;
            Ok(planned.step)
        });
        taken.await?;
        Ok(again)
    }

    /// Takes a step towards a commit without records. Returns what came of it, if it was the commit; else plan again.
    ///
    /// # Errors
    /// Nothing was written of the commit then.
    pub(super) async fn take(&mut self, step: Step<'static>) -> Result<Option<Outcome>> {
        let taken = match step {
            Step::Commit(commit) => Ok(Some(self.apply(commit).await)),
            Step::Reserve(metadata) => self.write_metadata(&metadata).await.map(|()| None),
            Step::AwaitDurable(number) => self.durable_up_to(number).await.map(|()| None),
            Step::Answer(_) => Err(Error::internal(
                "a commit without records was answered as an append",
            )),
        };
        let written = match &taken {
            Ok(Some(outcome)) => outcome.written.as_ref().err(),
            Ok(None) => None,
            Err(failure) => Some(failure),
        };
        if matches!(written, Some(Error::OutcomeUnknown { .. })) {
            // The engine refused a write: what it holds is no longer known, so nothing may follow.
            self.shared.stop(self.why_stopped());
        }
        taken
    }
}
