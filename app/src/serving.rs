//! Connections: how many, over TLS or not, and how long each may take over what it does.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderValue};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use poem::http::uri::Scheme;
use poem::listener::Acceptor;
use poem::web::{LocalAddr, RemoteAddr};
use poem::{Endpoint, RequestParts, Response};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use self::activity::{Activity, Busy, Expired, Watched};
use self::lingering::Linger;
use self::unread::{Left, Unread};
use crate::log_throttle::LogThrottle;

mod activity;
mod lingering;
mod unread;

/// How often to say that connections are refused.
const SAY_EVERY: Duration = Duration::from_secs(10);
/// How long a connection that is closed for idleness may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(1);
/// HTTP/2 clients are asked this often whether they are still there, and have as long to answer.
const PING: Duration = Duration::from_secs(20);

/// What connections may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bounds {
    /// Connections at the same time; more are closed at once.
    pub connections: usize,
    /// Requests at the same time on one HTTP/2 connection.
    pub streams: u32,
    /// Bytes of a request's head; more are answered 431.
    pub header_bytes: usize,
    /// A TLS handshake, and the head of a request from its first byte on, or from the start of the connection.
    pub headers: Duration,
    /// How long a connection may be open without a request, or not take what it is sent.
    pub idle: Duration,
    /// How long the rest of a request that was answered early is read and discarded; zero: not at all.
    pub linger: Duration,
    /// How long requests in flight may take to finish after a stop.
    pub shutdown: Duration,
}

/// Serves `endpoint` to whoever connects, over TLS if there is a configuration for it, until `stop` says true and what
/// is in flight is answered.
pub async fn serve<A, E>(
    mut acceptor: A,
    tls: Option<Arc<ServerConfig>>,
    endpoint: E,
    bounds: Bounds,
    mut stop: watch::Receiver<bool>,
) where
    A: Acceptor,
    E: Endpoint<Output = Response> + 'static,
{
    let tls = tls.map(TlsAcceptor::from);
    let endpoint = Arc::new(endpoint);
    let linger = Linger::new(bounds.linger);
    let mut connections = JoinSet::new();
    let mut too_many = LogThrottle::new(SAY_EVERY);
    let stopping = stop.clone();
    loop {
        let accepted = tokio::select! {
            biased;
            () = stopped(&mut stop) => break,
            Some(_ended) = connections.join_next() => continue,
            accepted = acceptor.accept() => accepted,
        };
        let Ok((io, local, remote, scheme)) = accepted else {
            continue;
        };
        if connections.len() >= bounds.connections {
            if too_many.is_due() {
                let limit = bounds.connections;
                tracing::warn!(
                    limit,
                    "limits.connections is reached: closing new connections"
                );
            }
            continue;
        }
        let connection = Connection {
            endpoint: Arc::clone(&endpoint),
            local,
            remote,
            scheme,
            bounds: bounds.clone(),
            linger: linger.clone(),
            stop: stopping.clone(),
        };
        match tls.clone() {
            None => connections.spawn(connection.speak(io)),
            Some(tls) => connections.spawn(connection.speak_tls(tls, io)),
        };
    }
    drop(acceptor);
    let all_ended = async { while connections.join_next().await.is_some() {} };
    if timeout(bounds.shutdown, all_ended).await.is_err() {
        connections.shutdown().await;
    }
}

/// Resolves when `stop` says true, or nobody is left to say it.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    drop(stop.wait_for(|stop| *stop).await);
}

/// One connection.
struct Connection<E> {
    endpoint: Arc<E>,
    local: LocalAddr,
    remote: RemoteAddr,
    scheme: Scheme,
    bounds: Bounds,
    linger: Linger,
    stop: watch::Receiver<bool>,
}

impl<E: Endpoint<Output = Response> + 'static> Connection<E> {
    async fn speak_tls<Io>(mut self, tls: TlsAcceptor, io: Io)
    where
        Io: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let shaken = tokio::select! {
            () = stopped(&mut self.stop) => return,
            shaken = timeout(self.bounds.headers, tls.accept(io)) => shaken,
        };
        match shaken.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
            Ok(io) => {
                self.scheme = Scheme::HTTPS;
                self.speak(io).await;
            }
            Err(error) => tracing::debug!(remote = %self.remote, %error, "no TLS handshake"),
        }
    }

    async fn speak<Io>(mut self, io: Io)
    where
        Io: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let linger = self.linger.clone();
        let activity = Activity::new(self.bounds.headers, self.bounds.idle, linger);
        let service = service_fn(|request: hyper::Request<Incoming>| {
            let busy = activity.begin(request.version());
            let (parts, body) = request.into_parts();
            let version = parts.version;
            let (body, unread) = Unread::watch(body, &parts.headers);
            let from = (self.local.clone(), self.remote.clone(), self.scheme.clone());
            let parts = RequestParts::from((parts, from.0, from.1, from.2));
            let body = body.map_err(io::Error::other).boxed();
            let request = poem::Request::from_parts(parts, body.into());
            let (endpoint, linger) = (Arc::clone(&self.endpoint), self.linger.time());
            async move {
                let answered = endpoint.call(request).await;
                let response = answered.unwrap_or_else(|error| error.into_response());
                let mut response: hyper::Response<_> = response.into();
                let ends = unread.is_some_and(|unread| !finish(unread.left(), &busy, linger));
                // Over HTTP/2 it is the stream that ends.
                if ends && version < hyper::Version::HTTP_2 {
                    let close = HeaderValue::from_static("close");
                    response.headers_mut().insert(CONNECTION, close);
                }
                Ok::<_, Infallible>(response.map(|body| busy.until_sent(body)))
            }
        });
        let builder = builder(&self.bounds);
        let io = TokioIo::new(Watched::new(io, Arc::clone(&activity)));
        let mut connection = std::pin::pin!(builder.serve_connection(io, service));
        let mut stopping = false;
        loop {
            tokio::select! {
                _ended = connection.as_mut() => return,
                why = activity.expired() => {
                    tracing::debug!(remote = %self.remote, ?why, "closing a connection that took too long");
                    if why == Expired::Idle {
                        connection.as_mut().graceful_shutdown();
                        drop(timeout(GOODBYE, connection).await);
                    }
                    return;
                }
                () = stopped(&mut self.stop), if !stopping => {
                    stopping = true;
                    activity.stopping();
                    connection.as_mut().graceful_shutdown();
                }
            }
        }
    }
}

/// Sees to what is left of an answered request's body; answers whether the connection can be used again.
fn finish(left: Left, busy: &Busy, limit: Duration) -> bool {
    match left {
        Left::Nothing => true,
        Left::Little(mut body) => {
            let busy = busy.another();
            tokio::spawn(async move {
                // A body that is dropped before its end closes the connection: first that it is unread must be known.
                if !unread::discard(&mut body, limit).await {
                    busy.activity().leave_unread();
                }
            });
            true
        }
        Left::Much(body) => {
            busy.activity().leave_unread();
            drop(body);
            false
        }
    }
}

fn builder(bounds: &Bounds) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().max_buf_size(bounds.header_bytes);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING)
        .keep_alive_timeout(PING)
        .max_concurrent_streams(bounds.streams)
        .max_header_list_size(u32::try_from(bounds.header_bytes).unwrap_or(u32::MAX));
    builder
}
