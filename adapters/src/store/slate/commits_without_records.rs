//! Commits without records: those of trims and removals, between two groups.

use log_domain::sequencer::Step;
use log_domain::{Error, Result};

use super::writer::{Outcome, Writer};

impl Writer {
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
