//! Follows the commits of the server that writes the log, for a read-only server.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use log_adapters::http::{CommitStream, Writer};
use log_adapters::small_file::SmallFile;
use log_adapters::store::slate::WriterProgress;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::log_throttle::LogThrottle;
use crate::token_file;

/// The pause after a stream that ended, or did not begin: the first one, and at most, since each is twice as long as the one before.
const PAUSE: Duration = Duration::from_millis(500);
const MAX_PAUSE: Duration = Duration::from_secs(8);

/// Interval of the log line while there is none.
const SAY_EVERY: Duration = Duration::from_secs(600);

/// How a read-only server follows its writer.
pub(crate) struct WriterFollowing {
    /// Where it is.
    pub(crate) writer: Arc<dyn Writer>,
    /// A file with the token that it wants.
    pub(crate) token: Option<PathBuf>,
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
        let mut silence = LogThrottle::new(SAY_EVERY);
        let mut pause = PAUSE;
        loop {
            let why = match self.open(file.as_ref(), progress).await {
                Ok(stream) => {
                    silence.is_over();
                    pause = PAUSE;
                    tracing::info!("following the commits of the server that writes this log");
                    pass_on(stream, progress).await
                }
                Err(why) => why,
            };
            progress.is_unknown();
            if silence.is_due() {
                tracing::warn!(
                    why,
                    "the server that writes this log does not send its commits; new records are found by polls, each reader.poll_interval"
                );
            }
            sleep(pause).await;
            pause = MAX_PAUSE.min(2 * pause);
        }
    }

    /// Begins to follow, with the token in `file`, which may have been replaced since it was read last.
    async fn open(
        &self,
        file: Option<&SmallFile>,
        progress: &WriterProgress,
    ) -> Result<CommitStream, String> {
        let token = match file {
            Some(file) => Some(token_file::read(file, "reader.writer_token_file").await?),
            None => None,
        };
        let after = progress.last_file();
        let stream = CommitStream::open(&*self.writer, token.as_deref(), after).await?;
        progress.begins(stream.log())?;
        Ok(stream)
    }
}

/// Passes on what `stream` tells. Answers why it ended.
async fn pass_on(mut stream: CommitStream, progress: &WriterProgress) -> String {
    loop {
        match stream.next().await {
            Ok(news) => progress.hears(news),
            Err(why) => return why,
        }
    }
}
