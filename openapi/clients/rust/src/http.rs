//! Requests to one server and their answers, as bytes.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Body, Method, RequestBuilder, Response, Url};
use tokio::sync::Semaphore;

use crate::body::{Taken, WatchedBody};
use crate::cluster::{self, Cluster};
use crate::connection::Observer;
use crate::frames::FramesBody;
use crate::no_answer::NoAnswer;
use crate::partition::About;
use crate::wire::PROTOBUF;

/// The content type of an append session.
const DELIMITED: &str = "application/protobuf; delimited=true";

/// The map of a cluster is of use but not needed: it is not waited for any longer.
const LONGEST_LEARNING: Duration = Duration::from_secs(5);

/// No answer is larger: servers end a page at a few MiB, so the rest is for settings that allow larger ones.
const LARGEST_ANSWER_BYTES: usize = 256 * 1024 * 1024;

/// The server, and the connections to it.
pub(crate) struct Http {
    url: String,
    pub(crate) cluster: Arc<Cluster>,
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
        cluster: Arc<Cluster>,
    ) -> Self {
        Self {
            url,
            cluster,
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
        about: &About,
    ) -> Result<Answer, NoAnswer> {
        if waits {
            let get = |url: &str| Ok(self.waiting.get(with(url, path, parameters)?));
            return self.send(about, get).await;
        }
        let _place = self.place().await;
        let get = |url: &str| Ok(self.requests.get(with(url, path, parameters)?));
        self.send(about, get).await
    }

    /// Sends a protobuf message, which has these parts, as the body of `path` with these parameters. Says with the answer whether it was sent whole.
    pub(crate) async fn put_or_post(
        &self,
        method: Method,
        path: &str,
        parameters: &[(&str, String)],
        parts: &[Bytes],
        about: &About,
    ) -> (Result<Answer, NoAnswer>, bool) {
        let _place = self.place().await;
        let mut taken = Taken::default();
        let request = |url: &str| {
            let (body, watched) = WatchedBody::new(parts.iter().cloned());
            taken = watched;
            let url = with(url, path, parameters)?;
            let request = self.requests.request(method.clone(), url);
            Ok(request
                .header(CONTENT_TYPE, PROTOBUF)
                .body(Body::wrap(body)))
        };
        let answer = self.send(about, request).await;
        (answer, taken.wholly())
    }

    /// Sends a read whose request is the body: `POST path` with a protobuf message. As with [`Http::get`], one that `waits` is not counted.
    pub(crate) async fn read_by_post(
        &self,
        path: &str,
        parameters: &[(&str, String)],
        body: Vec<u8>,
        waits: bool,
        about: &About,
    ) -> Result<Answer, NoAnswer> {
        let body = Bytes::from(body);
        let request = |client: &reqwest::Client, url: &str| {
            let request = client.post(with(url, path, parameters)?);
            Ok(request.header(CONTENT_TYPE, PROTOBUF).body(body.clone()))
        };
        if waits {
            return self.send(about, |url| request(&self.waiting, url)).await;
        }
        let _place = self.place().await;
        self.send(about, |url| request(&self.requests, url)).await
    }

    /// Sends `DELETE path` with these parameters.
    pub(crate) async fn delete(
        &self,
        path: &str,
        parameters: &[(&str, String)],
        about: &About,
    ) -> Result<Answer, NoAnswer> {
        let _place = self.place().await;
        let delete = |url: &str| Ok(self.requests.delete(with(url, path, parameters)?));
        self.send(about, delete).await
    }

    /// Opens a session with `POST path` where what it is about is served: gives its answer as soon as it begins, however long that takes. As with
    /// tails, it is not counted.
    pub(crate) async fn session(
        &self,
        path: &str,
        body: FramesBody,
        about: &About,
    ) -> Result<Response, NoAnswer> {
        let partition = self.cluster.partition(about);
        let parameters = partition.map(|partition| ("partition", partition.to_string()));
        let url = self.cluster.targets(about).swap_remove(0);
        let request = self.sessions.post(with(&url, path, parameters.as_slice())?);
        let request = request.header(CONTENT_TYPE, DELIMITED);
        let request = self.with_headers(request).body(Body::wrap(body));
        request.send().await.map_err(|error| {
            let lost = NoAnswer::of(error);
            if lost.was_not_sent {
                self.cluster.unreachable(&url);
            }
            lost
        })
    }

    /// Asks for the map of the cluster before something is sent: if it is known and may be old, or if the client is to, or must, know it.
    pub(crate) async fn prepare(&self, must: bool) {
        let unknown = must && !self.cluster.is_known();
        if self.cluster.has_partitions() || self.cluster.is_wanted() || unknown {
            self.learn(None).await;
        }
    }

    /// Whether there are several partitions. If that is not known, the cluster is asked.
    pub(crate) async fn has_partitions(&self) -> bool {
        if !self.cluster.is_known() {
            self.learn(None).await;
        }
        self.cluster.has_partitions()
    }

    /// Whether a request about `other` is of another partition than one about `one`. If it may be, the cluster is asked.
    pub(crate) async fn is_elsewhere(&self, one: &About, other: &About) -> bool {
        if one.tag.is_none() || one == other {
            return false;
        }
        if !self.cluster.is_known() {
            self.learn(None).await;
        }
        self.cluster.partition(one) != self.cluster.partition(other)
    }

    /// Asks for the map of the cluster, after an answer of `url` or where there is an answer.
    pub(crate) async fn learn(&self, url: Option<&str>) {
        if !self.cluster.may_ask() {
            return;
        }
        for url in self.cluster.to_ask(url) {
            match self.map_of(&url).await {
                Ok(answer) => return self.cluster.told(answer.status, &answer.body),
                Err(lost) if lost.was_not_sent => self.cluster.unreachable(&url),
                Err(_) => {}
            }
        }
    }

    /// What the node at `url`, and no other, says of the cluster.
    pub(crate) async fn map_of(&self, url: &str) -> Result<Answer, NoAnswer> {
        let request = self.requests.get(format!("{url}{}", cluster::PATH));
        let request = self.with_headers(request).timeout(LONGEST_LEARNING);
        match request.send().await {
            Ok(response) => read(response).await,
            Err(error) => Err(NoAnswer::of(error)),
        }
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

    /// Sends a request to the node that serves its partition, else to the URL of the client, else to any node. It is sent to another one only if there
    /// was no connection to the one before.
    async fn send(
        &self,
        about: &About,
        mut request: impl FnMut(&str) -> Result<RequestBuilder, NoAnswer>,
    ) -> Result<Answer, NoAnswer> {
        if self.cluster.is_wanted() {
            self.learn(None).await;
        }
        let mut targets = self.cluster.targets(about).into_iter().peekable();
        loop {
            let url = targets.next().unwrap_or_default();
            let sent = self.with_headers(request(&url)?).send().await;
            let response = match sent.map_err(NoAnswer::of) {
                Ok(response) => response,
                Err(lost) if lost.was_not_sent && !lost.is_hopeless => {
                    self.cluster.unreachable(&url);
                    if targets.peek().is_none() {
                        return Err(lost);
                    }
                    continue;
                }
                Err(lost) => return Err(lost),
            };
            let (status, headers) = (response.status().as_u16(), response.headers());
            let has_moved = self.cluster.answered(about, &url, status, headers);
            let answer = read(response).await;
            if has_moved {
                self.learn(Some(&url)).await;
            }
            return answer;
        }
    }
}

/// The URL of `path` at a server, with these parameters.
fn with(server: &str, path: &str, parameters: &[(&str, String)]) -> Result<Url, NoAnswer> {
    let mut url = Url::parse(&format!("{server}{path}")).map_err(|error| NoAnswer {
        reason: error.to_string(),
        was_not_sent: true,
        is_hopeless: true,
        source: None,
    })?;
    if !parameters.is_empty() {
        url.query_pairs_mut().extend_pairs(parameters);
    }
    Ok(url)
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
