//! `GET /api/v1/log/segments`.

use std::sync::Arc;
use std::time::Duration;

use log_domain::{LogReader, LogService, Segment};
use poem_openapi::OpenApi;

use super::deadline::before;
use crate::http::document::Tag;
use crate::http::wire::failure::Failure;
use crate::http::wire::format::Format;
use crate::http::wire::param::{self, Param};
use crate::http::wire::proto::{self, SegmentsResponse};
use crate::http::wire::reply::Reply;

pub(in crate::http) struct Segments<S> {
    pub(in crate::http) service: Arc<LogService<S>>,
    pub(in crate::http) read_timeout: Duration,
}

#[OpenApi]
impl<S: LogReader> Segments<S> {
    /// List segments
    ///
    /// Returns the segments that overlap a range of sequences, in order.
    #[oai(
        path = "/api/v1/log/segments",
        method = "get",
        operation_id = "listSegments",
        tag = "Tag::Log"
    )]
    async fn segments(
        &self,
        format: Format,
        /// First sequence of the range.
        #[oai(default)]
        start_seq: Param<u64>,
        /// First sequence after the range. Default: the end of the log.
        end_seq: Param<Option<u64>>,
    ) -> Result<Reply<SegmentsResponse>, Failure> {
        let range = param::range(start_seq.0, end_seq.0)?;
        let segments = before(self.read_timeout, self.service.segments(range)).await?;
        let answer = SegmentsResponse {
            status: proto::SUCCESS.to_owned(),
            segments: segments.into_iter().map(message).collect(),
        };
        Ok(Reply::new(format, &answer)?)
    }
}

fn message(segment: Segment) -> proto::Segment {
    proto::Segment {
        id: segment.id,
        start_seq: segment.start.get(),
        start_time_ms: segment.start_time_ms,
    }
}
