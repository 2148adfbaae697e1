//! The load of one append that is sent again and again, as it was encoded before: what costs the load generator least.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use prost::Message;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use crate::arguments::Arguments;
use crate::encoded;
use crate::measured::{Measured, Problem};
use crate::pace::{Pace, Sender};
use crate::requests::TIMEOUT;

const PATH: &str = "/api/v1/log/append";

/// What all connections measured, and in which time.
///
/// # Errors
/// When the server cannot be reached, or the URL is not one of plain HTTP.
pub(crate) async fn run(arguments: &Arguments) -> Result<(Measured, Duration), Problem> {
    let mut connections = Vec::new();
    for connection in 0..arguments.connections {
        connections.push(Connection::open(arguments, connection).await?);
    }
    let started = Instant::now();
    let paces = Pace::of_all(arguments, started);
    let connections = connections.into_iter().zip(paces);
    let connections = connections.map(|(connection, pace)| pace.run(connection));
    let measured = Measured::of_all(connections.collect()).await;
    Ok((measured, started.elapsed()))
}

/// A connection, and what is sent on it.
struct Connection {
    authority: String,
    sender: SendRequest<Full<Bytes>>,
    append: Bytes,
    records: u64,
}

impl Connection {
    async fn open(arguments: &Arguments, connection: u64) -> Result<Self, Problem> {
        let url: Uri = arguments.url.parse().map_err(Problem::of)?;
        let authority = url.authority().filter(|_| url.scheme_str() == Some("http"));
        let authority = authority.ok_or_else(|| Problem::new("not a URL of plain HTTP"))?;
        let port = authority.port_u16().unwrap_or(80);
        let authority = format!("{}:{port}", authority.host());
        let append = encoded::append(arguments, &mut encoded::keys(arguments, connection));
        Ok(Self {
            sender: connect(&authority).await?,
            authority,
            append: append.encode_to_vec().into(),
            records: arguments.records,
        })
    }

    /// Sends the append and reads the answer; how many records were appended.
    async fn append(&mut self) -> Result<u64, Problem> {
        if self.sender.ready().await.is_err() {
            self.sender = connect(&self.authority).await?;
        }
        let request = Request::post(PATH)
            .header(HOST, &self.authority)
            .header(CONTENT_TYPE, "application/protobuf")
            .body(Full::new(self.append.clone()))
            .map_err(Problem::of)?;
        let answer = self.sender.send_request(request).await;
        let (head, body) = answer.map_err(Problem::of)?.into_parts();
        let body = body.collect().await.map_err(Problem::of)?.to_bytes();
        if head.status.is_success() {
            return Ok(self.records);
        }
        let (status, body) = (head.status, String::from_utf8_lossy(&body));
        Err(Problem::new(format!(
            "an append was answered {status}: {body}"
        )))
    }
}

impl Sender for Connection {
    async fn send(&mut self) -> Result<u64, Problem> {
        let outcome = timeout(TIMEOUT, self.append()).await;
        outcome.unwrap_or_else(|_| Err(Problem::new("no answer in time")))
    }
}

async fn connect(authority: &str) -> Result<SendRequest<Full<Bytes>>, Problem> {
    let stream = TcpStream::connect(authority).await.map_err(Problem::of)?;
    stream.set_nodelay(true).map_err(Problem::of)?;
    let connected = handshake(TokioIo::new(stream)).await;
    let (sender, connection) = connected.map_err(Problem::of)?;
    // Its errors are those of the requests.
    tokio::spawn(connection);
    Ok(sender)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use clap::Parser;
    use hyper::body::Incoming;
    use hyper::server::conn::http1;
    use hyper::service::service_fn;
    use hyper::{Response, StatusCode};
    use opendata_log::wire;
    use tokio::net::TcpListener;

    use super::*;

    /// A server that takes every other append, and refuses and closes the connection in between.
    async fn server() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let asked = Arc::new(AtomicU64::new(0));
        let answer = move |request: Request<Incoming>| {
            let is_taken = asked.fetch_add(1, Ordering::Relaxed).is_multiple_of(2);
            async move {
                assert_eq!(request.uri().path(), PATH);
                let body = request.into_body().collect().await.expect("a body");
                let append = wire::AppendRequest::decode(body.to_bytes()).expect("an append");
                assert_eq!(append.records.len(), 3);
                let mut answer = Response::new(Full::new(Bytes::from_static(b"answer")));
                if !is_taken {
                    *answer.status_mut() = StatusCode::TOO_MANY_REQUESTS;
                    let close = hyper::header::HeaderValue::from_static("close");
                    answer.headers_mut().insert("connection", close);
                }
                Ok::<_, Infallible>(answer)
            }
        };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let service = service_fn(answer.clone());
                let io = TokioIo::new(stream);
                tokio::spawn(http1::Builder::new().serve_connection(io, service));
            }
        });
        url
    }

    #[tokio::test]
    async fn refusals_are_errors_and_a_connection_that_was_closed_is_replaced() {
        let url = server().await;
        let arguments = "log-load --mode repeat --seconds 1 --rate 20 --connections 1 --records 3";
        let arguments = arguments.split(' ').chain(["--url", &url]);
        let arguments = Arguments::try_parse_from(arguments).expect("arguments");
        let (measured, _) = run(&arguments).await.expect("connections");
        assert_eq!((measured.latency.len(), measured.errors), (10, 10));
        assert_eq!(measured.records, 30);
        let first = measured.first_error.expect("an error").to_string();
        assert_eq!(
            first,
            "an append was answered 429 Too Many Requests: answer"
        );
    }
}
