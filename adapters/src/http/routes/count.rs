//! `GET /api/v1/log/count`.

use std::sync::Arc;
use std::time::Duration;

use log_domain::{Error, LogReader, LogService, Sequence, Visibility};
use poem_openapi::OpenApi;
use tokio::time::timeout;

use super::at_least::reached;
use crate::http::document::Tag;
use crate::http::wire::failure::Failure;
use crate::http::wire::format::Format;
use crate::http::wire::param::{self, Base64, Param, Text};
use crate::http::wire::proto::{self, CountResponse};
use crate::http::wire::reply::Reply;

pub(in crate::http) struct Count<S> {
    pub(in crate::http) service: Arc<LogService<S>>,
    pub(in crate::http) read_timeout: Duration,
}

impl<S> Clone for Count<S> {
    fn clone(&self) -> Self {
        Self {
            service: Arc::clone(&self.service),
            read_timeout: self.read_timeout,
        }
    }
}

#[OpenApi]
impl<S: LogReader> Count<S> {
    /// Count the records of a key
    ///
    /// Returns the exact number of records of a key in a range of sequences, without reading them, within 30 s (by default).
    /// A count that takes longer is answered 503, never with a part of the number.
    /// If records of the range may have been trimmed, the response has `trimmedBefore`.
    #[oai(
        path = "/api/v1/log/count",
        method = "get",
        operation_id = "count",
        tag = "Tag::Log"
    )]
    async fn count(
        &self,
        format: Format,
        /// The key, as UTF-8 text. Give either `key` or `key_base64`.
        key: Param<Option<Text>>,
        /// The key, as base64 (standard or URL-safe, padded or not).
        key_base64: Param<Option<Base64>>,
        /// First sequence of the range.
        #[oai(default)]
        start_seq: Param<u64>,
        /// First sequence after the range. Default: the end of the log.
        end_seq: Param<Option<u64>>,
        /// Wait until the server shows every record below this sequence: 1 more than the sequence of a record that you appended or read.
        /// A writer has shown what it acknowledged, so it waits only for what is not there yet, or not yet durable. If it takes longer than 30 s (by default), the response is 503 with the code `behind`.
        at_least: Param<Option<u64>>,
    ) -> Result<Reply<CountResponse>, Failure> {
        let key = param::key(key.0, key_base64.0, self.service.limits())?;
        let range = param::range(start_seq.0, end_seq.0)?;
        let memory = Visibility::Memory;
        reached(&self.service, at_least.0, memory, self.read_timeout).await?;
        let counting = timeout(self.read_timeout, self.service.count(&key, range));
        let counted = counting.await.map_err(|_| late(self.read_timeout))??;
        let answer = CountResponse {
            status: proto::SUCCESS.to_owned(),
            count: counted.records,
            trimmed_before: counted.trimmed_before.map(Sequence::get),
        };
        Ok(Reply::new(format, &answer)?)
    }
}

/// A count has no part that could be answered, and finds more in the caches when it is asked again.
fn late(limit: Duration) -> Error {
    Error::unavailable(format!(
        "the count took longer than {} ms; try again, or count smaller ranges of sequences",
        limit.as_millis()
    ))
}
