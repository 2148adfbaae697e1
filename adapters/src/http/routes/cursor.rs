//! `/api/v1/log/cursors/{name}`: reads, moves and deletes a cursor.

use std::sync::Arc;
use std::time::Duration;

use log_domain::budget::Budget;
use log_domain::{Cursor, LogService, LogStore};
use poem_openapi::OpenApi;

use super::deadline::before;
use super::message_body::MessageBody;
use crate::http::document::Tag;
use crate::http::wire::cursor_request;
use crate::http::wire::failure::Failure;
use crate::http::wire::format::Format;
use crate::http::wire::param::CursorInPath;
use crate::http::wire::proto::{self, CursorResponse, DeleteCursorResponse, PutCursorRequest};
use crate::http::wire::reply::Reply;

/// Maximum length of all bodies that are being received, in bytes.
pub(in crate::http) const ALL_BODIES_BYTES: u64 = 1 << 20;

/// What is limited by that, for messages.
pub(in crate::http) const BODIES: &str =
    "the number of bytes in moves of cursors that are being received";

pub(in crate::http) struct CursorRoute<S> {
    pub(in crate::http) service: Arc<LogService<S>>,
    /// Bytes of bodies that are being received or are not answered yet.
    pub(in crate::http) budget: Budget,
    pub(in crate::http) body_timeout: Duration,
    pub(in crate::http) read_timeout: Duration,
}

#[OpenApi]
impl<S: LogStore> CursorRoute<S> {
    /// Get a cursor
    ///
    /// Returns the position of a cursor and its lag. It shows the last move that was applied: one by PUT is durable once it is
    /// acknowledged, one in an append is as durable as the records of the append.
    #[oai(
        path = "/api/v1/log/cursors/:name",
        method = "get",
        operation_id = "getCursor",
        tag = "Tag::Log"
    )]
    async fn get_cursor(
        &self,
        format: Format,
        /// Name of the cursor, percent-encoded: 1 to 256 bytes of UTF-8 without control characters.
        name: CursorInPath,
    ) -> Result<Reply<CursorResponse>, Failure> {
        let cursor = before(self.read_timeout, self.service.cursor(&name.0)).await?;
        self.answer(format, cursor)
    }

    /// Move a cursor
    ///
    /// Moves a cursor to a position, forward or back, or creates it there. When the response arrives, the move is durable. The
    /// position must not be beyond the end of the log.
    ///
    /// With `expected`, the cursor is moved only if it is at that position; one that does not exist is at 0. So of several
    /// consumers that read the same position only one moves the cursor; the others get status 409 with the code `conflict` and the
    /// cursor's position. `"expected": 0` creates a cursor that nobody else has moved.
    ///
    /// To move a cursor together with results, use `cursors` of an append. Status 504 means that the outcome is unknown: read the
    /// cursor.
    #[oai(
        path = "/api/v1/log/cursors/:name",
        method = "put",
        operation_id = "putCursor",
        tag = "Tag::Log"
    )]
    async fn put_cursor(
        &self,
        format: Format,
        /// Name of the cursor, percent-encoded: 1 to 256 bytes of UTF-8 without control characters.
        name: CursorInPath,
        /// Where to move it. A body without a content type is read as JSON.
        body: MessageBody<PutCursorRequest>,
    ) -> Result<Reply<CursorResponse>, Failure> {
        let received = body
            .receive(cursor_request::BODY_BYTES, &self.budget, self.body_timeout)
            .await?;
        let wanted = cursor_request::decode(received.format, &received.body, name.0)?;
        let cursor = self.service.move_cursor(wanted).await?;
        self.answer(format, cursor)
    }

    /// Delete a cursor
    ///
    /// When the response arrives, it is durable that there is no such cursor. Deleting a cursor that does not exist succeeds,
    /// too, so a deletion whose outcome is unknown (status 504) can be repeated.
    #[oai(
        path = "/api/v1/log/cursors/:name",
        method = "delete",
        operation_id = "deleteCursor",
        tag = "Tag::Log"
    )]
    async fn delete_cursor(
        &self,
        format: Format,
        /// Name of the cursor, percent-encoded: 1 to 256 bytes of UTF-8 without control characters.
        name: CursorInPath,
    ) -> Result<Reply<DeleteCursorResponse>, Failure> {
        let answer = DeleteCursorResponse {
            status: proto::SUCCESS.to_owned(),
            deleted: self.service.delete_cursor(&name.0).await?,
        };
        Ok(Reply::new(format, &answer)?)
    }
}

impl<S: LogStore> CursorRoute<S> {
    fn answer(&self, format: Format, cursor: Cursor) -> Result<Reply<CursorResponse>, Failure> {
        let answer = CursorResponse {
            status: proto::SUCCESS.to_owned(),
            name: cursor.name.to_string(),
            position: cursor.position.get(),
            updated_ms: cursor.updated_ms,
            lag: self.service.lag(&cursor),
        };
        Ok(Reply::new(format, &answer)?)
    }
}
