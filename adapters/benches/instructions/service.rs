//! Requests to the whole service in one thread: from the HTTP endpoint to SlateDB, over an object store in memory.
//!
//! Time stands still while there is work, so that nothing happens in the background unless a request waits for it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use log_adapters::http::{HttpApi, HttpOptions, HttpParts, Readiness, Side};
use log_adapters::store::slate::{Options, SlateStore, StoreParts};
use log_adapters::telemetry::Metrics;
use log_domain::follow::Followers;
use log_domain::{Clock, LogService};
use object_store::memory::InMemory;
use poem::endpoint::BoxEndpoint;
use poem::http::{Method, StatusCode};
use poem::{Endpoint, EndpointExt, Request, Response};
use prost::Message;
use tokio::runtime::{Builder, Runtime};

use crate::codecs::append_request;
use crate::{Case, NOW_MS, count_each, records};

pub(crate) const CASES: &[Case] = &[
    Case {
        name: "append one record",
        operations: 100,
        run: |times| append(1, false, times),
    },
    Case {
        name: "append 100 records",
        operations: 50,
        run: |times| append(100, false, times),
    },
    Case {
        name: "append one record, durably",
        operations: 20,
        run: |times| append(1, true, times),
    },
    Case {
        name: "scan a page of 1,000 records that were just appended",
        operations: 20,
        run: |times| scan(Place::Memory, "application/protobuf", times),
    },
    Case {
        name: "scan a page of 1,000 records from data files, as JSON",
        operations: 5,
        run: |times| scan(Place::Files, "application/json", times),
    },
];

/// Appends to 10 keys, one request after the other.
fn append(records_each: usize, durably: bool, times: usize) {
    let runtime = runtime();
    let server = runtime.block_on(Server::open(&Arc::default(), 1));
    let requests = (0..=times).map(|_| append_of(records_each, 10, durably));
    count_each(requests.collect(), |request| {
        runtime.block_on(server.send(request))
    });
    runtime.block_on(server.close());
}

/// Where the records lie that are read.
#[derive(PartialEq, Eq)]
enum Place {
    /// Where SlateDB keeps what is not in a data file yet.
    Memory,
    /// In a data file, whose blocks are cached by the first read.
    Files,
}

/// Reads a whole page of a key, which ten appends have made.
fn scan(place: Place, format: &str, times: usize) {
    let runtime = runtime();
    let objects = Arc::default();
    let mut server = runtime.block_on(Server::open(&objects, 1));
    for _ in 0..10 {
        runtime.block_on(server.send(append_of(100, 1, false)));
    }
    if place == Place::Files {
        runtime.block_on(server.close());
        server = runtime.block_on(Server::open(&objects, 2));
    }
    let uri = "/api/v1/log/scan?key=orders-0&limit=1000";
    let requests = (0..=times).map(|_| request(Method::GET, uri, format).finish());
    count_each(requests.collect(), |request| {
        let page = runtime.block_on(server.send(request));
        assert!(page.len() > 100_000, "{} bytes", page.len());
        page
    });
    runtime.block_on(server.close());
}

fn runtime() -> Runtime {
    let mut builder = Builder::new_current_thread();
    let runtime = builder.enable_all().start_paused(true).build();
    runtime.expect("a runtime")
}

fn append_of(count: usize, keys: usize, durably: bool) -> Request {
    let mut message = append_request(records(count, keys));
    message.await_durable = durably;
    let format = "application/protobuf";
    let request = request(Method::POST, "/api/v1/log/append", format);
    request.content_type(format).body(message.encode_to_vec())
}

fn request(method: Method, uri: &str, format: &str) -> poem::RequestBuilder {
    let request = Request::builder().method(method);
    let request = request.uri(uri.parse().expect("a URI"));
    request.header("host", "localhost").header("accept", format)
}

/// What answers requests.
struct Server {
    endpoint: BoxEndpoint<'static, Response>,
    service: Arc<LogService<SlateStore>>,
}

impl Server {
    /// Opens the log in `objects` with the defaults of a server. Each one of a log needs another `seed`.
    async fn open(objects: &Arc<InMemory>, seed: u64) -> Self {
        let metrics = Metrics::new().expect("metrics");
        let options = Options::default();
        let limits = options.limits;
        let followers = Arc::new(Followers::new(&limits));
        let parts = StoreParts {
            objects: Arc::clone(objects) as _,
            clock: Arc::new(Stopped),
            listener: Arc::clone(&followers) as _,
            telemetry: Arc::new(metrics.clone()),
            recorder: metrics.slatedb(),
            seed: Some(seed),
        };
        let store = SlateStore::open(parts, options).await.expect("opened");
        let telemetry = Arc::new(metrics.clone());
        let service = Arc::new(LogService::new(store, followers, telemetry, limits));
        let api = HttpApi::starting(&metrics.meter(), None, HttpOptions::default());
        api.open(HttpParts {
            service: Arc::clone(&service),
            readiness: Arc::new(Ready),
            render_metrics: Arc::new(move || metrics.render()),
            feed: None,
        });
        Self {
            endpoint: api.endpoint(Side::Only).boxed(),
            service,
        }
    }

    /// The whole body of the answer, which is a success.
    async fn send(&self, request: Request) -> Bytes {
        let answered = self.endpoint.call(request).await;
        let response = answered.expect("the endpoint answers errors itself");
        assert_eq!(response.status(), StatusCode::OK);
        response.into_body().into_bytes().await.expect("a body")
    }

    async fn close(&self) {
        let closed = self.service.close(Duration::from_secs(60)).await;
        closed.expect("closed");
    }
}

/// A clock that stands still.
struct Stopped;

impl Clock for Stopped {
    fn now_ms(&self) -> i64 {
        NOW_MS
    }
}

struct Ready;

impl Readiness for Ready {
    fn check(&self) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(async { Ok(()) })
    }
}
