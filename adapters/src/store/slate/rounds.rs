//! Work that goes on in the background of a store, round after round.

use std::sync::Arc;
use std::time::Duration;

use log_domain::Result;

use super::shared::{Shared, Vital};

/// What a round does.
pub(super) trait Rounds: Send + Sync {
    /// What has failed when a round does, for the log.
    const FAILURE: &'static str;

    /// The store that it is for.
    fn shared(&self) -> &Arc<Shared>;

    /// One round.
    ///
    /// # Errors
    /// Those of the store. The next round tries again.
    fn round(&self) -> impl Future<Output = Result<()>> + Send;
}

/// Does a round after each pause, or after the second one if a round failed, until the store stops.
pub(super) async fn run<R: Rounds>(work: R, pause: Duration, after_failure: Duration) {
    let shared = Arc::clone(work.shared());
    let _vital = Vital(Arc::clone(&shared));
    let mut fails = false;
    loop {
        let round = async {
            tokio::time::sleep(if fails { after_failure } else { pause }).await;
            work.round().await
        };
        let outcome = tokio::select! {
            biased;
            _ = shared.until_stopped() => return,
            outcome = round => outcome,
        };
        if let Err(error) = &outcome
            && !fails
        {
            tracing::warn!(%error, "{}: trying again", R::FAILURE);
        }
        fails = outcome.is_err();
    }
}
