//! How often and how long a client tries.

use std::time::Duration;

use crate::errors::{Kind, LogError};

const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Does it, at most so many times: again when nothing was applied, after a pause that doubles. An append of which nobody knows whether
/// it was applied is never repeated. (What is generated does not tell the server's `Retry-After`.)
pub async fn retried<T>(
    attempts: usize,
    mut send: impl AsyncFnMut() -> Result<T, LogError>,
) -> Result<T, LogError> {
    let mut pause = FIRST_PAUSE;
    for _ in 1..attempts {
        match send().await {
            Err(error) if [Kind::Unavailable, Kind::Overloaded].contains(&error.kind) => {
                tokio::time::sleep(pause).await;
                pause = LONGEST_PAUSE.min(pause * 2);
            }
            outcome => return outcome,
        }
    }
    send().await
}
