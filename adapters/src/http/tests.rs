//! The API over the memory store, called as a server would call it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use log_domain::follow::Followers;
use log_domain::{
    Append, Appended, Authorizer, Counted, Credentials, Cursor, CursorMove, CursorName,
    CursorsPage, CursorsQuery, Deletion, Denied, Durability, Error, Key, KeysPage, KeysQuery,
    Limits, LogReader, LogService, LogStore, LogWriter, Page, PrefixFloor, PrefixRules,
    ProducerPolicy, Result, Right, Scan, SealPolicy, Segment, Sequence, SequenceRange, Status,
    Stopped, StoredSegment, Trim, Watermarks,
};
use opentelemetry::metrics::MeterProvider;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use poem::endpoint::BoxEndpoint;
use poem::http::{HeaderMap, Method, StatusCode};
use poem::{Body, Endpoint, EndpointExt, Request, Response};
use serde_json::Value as Json;

use super::{HttpApi, HttpOptions, HttpParts, Readiness, Side};
use crate::clock::SystemClock;
use crate::store::memory::{Memory, MemoryStore};

mod appending;
mod cluster;
mod compressed;
mod console;
mod cursors;
mod deleting;
mod described;
mod document;
mod examples;
mod failing;
mod forwarding;
mod fuzz;
mod headers;
mod late;
mod newest;
mod read_only;
mod reading;
mod safe_appends;
mod session;
mod several;
mod streaming;
mod text;
mod trimming;
mod unknown;
mod wire;

/// A server and what is behind it.
struct Server<S = MemoryStore> {
    endpoint: Arc<BoxEndpoint<'static, Response>>,
    service: Arc<LogService<S>>,
}

/// An answer with its whole body.
#[derive(Debug)]
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    fn json(&self) -> Json {
        serde_json::from_slice(&self.body).expect("a JSON body")
    }

    /// The body as text, which is one line.
    fn line(&self) -> &str {
        let text = std::str::from_utf8(&self.body).expect("UTF-8");
        text.strip_suffix('\n').expect("a newline at the end")
    }

    fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).map(|value| value.to_str());
        value.expect("the header is there").expect("text")
    }

    /// Asserts that it is an `ErrorResponse` with this status and code; answers its message.
    fn error(&self, status: u16, code: &str) -> String {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        assert_eq!(self.header("content-type"), "application/json");
        let error = self.json();
        assert_eq!(error["status"], "error");
        assert_eq!(error["code"], code, "{error}");
        error["message"].as_str().expect("a message").to_owned()
    }
}

struct Ready(std::result::Result<(), String>);

impl Readiness for Ready {
    fn check(&self) -> BoxFuture<'_, std::result::Result<(), String>> {
        Box::pin(async { self.0.clone() })
    }
}

/// Tokens are the names of the rights that they have.
struct NamedRights;

impl Authorizer for NamedRights {
    fn authorize(
        &self,
        credentials: Credentials<'_>,
        right: Right,
    ) -> std::result::Result<(), Denied> {
        let named = |has: &Right| credentials.bearer == Some(has.name());
        match Right::ALL.iter().find(|has| named(has)) {
            Some(has) if *has == right => Ok(()),
            Some(_) => Err(Denied::Insufficient),
            None => Err(Denied::Unauthenticated),
        }
    }
}

fn memory_server() -> Server {
    memory_server_with(Limits::default(), HttpOptions::default())
}

fn memory_server_with(limits: Limits, options: HttpOptions) -> Server {
    let followers = Arc::new(Followers::new(&limits));
    let memory = Memory::new(SealPolicy::default(), ProducerPolicy::default());
    let store = MemoryStore::open(memory, Arc::new(SystemClock), Arc::clone(&followers) as _);
    server(store, followers, limits, options, Ready(Ok(())))
}

fn server<S: LogStore>(
    store: S,
    followers: Arc<Followers>,
    limits: Limits,
    options: HttpOptions,
    ready: Ready,
) -> Server<S> {
    let service = LogService::new(store, followers, Arc::new(()), limits);
    serve(Arc::new(service), options, ready, None)
}

fn serve<S: LogStore>(
    service: Arc<LogService<S>>,
    options: HttpOptions,
    ready: Ready,
    authorizer: Option<Arc<dyn Authorizer>>,
) -> Server<S> {
    let meter = SdkMeterProvider::default().meter("test");
    let api = HttpApi::starting(&meter, authorizer, options);
    api.open(HttpParts {
        service: Arc::clone(&service),
        readiness: Arc::new(ready),
        render_metrics: Arc::new(|| "# metrics\n".to_owned()),
        feed: None,
    });
    Server {
        endpoint: Arc::new(api.endpoint(Side::Only).boxed()),
        service,
    }
}

impl<S> Server<S> {
    async fn response(&self, request: Request) -> Response {
        let answered = self.endpoint.call(request).await;
        answered.expect("the endpoint answers errors itself")
    }

    async fn send(&self, request: Request) -> Answer {
        let response = self.response(request).await;
        let (parts, body) = response.into_parts();
        assert!(parts.headers.contains_key("x-request-id"));
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: body.into_bytes().await.expect("a whole body"),
        }
    }

    async fn get(&self, uri: &str) -> Answer {
        self.send(get(uri, &[])).await
    }

    async fn append_json(&self, body: impl Into<Body>) -> Answer {
        let request = post(
            "/api/v1/log/append",
            &[("content-type", "application/json")],
        );
        self.send(request.body(body)).await
    }

    /// Appends one record of `key`, given as plain text, for each of `values`.
    async fn append(&self, key: &str, values: &[&str]) {
        use base64::Engine;
        let encode = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
        let records: Vec<Json> = values
            .iter()
            .map(|value| serde_json::json!({"key": encode(key), "value": encode(value)}))
            .collect();
        let answer = self
            .append_json(serde_json::json!({"records": records}).to_string())
            .await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    }
}

fn get(uri: &str, headers: &[(&str, &str)]) -> Request {
    request(Method::GET, uri, headers).finish()
}

fn delete(uri: &str, headers: &[(&str, &str)]) -> Request {
    request(Method::DELETE, uri, headers).finish()
}

fn post(uri: &str, headers: &[(&str, &str)]) -> poem::RequestBuilder {
    request(Method::POST, uri, headers)
}

fn put(uri: &str, headers: &[(&str, &str)]) -> poem::RequestBuilder {
    request(Method::PUT, uri, headers)
}

fn request(method: Method, uri: &str, headers: &[(&str, &str)]) -> poem::RequestBuilder {
    let uri = uri.parse().expect("a URI");
    let request = Request::builder().method(method).uri(uri);
    let request = request.header("host", "localhost");
    headers.iter().fold(request, |request, (name, value)| {
        request.header(*name, *value)
    })
}

/// A store that fails at everything in the same way.
struct Failing(Error);

impl LogReader for Failing {
    async fn scan(&self, _scan: &Scan) -> Result<Page> {
        Err(self.0.clone())
    }
    async fn keys(&self, _query: &KeysQuery) -> Result<KeysPage> {
        Err(self.0.clone())
    }
    async fn segments(&self, _range: SequenceRange) -> Result<Vec<Segment>> {
        Err(self.0.clone())
    }
    async fn count(&self, _key: &Key, _range: SequenceRange) -> Result<Counted> {
        Err(self.0.clone())
    }
    async fn cursor(&self, _name: &CursorName) -> Result<Option<Cursor>> {
        Err(self.0.clone())
    }
    async fn cursors(&self, _query: &CursorsQuery) -> Result<CursorsPage> {
        Err(self.0.clone())
    }
    fn watermarks(&self) -> Watermarks {
        Watermarks::default()
    }
    fn floor(&self) -> Sequence {
        Sequence::ZERO
    }
    fn prefix_floor(&self, _key: &Key) -> Sequence {
        Sequence::ZERO
    }
    fn status(&self) -> Status {
        Status::default()
    }
    async fn check(&self) -> Result<()> {
        Err(self.0.clone())
    }
    async fn stopped(&self) -> Stopped {
        std::future::pending().await
    }
}

impl LogWriter for Failing {
    async fn append(&self, _append: Append, _durability: Durability) -> Result<Appended> {
        Err(self.0.clone())
    }

    async fn trim(&self, _trim: Trim) -> Result<Sequence> {
        Err(self.0.clone())
    }

    async fn delete(&self, _deletion: Deletion) -> Result<Sequence> {
        Err(self.0.clone())
    }

    async fn apply_rules(&self, _rules: &PrefixRules) -> Result<Vec<PrefixFloor>> {
        Err(self.0.clone())
    }

    async fn move_cursor(&self, _wanted: CursorMove) -> Result<Cursor> {
        Err(self.0.clone())
    }

    async fn delete_cursor(&self, _name: &CursorName) -> Result<bool> {
        Err(self.0.clone())
    }

    fn stored(&self) -> Vec<StoredSegment> {
        Vec::new()
    }

    async fn close(&self, _within: Duration) -> Result<()> {
        Ok(())
    }
}

fn failing_server(error: Error) -> Server<Failing> {
    let limits = Limits::default();
    let followers = Arc::new(Followers::new(&limits));
    let ready = Ready(Err("the store is not reachable".to_owned()));
    server(
        Failing(error),
        followers,
        limits,
        HttpOptions::default(),
        ready,
    )
}
