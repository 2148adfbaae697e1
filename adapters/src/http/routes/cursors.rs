//! `GET /api/v1/log/cursors`.

use std::sync::Arc;
use std::time::Duration;

use log_domain::budget::Budget;
use log_domain::{CursorsQuery, LogReader, LogService};
use poem_openapi::OpenApi;

use super::peer::Peer;
use super::read_limit::ReadLimit;
use super::selection::{default_limit, page_limit};
use crate::http::document::Tag;
use crate::http::wire::failure::Failure;
use crate::http::wire::format::Format;
use crate::http::wire::param::Param;
use crate::http::wire::proto::{self, CursorsResponse};
use crate::http::wire::reply::Reply;

pub(in crate::http) struct Cursors<S> {
    pub(in crate::http) service: Arc<LogService<S>>,
    pub(in crate::http) read_timeout: Duration,
    /// Bytes of answers that were not written out yet.
    pub(in crate::http) answers: Budget,
    pub(in crate::http) read_limit: ReadLimit,
}

#[OpenApi]
impl<S: LogReader> Cursors<S> {
    /// List cursors
    ///
    /// Returns the cursors with their positions and lags, in byte order of their names, one page at a time. For the next page, set
    /// `start_after` to `nextStartAfter`, until a page has none.
    #[oai(
        path = "/api/v1/log/cursors",
        method = "get",
        operation_id = "listCursors",
        tag = "Tag::Log"
    )]
    async fn cursors(
        &self,
        format: Format,
        peer: Peer,
        /// Only cursors whose names begin with this text.
        prefix: Param<Option<String>>,
        /// Only cursors whose names come after this text, in byte order.
        start_after: Param<Option<String>>,
        /// Maximum number of cursors, at least 1. The server limits it (to 10,000 by default).
        #[oai(default = "default_limit")]
        limit: Param<u64>,
    ) -> Result<Reply<CursorsResponse>, Failure> {
        let query = CursorsQuery {
            prefix: prefix.0.unwrap_or_default(),
            start_after: start_after.0,
            limit: page_limit(limit.0, self.service.limits())?.records,
        };
        self.read_limit
            .read(self.read_timeout, self.service.cursors(&query), |page| {
                let cursors = page.cursors.into_iter().map(|cursor| proto::Cursor {
                    name: cursor.name.to_string(),
                    position: cursor.position.get(),
                    updated_ms: cursor.updated_ms,
                    lag: self.service.lag(&cursor),
                });
                let answer = CursorsResponse {
                    status: proto::SUCCESS.to_owned(),
                    cursors: cursors.collect(),
                    next_start_after: page.next_start_after.map(|name| name.to_string()),
                };
                Reply::new(format, &answer)?.held(peer.answers(&self.answers))
            })
            .await
    }
}
