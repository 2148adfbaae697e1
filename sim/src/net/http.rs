//! An HTTP client of the log.

use std::io;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use serde_json::Value;

use super::stream::Connect;

/// The time that clients give a connection.
const CONNECT: Duration = Duration::from_secs(2);

/// Sends requests, with connections that are kept.
#[derive(Clone)]
pub struct HttpClient(Client<Connect, UnsyncBoxBody<Bytes, io::Error>>);

/// What a server answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lost {
    /// Nothing was sent: there was no connection.
    NotSent,
    /// It may have been sent, and the connection broke.
    Broken,
    /// It was sent, and no answer came in time.
    Late,
}

impl Default for HttpClient {
    fn default() -> Self {
        let connect = Connect { within: CONNECT };
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .build(connect);
        Self(client)
    }
}

impl HttpClient {
    /// Sends a request to a host, and waits `within` for the answer.
    ///
    /// # Errors
    /// [`Lost`] when there is none.
    pub async fn send(
        &self,
        method: Method,
        host: &str,
        path: &str,
        body: Option<&Value>,
        within: Duration,
    ) -> Result<Answer, Lost> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("http://{host}{path}"));
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        let body = body.map_or_else(Bytes::new, |body| body.to_string().into());
        let request = request.body(body).map_err(|_| Lost::NotSent)?;
        let answer = tokio::time::timeout(within, self.exchange(request));
        let (head, body) = answer.await.unwrap_or(Err(Lost::Late))?.into_parts();
        Ok(Answer {
            status: head.status,
            headers: head.headers,
            body,
        })
    }

    /// Sends a request, whose URI is a path and a query, to a host.
    ///
    /// # Errors
    /// [`Lost`] when there is no answer.
    pub async fn forward(
        &self,
        request: Request<Bytes>,
        host: &str,
    ) -> Result<Response<Bytes>, Lost> {
        self.exchange(sent_to(host, request)?).await
    }

    /// The same, with an answer whose body is streamed.
    ///
    /// # Errors
    /// [`Lost`] when there is no answer.
    pub async fn stream(
        &self,
        request: Request<Bytes>,
        host: &str,
    ) -> Result<Response<BoxStream<'static, Result<Bytes, Lost>>>, Lost> {
        let request = sent_to(host, request)?.map(whole);
        Ok(self.begin(request).await?.map(parts))
    }

    /// The same, with a request whose body is streamed too.
    ///
    /// # Errors
    /// [`Lost`] when there is no answer.
    pub async fn stream_both(
        &self,
        request: Request<BoxStream<'static, Result<Bytes, String>>>,
        host: &str,
    ) -> Result<Response<BoxStream<'static, Result<Bytes, Lost>>>, Lost> {
        let request = sent_to(host, request)?.map(|parts| {
            let frames = parts.map_ok(Frame::data).map_err(io::Error::other);
            StreamBody::new(frames).boxed_unsync()
        });
        Ok(self.begin(request).await?.map(parts))
    }

    /// Sends the frames of a session to a host, and waits `within` for its answers. Gives those that arrived, and how they ended.
    pub async fn session(
        &self,
        host: &str,
        frames: Bytes,
        within: Duration,
    ) -> (BytesMut, Result<(), Lost>) {
        let mut received = BytesMut::new();
        let exchange = async {
            let request = Request::post("/api/v1/log/session")
                .header("content-type", "application/protobuf; delimited=true")
                .body(frames)
                .map_err(|_| Lost::NotSent)?;
            let response = self.stream(request, host).await?;
            let is_session = response.status() == StatusCode::OK;
            let mut answers = response.into_body();
            while let Some(part) = answers.next().await {
                let part = part?;
                // Without a session nothing was read.
                if is_session {
                    received.extend_from_slice(&part);
                }
            }
            Ok(())
        };
        let end = tokio::time::timeout(within, exchange).await;
        let end = end.unwrap_or(Err(Lost::Late));
        (received, end)
    }

    async fn begin(
        &self,
        request: Request<UnsyncBoxBody<Bytes, io::Error>>,
    ) -> Result<Response<Incoming>, Lost> {
        self.0.request(request).await.map_err(|error| {
            if error.is_connect() {
                Lost::NotSent
            } else {
                Lost::Broken
            }
        })
    }

    async fn exchange(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Lost> {
        let (head, body) = self.begin(request.map(whole)).await?.into_parts();
        let body = body.collect().await.map_err(|_| Lost::Broken)?;
        Ok(Response::from_parts(head, body.to_bytes()))
    }
}

fn whole(body: Bytes) -> UnsyncBoxBody<Bytes, io::Error> {
    Full::new(body)
        .map_err(|never| match never {})
        .boxed_unsync()
}

fn parts(body: Incoming) -> BoxStream<'static, Result<Bytes, Lost>> {
    let parts = body.into_data_stream();
    parts.map(|part| part.map_err(|_| Lost::Broken)).boxed()
}

/// The request, to a host.
fn sent_to<B>(host: &str, mut request: Request<B>) -> Result<Request<B>, Lost> {
    let uri = format!("http://{host}{}", request.uri());
    *request.uri_mut() = uri.parse().map_err(|_| Lost::NotSent)?;
    Ok(request)
}
