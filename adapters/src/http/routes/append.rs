//! `POST /api/v1/log/append`.

use std::sync::Arc;
use std::time::Duration;

use log_domain::budget::Budget;
use log_domain::{Limits, LogService, LogWriter};
use poem_openapi::OpenApi;

use super::message_body::{MessageBody, Received};
use crate::http::document::Tag;
use crate::http::wire::append_parts;
use crate::http::wire::append_request::{self, Asked};
use crate::http::wire::append_response;
use crate::http::wire::failure::Failure;
use crate::http::wire::format::Format;
use crate::http::wire::proto::{AppendRequest, AppendResponse};
use crate::http::wire::reply::Reply;
use body_sizes::BodySizes;

pub(in crate::http) mod body_sizes;

pub(in crate::http) struct Append<S> {
    pub(in crate::http) service: Arc<LogService<S>>,
    /// Bytes of appends that are being received or are not answered yet.
    pub(in crate::http) budget: Budget,
    pub(in crate::http) body_timeout: Duration,
    pub(in crate::http) sizes: BodySizes,
}

impl<S> Clone for Append<S> {
    fn clone(&self) -> Self {
        Self {
            service: Arc::clone(&self.service),
            budget: self.budget.clone(),
            body_timeout: self.body_timeout,
            sizes: self.sizes.clone(),
        }
    }
}

#[OpenApi]
impl<S: LogWriter> Append<S> {
    /// Append records
    ///
    /// Either all records are appended or none (unless `atomic` is false). They get consecutive sequences in the order of the request. Appending to a
    /// new key creates it. Without `awaitDurable`, the server responds once the records can be read; if it crashes, they
    /// can still be lost. With `awaitDurable`, it responds once the records are durable on object storage.
    ///
    /// The body can be compressed with `gzip` or `zstd`, declared in `Content-Encoding`.
    ///
    /// Limits (defaults; the server's configuration may differ): body 16 MiB (also after decompression), key 1 B to 8 KiB, value
    /// 8 MiB, 64 headers with 8 KiB of names and values for each record, 100,000 records; 30 s to receive the body, and 30 s until the
    /// append is acknowledged.
    ///
    /// With `preconditions`, the records are appended only if each of these keys has no record at or above its `noRecordSince`.
    /// Set it to the `nextSequence` of a scan that read the key to its end, so that reading, deciding and appending are one
    /// atomic step; 0 requires that the key has no records. Status 409 with the code `conflict` means that another client
    /// appended first.
    ///
    /// With `cursors`, cursors move in the same atomic commit as the records: a consumer that appends its results and moves its
    /// cursor this way, each time from its `expected` position, processes every record exactly once. If a cursor is not at that
    /// position, nothing is appended, and the response has status 409 with the code `conflict`.
    ///
    /// In a cluster, all keys and cursors of a request are in one partition, or the response has status 400 with the code `spans_partitions`.
    /// With `atomic: false`, the server splits the records by partition, and `parts` of the response says what happened in each: each part is
    /// appended as a whole or not at all, and its records keep their order. Status 200 means that all parts were appended. If some were and others
    /// were not, the status is 409 with the code `partly_applied`; if the outcome of one is unknown, it is 504; if none was appended, it is that of
    /// one of them. A precondition or a cursor must be in a partition of one of the records. It cannot be combined with `producer`.
    ///
    /// Status 504 means that the outcome is unknown, unless the message says that nothing was applied: either all records
    /// were appended or none. Repeat the request: with a `producer` it is applied only once, even if it is sent repeatedly.
    /// Without one, read the key to find out. Every other error means that nothing was applied now.
    ///
    /// A producer numbers its requests from 0 in each epoch. If it repeats one of its last five requests, the server repeats
    /// the response, with `duplicate`, and applies nothing again. A higher epoch takes over from lower ones. A producer that
    /// sends nothing for 7 days (by default) is forgotten.
    #[oai(
        path = "/api/v1/log/append",
        method = "post",
        operation_id = "append",
        tag = "Tag::Log"
    )]
    async fn append(
        &self,
        format: Format,
        /// The records. A body without a content type is read as JSON.
        body: MessageBody<AppendRequest>,
    ) -> Result<Reply<AppendResponse>, Failure> {
        let limits = self.service.limits();
        let mut received = body
            .receive(limits.request_bytes, &self.budget, self.body_timeout)
            .await?;
        self.sizes.received(received.body.len() as u64);
        let Asked {
            append,
            durability,
            is_atomic,
        } = decode(&mut received, limits)?;
        let decoded = append.bookkeeping() + append.batch().header_bytes();
        received.permit.grow(decoded)?;

        let records = append.batch().count();
        let appended = self.service.append(append, durability).await;
        if is_atomic {
            return Ok(Reply::new(format, &append_response::of(&appended?))?);
        }
        // It is split by partition, and there is one.
        let appended = appended.map_err(|error| Failure::from(error).of_only_part(records))?;
        let part = append_parts::applied(0, appended.count, appended.start.get());
        Ok(Reply::new(format, &append_parts::all_applied(vec![part]))?)
    }
}

/// What the body asks for, and when it is to be acknowledged.
fn decode(received: &mut Received, limits: &Limits) -> Result<Asked, Failure> {
    let body = std::mem::take(&mut received.body);
    // Decoded JSON takes as much memory again as the body, until the body is dropped.
    let twice = match received.format {
        Format::Json => body.len() as u64,
        Format::Protobuf => 0,
    };
    let _decoded = received.permit.another(twice)?;
    append_request::decode(received.format, body, limits)
}
