//! Requests to one server and their answers, as bytes.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Body, RequestBuilder, Response, Url};
use tokio::sync::Semaphore;

use crate::body::WatchedBody;
use crate::connection::Observer;
use crate::frames::FramesBody;
use crate::no_answer::NoAnswer;
use crate::wire::PROTOBUF;

/// The content type of an append session.
const DELIMITED: &str = "application/protobuf; delimited=true";

/// No answer is larger: servers end a page at a few MiB, so the rest is for settings that allow larger ones.
const LARGEST_ANSWER_BYTES: usize = 256 * 1024 * 1024;

/// The server, and the connections to it.
pub(crate) struct Http {
    url: String,
    authorization: Option<HeaderValue>,
    /// For requests that are answered as soon as they can be.
    requests: reqwest::Client,
    /// For those of tails, which are answered when there is a record.
    waiting: reqwest::Client,
    /// For sessions, which may be silent for as long as nothing is appended.
    sessions: reqwest::Client,
    /// How long the server may be silent that is to answer.
    pub(crate) silence: Duration,
    /// Bounds how many of the first kind are on their way.
    places: Semaphore,
    /// Is told of the connection of each tail.
    pub(crate) observer: Observer,
}

/// An answer that was read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Http {
    pub(crate) fn new(
        url: String,
        authorization: Option<HeaderValue>,
        [requests, waiting, sessions]: [reqwest::Client; 3],
        silence: Duration,
        places: usize,
        observer: Observer,
    ) -> Self {
        Self {
            url,
            authorization,
            requests,
            waiting,
            sessions,
            silence,
            places: Semaphore::new(places.min(Semaphore::MAX_PERMITS)),
            observer,
        }
    }

    /// The URL of `path`, without parameters.
    pub(crate) fn url_of(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// Sends `GET path` with these parameters. One that `waits` is not counted among the requests that are on their way.
    pub(crate) async fn get(
        &self,
        path: &str,
        parameters: &[(&str, String)],
        waits: bool,
    ) -> Result<Answer, NoAnswer> {
        let url = self.url_with(path, parameters)?;
        if waits {
            return self.send(self.waiting.get(url)).await;
        }
        let _place = self.place().await;
        self.send(self.requests.get(url)).await
    }

    /// Sends `POST path` with a protobuf message as its body.
    pub(crate) async fn post(&self, path: &str, body: WatchedBody) -> Result<Answer, NoAnswer> {
        let _place = self.place().await;
        let request = self.requests.post(self.url_of(path));
        let request = request.header(CONTENT_TYPE, PROTOBUF);
        self.send(request.body(Body::wrap(body))).await
    }

    /// Sends a read whose request is the body: `POST path` with a protobuf message. As with [`Http::get`], one that `waits` is not counted.
    pub(crate) async fn read_by_post(
        &self,
        path: &str,
        body: Vec<u8>,
        waits: bool,
    ) -> Result<Answer, NoAnswer> {
        let request = |client: &reqwest::Client| {
            let request = client.post(self.url_of(path));
            request.header(CONTENT_TYPE, PROTOBUF).body(body)
        };
        if waits {
            return self.send(request(&self.waiting)).await;
        }
        let _place = self.place().await;
        self.send(request(&self.requests)).await
    }

    /// Sends `PUT path` with a protobuf message as its body.
    pub(crate) async fn put(&self, path: &str, body: WatchedBody) -> Result<Answer, NoAnswer> {
        let _place = self.place().await;
        let request = self.requests.put(self.url_of(path));
        let request = request.header(CONTENT_TYPE, PROTOBUF);
        self.send(request.body(Body::wrap(body))).await
    }

    /// Sends `DELETE path` with these parameters.
    pub(crate) async fn delete(
        &self,
        path: &str,
        parameters: &[(&str, String)],
    ) -> Result<Answer, NoAnswer> {
        let url = self.url_with(path, parameters)?;
        let _place = self.place().await;
        self.send(self.requests.delete(url)).await
    }

    /// Opens a session with `POST path`: gives its answer as soon as it begins, however long that takes. As with tails, it is not counted.
    pub(crate) async fn session(&self, path: &str, body: FramesBody) -> Result<Response, NoAnswer> {
        let request = self.sessions.post(self.url_of(path));
        let request = request.header(CONTENT_TYPE, DELIMITED);
        let request = self.with_headers(request).body(Body::wrap(body));
        request.send().await.map_err(NoAnswer::of)
    }

    fn url_with(&self, path: &str, parameters: &[(&str, String)]) -> Result<Url, NoAnswer> {
        let mut url = Url::parse(&self.url_of(path)).map_err(|error| NoAnswer {
            reason: error.to_string(),
            was_not_sent: true,
            is_hopeless: true,
            source: None,
        })?;
        url.query_pairs_mut().extend_pairs(parameters);
        Ok(url)
    }

    async fn place(&self) -> impl Drop {
        let place = self.places.acquire().await;
        place.expect("the semaphore is never closed")
    }

    fn with_headers(&self, request: RequestBuilder) -> RequestBuilder {
        let request = request.header(ACCEPT, PROTOBUF);
        match &self.authorization {
            Some(authorization) => request.header(AUTHORIZATION, authorization),
            None => request,
        }
    }

    async fn send(&self, request: RequestBuilder) -> Result<Answer, NoAnswer> {
        let response = self
            .with_headers(request)
            .send()
            .await
            .map_err(NoAnswer::of)?;
        read(response).await
    }
}

/// An answer, read to its end.
pub(crate) async fn read(response: Response) -> Result<Answer, NoAnswer> {
    Ok(Answer {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        body: body_of(response).await?,
    })
}

/// The body of an answer. One that comes in a single piece is not copied.
async fn body_of(mut response: Response) -> Result<Bytes, NoAnswer> {
    let first = response.chunk().await.map_err(NoAnswer::of)?;
    let first = first.unwrap_or_default();
    let Some(second) = response.chunk().await.map_err(NoAnswer::of)? else {
        return Ok(first);
    };
    let length = response.headers().get(reqwest::header::CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
    let mut all = BytesMut::with_capacity(length.unwrap_or(0).min(LARGEST_ANSWER_BYTES));
    all.extend_from_slice(&first);
    all.extend_from_slice(&second);
    while let Some(piece) = response.chunk().await.map_err(NoAnswer::of)? {
        if all.len() + piece.len() > LARGEST_ANSWER_BYTES {
            return Err(NoAnswer {
                reason: format!("the answer has more than {LARGEST_ANSWER_BYTES} bytes"),
                was_not_sent: false,
                is_hopeless: true,
                source: None,
            });
        }
        all.extend_from_slice(&piece);
    }
    Ok(all.freeze())
}
