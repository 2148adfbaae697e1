//! Scans with `order=none`: the records of all partitions, each in its order.

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use log_domain::cluster::rounds::{Ask, End, Position, Rounds};
use log_domain::run::RunBuilder;
use log_domain::{Headers, Key, PageLimit, Run, Sequence, Visibility};
use parking_lot::Mutex;
use poem::http::{HeaderValue, Method, header};
use poem::{FromRequest, Request, Response, Result};
use prost::Message;
use tokio::time::Instant;

use super::asked::Unordered;
use super::page::{AT_ONCE, Page};
use super::{Cluster, derived};
use crate::http::routes::peer::Peer;
use crate::http::routes::scan_answer::ScanAnswer;
use crate::http::routes::selection::default_limit;
use crate::http::wire::failure::Failure;
use crate::http::wire::format::Format;
use crate::http::wire::proto::{self, ScanResponse, Value};
use crate::http::wire::reply::Reply;
use crate::http::wire::route_table::{PARTITION, SCAN};
use crate::http::wire::scan_request::ScanRequest;

/// The records of a page, where it continues, and whether there may be more.
type Read = (Vec<Run>, Vec<Position>, bool);

impl Cluster {
    /// Answers a scan of all partitions. What one of them refuses is the answer to the whole.
    pub(super) async fn unordered(&self, request: Request, scan: Unordered) -> Result<Response> {
        let limit = scan.request.limit.unwrap_or_else(default_limit);
        let limit = PageLimit::new(limit, &self.limits.of_log).map_err(Failure::from)?;
        let rounds = Rounds::new(
            self.map.partitions(),
            &scan.positions,
            limit.records,
            limit.bytes,
        );
        let rounds = rounds.map_err(Failure::from)?;
        let (runs, positions, more) = match self.read(&request, &scan.request, rounds).await? {
            Ok(read) => read,
            Err(refused) => return Ok(refused),
        };
        let bytes = runs.iter().map(|run| run.encoded().len() as u64).sum();
        let page = log_domain::Page {
            records: runs.len() as u64,
            bytes,
            runs,
            next: Sequence::ZERO,
            complete: !more,
            more,
            trimmed_before: None,
        };
        let answer = ScanAnswer {
            key: Bytes::new(),
            page,
            bytes: scan.request.format.unwrap_or_default(),
            positions,
        };
        let format = Format::accepted(request.headers());
        self.held(&request, Reply::new(format, &answer)).await
    }

    /// Asks the partitions until the page is full, all were read to their ends, or it took long; or gives what one of them refused.
    async fn read(
        &self,
        request: &Request,
        scan: &ScanRequest,
        mut rounds: Rounds,
    ) -> Result<Result<Read, Response>> {
        let (began, mut runs) = (Instant::now(), Vec::new());
        let is_late = || began.elapsed() >= self.limits.of_log.page_time;
        let peer = Peer::from_request_without_body(request).await?;
        let permit = peer.passed(&self.bodies).take(0).map_err(Failure::from)?;
        // What has arrived and what is on the page.
        let room = &Mutex::new(permit);
        loop {
            let asks = rounds.asks();
            if asks.is_empty() {
                break;
            }
            let mut answers = stream::iter(asks)
                .map(|ask| async move {
                    let asked = of_partition(request, scan, &ask);
                    let page = self.page::<ScanResponse>(request, ask.partition, asked);
                    let (page, bytes) = page.await?;
                    room.lock().grow(bytes).map_err(Failure::from)?;
                    Ok::<_, poem::Error>((ask, page, bytes))
                })
                .buffered(AT_ONCE);
            while let Some((ask, page, bytes)) = answers.try_next().await? {
                let page = match page {
                    Page::Read(page) => page,
                    Page::Refused(answer) => return Ok(Err(answer)),
                };
                let end = end(&page);
                let read: Vec<Run> = page.values.into_iter().filter_map(run).collect();
                let sizes = read.iter().map(|run| (run.first(), run.encoded().len()));
                let taken = rounds.take(&ask, sizes, end);
                let kept = read[..taken].iter().map(|run| run.encoded().len() as u64);
                room.lock().give_back(bytes.saturating_sub(kept.sum()));
                runs.extend(read.into_iter().take(taken));
                if rounds.is_full() || is_late() {
                    let (positions, more) = rounds.finish();
                    return Ok(Ok((runs, positions, more)));
                }
            }
        }
        let (positions, more) = rounds.finish();
        Ok(Ok((runs, positions, more)))
    }
}

/// The same scan of one partition.
fn of_partition(request: &Request, scan: &ScanRequest, ask: &Ask) -> Request {
    let visibility = scan.visibility.map(|visibility| match visibility {
        Visibility::Memory => "memory",
        Visibility::Durable => "durable",
    });
    let body = proto::ScanRequest {
        prefix: scan.selected.prefix.clone(),
        limit: Some(ask.records as u64),
        start_time_ms: scan.start_time_ms,
        visibility: visibility.map(str::to_owned),
        order: Some("none".to_owned()),
        positions: vec![proto::Position {
            partition: ask.partition.number(),
            next_sequence: ask.start.get(),
            trimmed_before: None,
        }],
        ..proto::ScanRequest::default()
    };
    let mut asked = derived::of(request, &format!("{SCAN}?{PARTITION}={}", ask.partition));
    asked.set_method(Method::POST);
    let protobuf = HeaderValue::from_static(Format::Protobuf.content_type());
    asked.headers_mut().insert(header::CONTENT_TYPE, protobuf);
    asked.set_body(body.encode_to_vec());
    asked
}

/// Where the page of one partition ends.
fn end(page: &ScanResponse) -> End {
    let position = page.positions.first().copied().unwrap_or_default();
    End {
        next: Sequence::new(position.next_sequence),
        more: page.more,
        trimmed_before: position.trimmed_before.map(Sequence::new),
    }
}

/// A record, as it is in pages.
fn run(value: Value) -> Option<Run> {
    let mut headers = Vec::new();
    prost::encoding::message::encode_repeated(4, &value.headers, &mut headers);
    let mut run = RunBuilder::new(value.timestamp_ms);
    run.push_keyed(
        &Key::stored(value.key.unwrap_or_default()),
        Sequence::new(value.sequence),
        &value.value,
        &Headers::stored(headers.into()),
    );
    run.finish()
}
