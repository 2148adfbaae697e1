//! Follows how far the server that writes the log is durable, for a read-only server.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use log_adapters::http::{Writer, durable_beyond};
use log_adapters::small_file::SmallFile;
use log_adapters::store::slate::WriterProgress;
use log_domain::Sequence;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

use crate::log_throttle::LogThrottle;

/// The writer answers within this time, also if nothing happens.
const WITHIN: Duration = Duration::from_secs(10);

/// The pause after it did not.
const PAUSE: Duration = Duration::from_secs(1);

/// Interval of the log line while it does not.
const SAY_EVERY: Duration = Duration::from_secs(600);

/// How a read-only server follows its writer.
pub(crate) struct WriterFollowing {
    /// Where it is.
    pub(crate) writer: Arc<dyn Writer>,
    /// A file with the token that it wants.
    pub(crate) token: Option<PathBuf>,
    /// It is asked once in this time at most.
    pub(crate) spacing: Duration,
}

impl WriterFollowing {
    /// Tells `progress` until the server stops, or has gone.
    pub(crate) async fn run(
        self,
        progress: Arc<WriterProgress>,
        mut stopping: watch::Receiver<bool>,
    ) {
        tokio::select! {
            _ = stopping.wait_for(|stopping| *stopping) => {}
            () = self.tell(&progress) => {}
        }
    }

    async fn tell(&self, progress: &WriterProgress) {
        let file = self.token.as_deref().map(SmallFile::new);
        let mut token = None;
        let mut known = None;
        let mut silence = LogThrottle::new(SAY_EVERY);
        loop {
            let next = Instant::now() + self.spacing;
            let above = known.unwrap_or_else(|| progress.shown());
            // The first answer is wanted immediately.
            let within = known.map_or(Duration::ZERO, |_| WITHIN);
            match self.ask(file.as_ref(), &mut token, above, within).await {
                Ok(durable) => {
                    if known.is_none() {
                        silence.is_over();
                        tracing::info!("following the server that writes this log");
                    }
                    known = Some(durable);
                    progress.is_at(durable);
                    sleep_until(next).await;
                }
                Err(why) => {
                    known = None;
                    // It may have been replaced.
                    token = None;
                    progress.is_unknown();
                    if silence.is_due() {
                        tracing::warn!(
                            why,
                            "the server that writes this log does not tell how far it is; new records are found by polls"
                        );
                    }
                    sleep(PAUSE).await;
                }
            }
        }
    }

    /// Asks with `token`, which is read from `file` if there is none.
    async fn ask(
        &self,
        file: Option<&SmallFile>,
        token: &mut Option<String>,
        known: Sequence,
        within: Duration,
    ) -> Result<Sequence, String> {
        if let (Some(file), None) = (file, &token) {
            *token = Some(read(file).await?);
        }
        durable_beyond(&*self.writer, token.as_deref(), known, within).await
    }
}

/// The token in `file`.
async fn read(file: &SmallFile) -> Result<String, String> {
    let text = file.read_again().await;
    let text = text.map_err(|error| format!("reader.writer_token_file: {error}"))?;
    let text = String::from_utf8_lossy(&text);
    let text = text.trim();
    match text.is_empty() || text.contains(char::is_whitespace) {
        true => Err(
            "reader.writer_token_file: the file must hold one token and nothing else".to_owned(),
        ),
        false => Ok(text.to_owned()),
    }
}
