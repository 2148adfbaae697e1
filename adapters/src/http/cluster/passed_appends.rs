//! `POST /-/cluster/appends`: appends that another node passes to partitions of this one, many on one request. It is no part of the API for clients.

use std::io;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures::future::BoxFuture;
use futures::stream::{BoxStream, FuturesUnordered};
use futures::{FutureExt, StreamExt};
use poem::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use poem::{Body, Request, Response, Result};
use prost::Message;
use tokio::sync::mpsc::{self, Sender};

use super::map::{PartitionMap, Place};
use super::session::pieces;
use super::{Cluster, answered, arriving, misdirected};
use crate::http::remote::{self, MOVED};
use crate::http::routes::session;
use crate::http::wire::delimited::Delimited;
use crate::http::wire::failure::{Failure, Reason};
use crate::http::wire::format;
use crate::http::wire::passed_append::{MESSAGE_BYTES, PassedAnswer, PassedAppend};
use crate::http::wire::request_id::RequestId;
use crate::http::wire::route_table::APPEND;

/// Appends of a stream that are applied at the same time, and bytes of them, beyond which nothing more is read of it.
const AT_ONCE: usize = 4_096;
const BYTES_AT_ONCE: usize = 16 << 20;

/// A stream of appends, as it is served.
struct Serving {
    map: Arc<dyn PartitionMap>,
    body: BoxStream<'static, io::Result<Bytes>>,
    received: Delimited,
    applying: FuturesUnordered<BoxFuture<'static, Applied>>,
    /// Bytes of those that are being applied.
    bytes: usize,
    /// The number of the next append.
    next: u64,
    /// Whether more is read.
    reads: bool,
    unsent: BytesMut,
    answers: Sender<Bytes>,
    /// Ends when this node stops.
    stopping: BoxFuture<'static, ()>,
}

/// The answer to an append of so many bytes.
type Applied = (PassedAnswer, usize);

impl Cluster {
    /// Begins to serve a stream of appends. The answer begins at once: the other node waits for that before it sends one.
    pub(super) fn passed_appends(&self, mut request: Request) -> Result<Response> {
        if !remote::was_forwarded(request.headers()) {
            let why = "it is between nodes of a cluster: append with POST /api/v1/log/append";
            return Err(Failure::new(Reason::NotFound, why).into());
        }
        format::check_delimited(request.headers())?;
        let (answers, receiver) = mpsc::channel(1);
        let serving = Serving {
            map: Arc::clone(&self.map),
            body: request.take_body().into_bytes_stream().boxed(),
            received: Delimited::new(MESSAGE_BYTES),
            applying: FuturesUnordered::new(),
            bytes: 0,
            next: 0,
            reads: true,
            unsent: BytesMut::new(),
            answers,
            stopping: self.map.stopping(),
        };
        tokio::spawn(serving.run());
        Ok(session::answered(pieces(receiver).map(Ok)))
    }
}

impl Serving {
    /// Applies appends and answers them until there are no more, this node stops, or the other one is gone.
    async fn run(mut self) {
        while self.reads || !self.applying.is_empty() {
            tokio::select! {
                biased;
                () = self.answers.closed() => return,
                () = &mut self.stopping, if self.reads => self.end(),
                Some(applied) = self.applying.next() => self.answer(&applied),
                part = self.body.next(), if self.has_room() => {
                    if let Some(Ok(part)) = part {
                        self.received.add(&part);
                        self.begin();
                    } else {
                        self.reads = false;
                    }
                }
            }
            while let Some(Some(applied)) = self.applying.next().now_or_never() {
                self.answer(&applied);
            }
            let answers = self.unsent.split().freeze();
            if !answers.is_empty() && self.answers.send(answers).await.is_err() {
                return;
            }
        }
    }

    /// Whether more is read now.
    fn has_room(&self) -> bool {
        self.reads && self.applying.len() < AT_ONCE && self.bytes < BYTES_AT_ONCE
    }

    fn answer(&mut self, (answer, bytes): &Applied) {
        self.bytes -= bytes;
        self.add(answer);
    }

    /// Begins to apply what has arrived whole.
    fn begin(&mut self) {
        loop {
            let frame = self
                .received
                .next()
                .map(|frame| frame.map(PassedAppend::decode));
            match frame {
                Ok(Some(Ok(append))) => {
                    self.next = append.number + 1;
                    let (map, bytes) = (Arc::clone(&self.map), append.body.len());
                    self.bytes += bytes;
                    let applied = applied(map, append).map(move |answer| (answer, bytes));
                    self.applying.push(applied.boxed());
                }
                Ok(None) => return,
                Ok(Some(Err(_))) | Err(_) => {
                    tracing::warn!(
                        "another node passed something that is no append; the rest of its stream is not read"
                    );
                    return self.end();
                }
            }
        }
    }

    /// Reads no more, and says so: what was not read can be sent to another node.
    fn end(&mut self) {
        self.reads = false;
        self.add(&PassedAnswer {
            ends_before: Some(self.next),
            ..PassedAnswer::default()
        });
    }

    fn add(&mut self, answer: &PassedAnswer) {
        // There is always room in it.
        let _ = answer.encode_length_delimited(&mut self.unsent);
    }
}

/// Applies an append.
async fn applied(map: Arc<dyn PartitionMap>, append: PassedAppend) -> PassedAnswer {
    let number = append.number;
    let accepted = append.accepted();
    let id = RequestId::of_text(&append.request_id);
    let request = request(&append, id.clone());
    let answer = match map.partitions().get(append.partition) {
        None => Ok(misdirected(None)),
        Some(partition) => match map.place(partition) {
            Place::Here(routes) => answered(&routes, request).await,
            _ => arriving(&*map, partition, request).await,
        },
    };
    let response =
        answer.unwrap_or_else(|error| Failure::from(error).respond(accepted, APPEND, &id));
    let (head, body) = response.into_parts();
    let header = |name: &HeaderName| text(&head.headers, name);
    let answer = PassedAnswer {
        number,
        status: head.status.as_u16().into(),
        retry_after: header(&header::RETRY_AFTER),
        moved: header(&MOVED),
        body: Bytes::new(),
        ends_before: None,
    };
    match body.into_bytes().await {
        Ok(body) => PassedAnswer { body, ..answer },
        // No answer to an append is streamed.
        Err(_) => PassedAnswer {
            status: StatusCode::BAD_GATEWAY.as_u16().into(),
            ..answer
        },
    }
}

/// The request that a client would have sent.
fn request(append: &PassedAppend, id: RequestId) -> Request {
    let mut request = Request::default();
    request.set_method(Method::POST);
    *request.uri_mut() = Uri::from_static(APPEND);
    let headers = request.headers_mut();
    let types = (
        append.sent().content_type(),
        append.accepted().content_type(),
    );
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(types.0));
    headers.insert(header::ACCEPT, HeaderValue::from_static(types.1));
    request.set_data(id);
    request.set_body(Body::from_bytes(append.body.clone()));
    request
}

fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let value = headers.get(name)?.to_str().ok()?;
    Some(value.to_owned())
}
