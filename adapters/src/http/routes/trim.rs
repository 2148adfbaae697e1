//! `POST /api/v1/log/trim`.

use std::sync::Arc;
use std::time::Duration;

use log_domain::budget::Budget;
use log_domain::{LogService, LogWriter};
use poem_openapi::OpenApi;

use super::message_body::MessageBody;
use crate::http::document::Tag;
use crate::http::wire::failure::Failure;
use crate::http::wire::format::Format;
use crate::http::wire::proto::{self, TrimRequest, TrimResponse};
use crate::http::wire::reply::Reply;
use crate::http::wire::trim_request;

/// Maximum length of all bodies that are being received, in bytes.
pub(in crate::http) const ALL_BODIES_BYTES: u64 = 1 << 20;

/// What is limited by that, for messages.
pub(in crate::http) const BODIES: &str = "the number of bytes in trims that are being received";

pub(in crate::http) struct TrimRoute<S> {
    pub(in crate::http) service: Arc<LogService<S>>,
    /// Bytes of bodies that are being received or are not answered yet.
    pub(in crate::http) budget: Budget,
    pub(in crate::http) body_timeout: Duration,
}

#[OpenApi]
impl<S: LogWriter> TrimRoute<S> {
    /// Trim the log
    ///
    /// Raises the floor of the log, for all keys. When the response arrives, the floor is durable, and no read returns a record
    /// below it, not even after a crash. Scans, counts and streams that ask for records below the floor say so with
    /// `trimmedBefore`. Storage is freed later. Producers stay known.
    ///
    /// With `beforeSequence`, the floor is that sequence, which must not be beyond the end of the log. With `beforeTimeMs`, no
    /// record that was appended at or after that time is trimmed: the floor is the start of the last segment that was started
    /// before that time, or the end of the log if all records are older. The time must not be in the future.
    ///
    /// A floor is never lowered: the response to a trim below the floor has the floor in force. So a trim whose outcome is
    /// unknown (status 504) can be repeated.
    #[oai(
        path = "/api/v1/log/trim",
        method = "post",
        operation_id = "trim",
        tag = "Tag::Log"
    )]
    async fn trim(
        &self,
        format: Format,
        /// What to trim. A body without a content type is read as JSON.
        body: MessageBody<TrimRequest>,
    ) -> Result<Reply<TrimResponse>, Failure> {
        let received = body
            .receive(trim_request::BODY_BYTES, &self.budget, self.body_timeout)
            .await?;
        let trim = trim_request::decode(received.format, &received.body)?;
        let floor = self.service.trim(trim).await?;
        let answer = TrimResponse {
            status: proto::SUCCESS.to_owned(),
            trimmed_before: floor.get(),
        };
        Ok(Reply::new(format, &answer)?)
    }
}
