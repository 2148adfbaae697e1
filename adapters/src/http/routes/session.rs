//! `POST /api/v1/log/session`: appends that are sent one behind the other on one request, and are answered in the same order.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt};
use log_domain::budget::Budget;
use log_domain::{LogReader, LogService, LogWriter};
use poem::http::header;
use poem::{Body, IntoResponse, Request, RequestBody, Response};
use poem_openapi::registry::{MetaMediaType, MetaRequest, MetaResponse, MetaResponses, Registry};
use poem_openapi::{ApiExtractor, ApiExtractorType, ApiResponse, ExtractParamOptions, OpenApi};
use tokio::sync::mpsc;

use super::follower_place;
use super::peer::Peer;
use crate::http::document::Tag;
use crate::http::document::schema;
use crate::http::wire::failure::Failure;
use crate::http::wire::format::{self, DELIMITED};
use crate::http::wire::proto::{AppendRequest, AppendResponse, ErrorResponse};
use crate::http::wire::request_id::RequestId;
use answers::Answers;
use frames::Frames;
use pipeline::Pipeline;

mod answers;
pub(in crate::http) mod frames;
mod pipeline;

/// Groups of answers that wait for a client to read them; each is small.
const ANSWERS: usize = 1;

pub(in crate::http) struct SessionRoute<S> {
    pub(in crate::http) service: Arc<LogService<S>>,
    /// Bytes of appends that are being received or are not answered yet.
    pub(in crate::http) budget: Budget,
    /// How long the rest of a frame may take that has begun, and how long a session waits for room.
    pub(in crate::http) frame_timeout: Duration,
}

#[OpenApi]
impl<S: LogReader + LogWriter> SessionRoute<S> {
    /// Append in a session
    ///
    /// For many small appends at the highest rate: the body is a sequence of frames without an end, each an `AppendRequest` in binary protobuf
    /// behind its length (a varint, as protobuf libraries write delimited messages). The response is a sequence of such frames, an
    /// `AppendResponse` or an `ErrorResponse` for each request in the same order, and begins while the body still arrives. Its field `status` is
    /// `success` or `error`. It works over HTTP/2, and over HTTP/1.1 with a chunked body. Generated clients cannot use it.
    ///
    /// Each frame is an append of its own, atomic and with its own `awaitDurable`. The frames of a session are applied in their order. Send without waiting
    /// for answers: what arrives together is committed together. The server reads on once it has answered, so a client that does not read
    /// the answers, or sends faster than they come, is slowed down by flow control.
    ///
    /// A frame that fails and has a `producer` ends the session, and nothing behind it is applied; one that was applied before does not (`duplicate`, or
    /// the code `producer_sequence_too_old`). A frame that fails without a producer is answered, and the session continues. A frame whose outcome is
    /// unknown (`deadline_exceeded`) ends the session too; frames behind it that may have been applied are answered. So does a frame that is not a valid
    /// `AppendRequest`, is too large, or does not arrive whole within 30 s of its beginning.
    ///
    /// The server ends the response when the body ends, or when the server stops: it answers every frame that it has applied. Send frames without an answer again in a new
    /// session: with a producer, each is applied once. The token is checked when the session begins. A session counts as one of the clients that
    /// follow (10,000 by default). A read-only server does not forward sessions: its status is 421.
    ///
    /// In a cluster, the frames of a session are of one partition: that of the parameter `partition`, or else of the first frame. A frame of another partition
    /// is answered with the code `invalid_argument`. The server ends the response when the partition moves to another node.
    #[oai(
        path = "/api/v1/log/session",
        method = "post",
        operation_id = "session",
        tag = "Tag::Log"
    )]
    async fn session(
        &self,
        request_id: RequestId,
        peer: Peer,
        /// The frames.
        body: SessionBody,
    ) -> Result<SessionAnswers, Failure> {
        let place = follower_place::take(&self.service)?;
        let (sender, receiver) = mpsc::channel(ANSWERS);
        let limits = self.service.limits();
        let pipeline = Pipeline {
            frames: Frames::new(
                body.0,
                limits.request_bytes,
                peer.appends(&self.budget).take(0)?,
                self.frame_timeout,
            ),
            answers: Answers::new(request_id),
            sender,
            service: Arc::clone(&self.service),
            place,
        };
        tokio::spawn(pipeline.run());
        Ok(SessionAnswers(receiver))
    }
}

/// The frames of a client, as they arrive.
struct SessionBody(BoxStream<'static, io::Result<Bytes>>);

impl<'a> ApiExtractor<'a> for SessionBody {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];
    const PARAM_IS_REQUIRED: bool = true;

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        schema::register::<AppendRequest>(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        Some(MetaRequest {
            description: None,
            content: vec![delimited()],
            required: true,
        })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        format::check_delimited(request.headers())?;
        Ok(Self(body.take()?.into_bytes_stream().boxed()))
    }
}

fn delimited() -> MetaMediaType {
    MetaMediaType {
        content_type: DELIMITED,
        schema: schema::binary(
            "Messages of openapi/log.proto, each behind its length as a varint.",
        ),
    }
}

/// The answers, as they come.
struct SessionAnswers(mpsc::Receiver<Bytes>);

impl IntoResponse for SessionAnswers {
    fn into_response(self) -> Response {
        answered(stream::unfold(self.0, |mut answers| async move {
            let frames = answers.recv().await?;
            Some((Ok(frames), answers))
        }))
    }
}

/// The response to a session.
pub(in crate::http) fn answered(
    answers: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
) -> Response {
    Response::builder()
        .content_type(DELIMITED)
        .header(header::CACHE_CONTROL, "no-store")
        .header("x-accel-buffering", "no")
        .body(Body::from_bytes_stream(answers))
}

impl ApiResponse for SessionAnswers {
    fn meta() -> MetaResponses {
        MetaResponses {
            responses: vec![MetaResponse {
                description: "The answers, in the order of the requests.",
                status: Some(200),
                status_range: None,
                content: vec![delimited()],
                headers: Vec::new(),
            }],
        }
    }

    fn register(registry: &mut Registry) {
        schema::register::<AppendResponse>(registry);
        schema::register::<ErrorResponse>(registry);
    }
}
