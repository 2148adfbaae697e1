//! `DELETE /api/v1/log/key`.

use std::sync::Arc;

use log_domain::{Deletion, LogService, LogWriter, Sequence};
use poem_openapi::OpenApi;

use crate::http::document::Tag;
use crate::http::wire::failure::Failure;
use crate::http::wire::format::Format;
use crate::http::wire::param::{self, Base64, Param, Text};
use crate::http::wire::proto::{self, DeleteKeyResponse};
use crate::http::wire::reply::Reply;

pub(in crate::http) struct DeleteKey<S> {
    pub(in crate::http) service: Arc<LogService<S>>,
}

#[OpenApi]
impl<S: LogWriter> DeleteKey<S> {
    /// Delete the records of a key
    ///
    /// Raises the floor of the key: to `before_seq`, or to the end of the log, which deletes all records that the key has. When
    /// the response arrives, the floor is durable, and no read returns a record of the key below it, not even after a crash. A key
    /// without other records is no longer listed. Scans, counts and streams that ask for records below the floor say so with
    /// `trimmedBefore`. Other keys and later records of the key are not affected, and the key can be appended to again.
    ///
    /// The records are removed from storage later. Backups keep them until these are pruned.
    ///
    /// A floor is never lowered: the response to a deletion below the floor has the floor in force. So a deletion whose outcome is
    /// unknown (status 504) can be repeated. One without `before_seq` then also deletes what was appended meanwhile.
    #[oai(
        path = "/api/v1/log/key",
        method = "delete",
        operation_id = "deleteKey",
        tag = "Tag::Log"
    )]
    async fn delete_key(
        &self,
        format: Format,
        /// The key, as UTF-8 text. Give either `key` or `key_base64`.
        key: Param<Option<Text>>,
        /// The key, as base64 (standard or URL-safe, padded or not).
        key_base64: Param<Option<Base64>>,
        /// Delete only records with a lower sequence. At most the end of the log. Default: delete all records of the key.
        before_seq: Param<Option<u64>>,
    ) -> Result<Reply<DeleteKeyResponse>, Failure> {
        let key = param::key(key.0, key_base64.0, self.service.limits())?;
        let before = before_seq.0.map(Sequence::new);
        let floor = self.service.delete(Deletion { key, before }).await?;
        let answer = DeleteKeyResponse {
            status: proto::SUCCESS.to_owned(),
            trimmed_before: floor.get(),
        };
        Ok(Reply::new(format, &answer)?)
    }
}
