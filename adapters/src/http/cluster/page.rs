//! Pages of several partitions: what one partition answers to a request that is derived from the client's, and the answer to that.

use log_domain::Error;
use log_domain::cluster::Partition;
use poem::http::StatusCode;
use poem::{FromRequest, IntoResponse, Request, Response, Result};
use prost::Message;

use super::Cluster;
use super::asked::Asked;
use crate::http::routes::peer::Peer;
use crate::http::wire::failure::{Failure, Reason};
use crate::http::wire::format::Format;
use crate::http::wire::proto::ErrorResponse;
use crate::http::wire::reply::{self, Reply};

/// Partitions that are asked at the same time.
pub(super) const AT_ONCE: usize = 4;

/// A page of one partition, or what it answered instead.
pub(super) enum Page<M> {
    Read(M),
    Refused(Response),
}

impl Cluster {
    /// What `partition` answers to `asked`, and how many bytes that has. A refusal is as the client of `request` is told it.
    pub(super) async fn page<M: Message + Default>(
        &self,
        request: &Request,
        partition: Partition,
        asked: Request,
    ) -> Result<(Page<M>, u64)> {
        let answer = self.to(partition, Asked::READ, asked).await?;
        let status = answer.status();
        let body = answer.into_body().into_bytes();
        let body = body.await.map_err(|error| {
            let why = format!("the answer of partition {partition} broke off: {error}");
            Failure::new(Reason::Unavailable, why)
        })?;
        let bytes = body.len() as u64;
        let unreadable = |_| {
            let why = format!("the answer of partition {partition} cannot be read");
            Failure::new(Reason::Unavailable, why)
        };
        if status == StatusCode::OK {
            let page = M::decode(body).map_err(unreadable)?;
            return Ok((Page::Read(page), bytes));
        }
        let error = ErrorResponse::decode(body).map_err(unreadable)?;
        Ok((Page::Refused(told(request, status, &error)?), bytes))
    }

    /// The answer to the client, which takes room until it is written out.
    pub(super) async fn held<M>(
        &self,
        request: &Request,
        answer: Result<Reply<M>, Error>,
    ) -> Result<Response>
    where
        Reply<M>: IntoResponse,
    {
        let peer = Peer::from_request_without_body(request).await?;
        let held = answer.and_then(|answer| answer.held(peer.answers(&self.answers)));
        Ok(held.map_err(Failure::from)?.into_response())
    }
}

/// What a partition refused, for the client.
fn told(request: &Request, status: StatusCode, error: &ErrorResponse) -> Result<Response, Failure> {
    let format = Format::accepted(request.headers());
    let body = reply::encode(format, error)?;
    Ok(Response::builder()
        .status(status)
        .content_type(format.content_type())
        .body(body))
}
