//! Closing a log: the writer ends, then the engine, and what the next server looks at is stored. The next one need not wait for the engine.

use std::time::Duration;

use futures::FutureExt;
use log_domain::{Error, Result, Stopped, Watermarks};
use slatedb::config::{CloseOptions, FlushType};
use tokio::time::{Instant, sleep, timeout_at};

use super::SlateStore;

/// How long the storage engine is waited for that closes over a log that is gone: it repeats what cannot succeed.
const GONE_CLOSE: Duration = Duration::from_secs(1);

impl SlateStore {
    /// The outcome of a close after the writer finished with `flushed`. Looks for the log once more: an emptied bucket or
    /// folder accepts files too.
    ///
    /// # Errors
    /// That the log is gone, and what had been written before; or that of `flushed`.
    async fn found_at_the_end(&self, flushed: Result<()>, deadline: Instant) -> Result<()> {
        if flushed.is_ok() {
            let limit = deadline.min(Instant::now() + self.check_timeout);
            // A store that does not answer now has taken everything before.
            let _ = timeout_at(limit, self.look()).await;
        }
        let Some(why) = self.shared.gone() else {
            return flushed;
        };
        let Watermarks { tip, durable } = self.shared.watermarks();
        let rest = match tip.get() - durable.get() {
            0 => "nothing else was acknowledged".to_owned(),
            rest => {
                format!(
                    "{rest} records from sequence {durable} on were applied and are not durable"
                )
            }
        };
        Err(Error::unavailable(format!(
            "the log is gone: {why}. What was acknowledged as durable had been written before; {rest}"
        )))
    }

    /// Has the writer finish, then the engine, and stores how far the log is durable, unless the next writer may have the log already. Only the
    /// first matters to what was acknowledged.
    pub(super) async fn close_now(&self, deadline: Instant) -> Result<()> {
        if let Some(quiesced) = self.quiesced.get() {
            self.close_engine(None, deadline).await;
            return quiesced.clone();
        }
        let engine = async {
            let flushed = self.flushed_by(deadline).await;
            // Everything is in the WAL already; flushing memtables too would only make the stop slow.
            let flushes = flushed.is_ok() && self.failure().is_none();
            let flush_type = flushes.then_some(FlushType::Wal);
            self.close_engine(flush_type, deadline).await;
        };
        let quiesced = async {
            let quiesced = self.quiesced_by(deadline).await;
            if quiesced.is_ok() {
                self.write_watermark(deadline).await;
            }
            quiesced
        };
        let (quiesced, ()) = futures::join!(quiesced.boxed(), engine.boxed());
        if quiesced.is_ok() {
            self.release(deadline).await;
        }
        quiesced
    }

    /// Has the writer and the compactor finish: nothing is written after that.
    pub(super) async fn quiesced_by(&self, deadline: Instant) -> Result<()> {
        let quiesce = async {
            if let Some(compactor) = &self.compactor {
                // While the writer finishes.
                compactor.stop();
            }
            let flushed = self.flushed_by(deadline).await;
            let compactor = async {
                if let Some(compactor) = &self.compactor
                    && timeout_at(deadline, compactor.stopped()).await.is_err()
                {
                    tracing::warn!("the compactor did not stop in time");
                }
            };
            let found = async {
                match self.failure() {
                    Some(why) => Err(why),
                    None => self.found_at_the_end(flushed, deadline).await,
                }
            };
            let (found, ()) = futures::join!(found, compactor);
            found
        };
        self.quiesced.get_or_init(|| quiesce.boxed()).await.clone()
    }

    /// Has the writer finish.
    async fn flushed_by(&self, deadline: Instant) -> Result<()> {
        let flush = async {
            let flushed = tokio::select! {
                biased;
                closed = timeout_at(deadline, self.queue.close()) => {
                    closed.unwrap_or_else(|_| self.not_flushed())
                }
                // It takes nothing any more.
                () = self.shared.until_gone() => self.shared.accepts(),
            };
            self.shared.stop(Stopped::Closing);
            flushed
        };
        self.flushed.get_or_init(|| flush.boxed()).await.clone()
    }

    /// Why the store had stopped before it was closed.
    fn failure(&self) -> Option<Error> {
        match self.shared.stopped()? {
            why @ (Stopped::Fenced | Stopped::Failed) => Some(why.error()),
            Stopped::Closing => None,
        }
    }

    async fn close_engine(&self, flush_type: Option<FlushType>, deadline: Instant) {
        let options = CloseOptions::default().with_flush_type(flush_type);
        let gone = async {
            self.shared.until_gone().await;
            sleep(GONE_CLOSE).await;
        };
        let closed = tokio::select! {
            biased;
            closed = timeout_at(deadline, self.db.close_with_options(options)) => closed.ok(),
            () = gone => None,
        };
        match closed {
            Some(Ok(())) => {}
            Some(Err(error)) => tracing::debug!(%error, "the storage engine did not close cleanly"),
            None => tracing::warn!("the storage engine did not close in time"),
        }
    }

    /// Stores how far the log is durable, if it is still there: what is gone is not to be begun again.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the store does not take it.
    pub(super) async fn store_watermark(&self) -> Result<()> {
        // Once it has stopped, the log may be that of another writer.
        match self.shared.is_there() && self.shared.stopped().is_none() {
            true => self.watermark.write(self.shared.watermarks().durable).await,
            false => Ok(()),
        }
    }

    /// Stores how far the log is durable.
    async fn write_watermark(&self, deadline: Instant) {
        let Watermarks { durable, .. } = self.shared.watermarks();
        match timeout_at(deadline, self.watermark.write(durable)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "could not store the durable watermark"),
            Err(_) => tracing::warn!("no time was left to store the durable watermark"),
        }
    }

    /// Leaves what is stored of the durable watermark to the next writer.
    pub(super) async fn give_up_watermark(&self, deadline: Instant) {
        if timeout_at(deadline, self.watermark.give_up())
            .await
            .is_err()
        {
            tracing::warn!("the durable watermark was still being written");
        }
    }

    /// Records that this server has released the log, if it is recorded who has it.
    async fn release(&self, deadline: Instant) {
        let Some(ownership) = &self.ownership else {
            return;
        };
        match timeout_at(deadline, ownership.release()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "could not record that the log was released"),
            Err(_) => tracing::warn!("no time was left to record that the log was released"),
        }
    }

    /// How a close ends that the object store gave no time.
    ///
    /// # Errors
    /// Says how many records were acknowledged that are not durable, if there are any.
    fn not_flushed(&self) -> Result<()> {
        let Watermarks { tip, durable } = self.shared.watermarks();
        let missing = tip.get() - durable.get();
        if missing > 0 {
            return Err(Error::unavailable(format!(
                "the object store did not take everything in time: {missing} acknowledged records from sequence \
                 {durable} on are not durable"
            )));
        }
        tracing::warn!(
            "every record is durable, but there was no time to store the end of the log: the next server skips some sequences"
        );
        Ok(())
    }
}
