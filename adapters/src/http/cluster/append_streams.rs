//! Appends that are passed to other nodes: those for one node on one request, as they come.
//!
//! A request of its own costs an append more CPU, on both nodes, than all the rest of its way. Here appends that come at the same time are sent
//! with one write, and answered with one. Each has an answer of its own, in whatever order they are ready.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use log_domain::cluster::Partition;
use parking_lot::Mutex;
use poem::Request;
use poem::http::{HeaderValue, Method, Response, StatusCode, header};
use tokio::sync::mpsc::{self, Sender};
use tokio::sync::oneshot;

use super::id_of;
use super::session::pieces;
use stream::{Outcome, Passed, Stream};

use crate::http::remote::MOVED;
use crate::http::remote::writer::{Lost, Writer};
use crate::http::wire::format::Format;
use crate::http::wire::passed_append::{BODY_BYTES, PassedAnswer, PassedAppend};
use crate::http::wire::route_table::APPEND;

mod stream;

/// Appends that wait until they are written. Further ones wait for room.
const WAITING: usize = 1_024;

/// The streams of appends to other nodes: one for each node and token.
///
/// The token is checked where a stream ends, when it begins. Whoever uses it was checked here before, with each request.
pub(super) struct AppendStreams {
    streams: Mutex<HashMap<To, Sender<Passed>>>,
    /// A node answers within this time, or its stream is given up.
    within: Duration,
}

/// An append of a client.
#[derive(Clone)]
pub(super) struct AppendOf {
    append: PassedAppend,
    token: Option<HeaderValue>,
}

/// Where a stream goes, and for whom.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct To {
    url: String,
    token: Option<HeaderValue>,
}

impl AppendStreams {
    pub(super) fn new(within: Duration) -> Self {
        Self {
            streams: Mutex::default(),
            within,
        }
    }

    /// Passes an append to the node at `url`, and answers as it does; `None` if the node takes no streams.
    ///
    /// # Errors
    /// [`Lost`].
    pub(super) async fn pass(
        &self,
        (url, node): (&str, &Arc<dyn Writer>),
        AppendOf { append, token }: AppendOf,
    ) -> Result<Option<Response<Bytes>>, Lost> {
        let accepted = append.accepted();
        let (answer, answered) = oneshot::channel();
        let mut passed = Passed { append, answer };
        let to = To {
            url: url.to_owned(),
            token,
        };
        // A stream that has ended meanwhile gives it back.
        while let Err(back) = self.stream(&to, node).send(passed).await {
            passed = back.0;
        }
        match answered.await {
            Ok(Outcome::Answered(answer)) => Ok(Some(response(answer, accepted))),
            Ok(Outcome::Lost(lost)) => Err(lost),
            Ok(Outcome::Refused) => Ok(None),
            Err(_) => Err(Lost::Unknown("its stream was dropped".to_owned())),
        }
    }

    /// The stream to a node, which is begun if there is none.
    fn stream(&self, to: &To, node: &Arc<dyn Writer>) -> Sender<Passed> {
        let mut streams = self.streams.lock();
        if let Some(stream) = streams.get(to)
            && !stream.is_closed()
        {
            return stream.clone();
        }
        streams.retain(|_, stream| !stream.is_closed());
        let (stream, waiting) = mpsc::channel(WAITING);
        streams.insert(to.clone(), stream.clone());
        let (node, token) = (Arc::clone(node), to.token.clone());
        tokio::spawn(Stream::new(waiting, self.within).run(node, token));
        stream
    }
}

/// A request as an append that is passed on; `None` if it is to be sent as a request of its own: it is no append, or has more than
/// [`BODY_BYTES`].
pub(super) fn passed(partition: Partition, request: &Request, body: &Bytes) -> Option<AppendOf> {
    let headers = request.headers();
    let is_append = request.method() == Method::POST
        && request.uri() == APPEND
        && body.len() <= BODY_BYTES
        && !headers.contains_key(header::CONTENT_ENCODING);
    if !is_append {
        return None;
    }
    let append = PassedAppend {
        number: 0,
        partition: partition.number(),
        is_json: Format::of_body(headers).ok()? == Format::Json,
        wants_json: Format::accepted(headers) == Format::Json,
        request_id: id_of(request),
        body: body.clone(),
    };
    let token = headers.get(header::AUTHORIZATION).cloned();
    Some(AppendOf { append, token })
}

/// What another node answered, as it would have to a request.
fn response(answer: PassedAnswer, accepted: Format) -> Response<Bytes> {
    let status = u16::try_from(answer.status).map(StatusCode::from_u16);
    let mut response = Response::new(answer.body);
    *response.status_mut() = match status {
        Ok(Ok(status)) => status,
        _ => StatusCode::BAD_GATEWAY,
    };
    let headers = response.headers_mut();
    let content_type = HeaderValue::from_static(accepted.content_type());
    headers.insert(header::CONTENT_TYPE, content_type);
    for (name, value) in [
        (header::RETRY_AFTER, answer.retry_after),
        (MOVED, answer.moved),
    ] {
        if let Some(value) = value.and_then(|value| HeaderValue::try_from(value).ok()) {
            headers.insert(name, value);
        }
    }
    response
}
