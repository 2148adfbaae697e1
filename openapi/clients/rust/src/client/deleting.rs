//! Trims, and deletions of keys.

use bytes::Bytes;

use super::LogClient;
use crate::error::Error;
use crate::wire::TrimRequest;
use crate::{arguments, deletion, trim};

impl LogClient {
    /// Trims the records of all keys with lower sequences. Answers with the floor of the log, the first sequence that can still be there,
    /// when no crash can undo it. It is higher if more was trimmed before. Needs the right `admin`.
    ///
    /// # Errors
    /// [`crate::ErrorKind::InvalidArgument`] when `sequence` is beyond the end of the log; otherwise what the last attempt ended in. It may have been
    /// applied then: trim again.
    pub async fn trim_before(&self, sequence: u64) -> Result<u64, Error> {
        let request = TrimRequest {
            before_sequence: Some(sequence),
            before_time_ms: None,
        };
        trim::trim(&self.http, &self.retry, &request, self.partition).await
    }

    /// As [`LogClient::trim_before`], for records that were appended before a time (Unix ms): by whole segments, and nothing that was
    /// appended at that time or later.
    ///
    /// # Errors
    /// As [`LogClient::trim_before`]; the time must not be in the future.
    pub async fn trim_before_time(&self, time_ms: u64) -> Result<u64, Error> {
        let time_ms = i64::try_from(time_ms).map_err(|_| {
            Error::invalid(
                "time_ms must be at most 9223372036854775807, in milliseconds since the Unix epoch",
            )
        })?;
        let request = TrimRequest {
            before_sequence: None,
            before_time_ms: Some(time_ms),
        };
        trim::trim(&self.http, &self.retry, &request, self.partition).await
    }

    /// Deletes the records of `key` with sequences below `before`; with `None`, all that it has. Answers with the floor of the key, the first
    /// sequence that a record of it can still have, when no crash can undo it. It is higher if more was deleted or trimmed before. The
    /// server removes the records from storage later. Needs the right `admin`.
    ///
    /// # Errors
    /// [`crate::ErrorKind::InvalidArgument`] when `before` is beyond the end of the log; otherwise what the last attempt ended in. It may have
    /// been applied then: delete again. With `None`, that would also delete what was appended meanwhile, so such a deletion is not sent
    /// again if it may have been applied: it ends in [`crate::ErrorKind::OutcomeUnknown`].
    pub async fn delete_key(
        &self,
        key: impl Into<Bytes>,
        before: impl Into<Option<u64>>,
    ) -> Result<u64, Error> {
        let key = key.into();
        arguments::key(&key)?;
        deletion::delete(&self.http, &self.retry, &key, before.into()).await
    }
}
