//! Appends to several partitions.

use super::LogClient;
use crate::append::{self, AppendOptions};
use crate::error::Error;
use crate::part::{AppendPart, PartOutcome};
use crate::partition::About;
use crate::record::Record;
use crate::split;

impl LogClient {
    /// Appends records of any partitions of a cluster. The server splits them by partition, and each part is applied whole or not at all. Answers
    /// with all parts, in the order of their partitions. A log that is not clustered has one.
    ///
    /// The keys and cursors of the options must be in a partition of one of the records.
    ///
    /// # Errors
    /// [`ErrorKind::PartlyApplied`](crate::ErrorKind::PartlyApplied) if some parts were applied and others were not. It has no producer, so what may
    /// have been applied is not sent again: [`ErrorKind::OutcomeUnknown`](crate::ErrorKind::OutcomeUnknown). Both have the parts
    /// ([`Error::parts`]), unless there was no answer. After any other error, nothing was applied.
    pub async fn append_split<R: Into<Record>>(
        &self,
        records: impl IntoIterator<Item = R>,
        options: AppendOptions,
    ) -> Result<Vec<AppendPart>, Error> {
        let request = append::encode(records, options)?;
        let parts = split::append(&self.http, &self.retry, &request).await?;
        // Sequences are those of a partition, so it has to be known whether there are several.
        if request.await_durable && (self.http.has_partitions().await || parts.len() == 1) {
            for part in &parts {
                if let PartOutcome::Applied { start } = part.outcome {
                    let about = About::partition(Some(part.partition));
                    self.seen.advance(start + part.count, &about);
                }
            }
        }
        Ok(parts)
    }
}
