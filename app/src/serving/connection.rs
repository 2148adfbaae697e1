//! One connection, from its handshake to its end.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures::future::Either;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderValue};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Method, Version};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use log_adapters::http::{Peer, Refused};
use poem::http::uri::Scheme;
use poem::web::{LocalAddr, RemoteAddr};
use poem::{Endpoint, RequestParts, Response};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use super::Bounds;
use super::answer::AnswerBody;
use super::first_bytes;
use super::handshake::Handshake;
use super::idle_and_stalled::{Activity, Busy, Expired};
use super::lingering::Linger;
use super::places::{Place, Places};
use super::requests::Verdict;
use super::tracked_io::TrackedIo;
use super::unread_body::{self, Left, UnreadBody};
use super::upgrade::Upgrade;

/// The body of what the endpoint answers.
type Boxed = http_body_util::combinators::BoxBody<bytes::Bytes, io::Error>;

/// How long a connection that is closed for idleness may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(1);
/// When a stream of an HTTP/2 connection is stalled, its other requests have this much time to end.
const FAREWELL: Duration = Duration::from_secs(10);
/// How often to look whether they have.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// HTTP/2 clients are asked this often whether they are still there, and have as long to answer.
const PING: Duration = Duration::from_secs(20);

/// Ends a connection of either version when its requests are answered.
macro_rules! shut_down {
    ($connection:ident) => {
        match $connection.as_mut().as_pin_mut() {
            Either::Left(connection) => connection.graceful_shutdown(),
            Either::Right(connection) => connection.graceful_shutdown(),
        }
    };
}

/// One connection.
pub(super) struct Connection<E> {
    pub(super) endpoint: Arc<E>,
    pub(super) local: LocalAddr,
    pub(super) remote: RemoteAddr,
    pub(super) scheme: Scheme,
    pub(super) bounds: Bounds,
    pub(super) linger: Linger,
    pub(super) place: Place,
    pub(super) places: Arc<Places>,
    /// Why most requests are refused on it; nothing if they are not.
    pub(super) refused: Option<Refused>,
    pub(super) stop: watch::Receiver<bool>,
}

impl<E: Endpoint<Output = Response> + 'static> Connection<E> {
    pub(super) async fn speak_tls<Io>(mut self, tls: TlsAcceptor, io: Io)
    where
        Io: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let shaken = tokio::select! {
            () = super::stopped(&mut self.stop) => return,
            shaken = timeout(self.bounds.headers, tls.accept(Handshake::new(io))) => shaken,
        };
        match shaken.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
            Ok(mut io) => {
                io.get_mut().0.is_done();
                self.scheme = Scheme::HTTPS;
                self.speak(io).await;
            }
            Err(error) => tracing::debug!(remote = %self.remote, %error, "no TLS handshake"),
        }
    }

    pub(super) async fn speak<Io>(self, io: Io)
    where
        Io: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let activity = Activity::new(&self.bounds, self.linger.clone());
        let _seated = self.places.seat(&self.place, &activity);
        let peer = Peer::default();
        let upgrade = Upgrade::default();
        // hyper keeps room for one such future while the connection lives, so it is in a box that goes with the answer.
        let service =
            service_fn(|request| Box::pin(self.answer(request, &activity, &peer, &upgrade)));
        let mut stop = self.stop.clone();
        let mut io = TrackedIo::new(io, Arc::clone(&activity));
        let first = tokio::select! {
            biased;
            first = first_bytes::read(&mut io) => first,
            why = activity.expired() => {
                tracing::debug!(remote = %self.remote, ?why, "closing a connection without a request");
                return;
            }
            () = super::stopped(&mut stop) => return,
        };
        let Ok((first, is_http2)) = first else {
            return;
        };
        io.put_back(first);
        let io = TokioIo::new(io);
        let connection = if is_http2 {
            Either::Right(http2(&self.bounds).serve_connection(io, service))
        } else {
            Either::Left(
                http1(&self.bounds)
                    .serve_connection(io, service)
                    .with_upgrades(),
            )
        };
        let mut connection = std::pin::pin!(connection);
        let mut closed = std::pin::pin!(upgrade.close());
        let mut ended = false;
        let mut stopping = false;
        let why = loop {
            tokio::select! {
                _ended = connection.as_mut(), if !ended => ended = true,
                () = closed.as_mut(), if ended => return,
                why = activity.expired() => break why,
                () = super::stopped(&mut stop), if !stopping => {
                    stopping = true;
                    activity.stopping();
                    if !ended {
                        shut_down!(connection);
                    }
                }
            }
        };
        tracing::debug!(remote = %self.remote, ?why, "closing a connection that took too long");
        match why {
            _ if ended => {}
            Expired::Silent | Expired::Lingered => {}
            Expired::Idle => {
                shut_down!(connection);
                drop(timeout(GOODBYE, connection).await);
            }
            // What else is asked on the connection is answered, if it can be.
            Expired::Stalled if activity.only_stalled() || stopping => {}
            Expired::Stalled => {
                shut_down!(connection);
                let others = async {
                    while !activity.only_stalled() {
                        sleep(LOOK_EVERY).await;
                    }
                };
                tokio::select! {
                    _ended = timeout(FAREWELL, connection) => {}
                    () = others => {}
                    () = super::stopped(&mut stop) => {}
                }
            }
        }
    }

    fn answer(
        &self,
        request: hyper::Request<Incoming>,
        activity: &Arc<Activity>,
        peer: &Peer,
        upgrade: &Upgrade,
    ) -> impl Future<Output = Result<hyper::Response<AnswerBody<Boxed>>, h2::Error>> + use<E> {
        let (busy, malformed) = activity.begin(request.version());
        let (mut parts, body) = request.into_parts();
        upgrade.keep(&mut parts);
        let http2 = parts.version == Version::HTTP_2;
        let verdict = self.bounds.requests.admit(&parts, self.refused);
        let reads = parts.method == Method::GET || parts.method == Method::HEAD;
        let (body, unread) = UnreadBody::watch(body, &parts.headers, http2);
        let from = (self.local.clone(), self.remote.clone(), self.scheme.clone());
        let parts = RequestParts::from((parts, from.0, from.1, from.2));
        let body = if reads {
            // Nobody will read it: over HTTP/2 what came of it would be held until the answer.
            drop(body);
            poem::Body::empty()
        } else {
            body.map_err(io::Error::other).boxed().into()
        };
        let mut request = poem::Request::from_parts(parts, body);
        request.set_data(peer.clone());
        let last = self.place.spare || malformed.is_some();
        if let Some(malformed) = malformed {
            request.set_data(malformed);
        }
        let (endpoint, linger) = (Arc::clone(&self.endpoint), self.linger.time());
        let places = Arc::clone(&self.places);
        async move {
            let admission = match verdict {
                Verdict::Served(admission) => admission,
                Verdict::Refused(admission, refused) => {
                    places.evict_stalled();
                    request.set_data(refused);
                    admission
                }
                Verdict::Ignored => {
                    places.evict_stalled();
                    return Err(h2::Error::from(h2::Reason::REFUSED_STREAM));
                }
            };
            let answered = endpoint.call(request).await;
            let response = answered.unwrap_or_else(|error| error.into_response());
            let mut response: hyper::Response<_> = response.into();
            let ends = unread.is_some_and(|unread| !finish(unread.left(), &busy, linger));
            // Over HTTP/2 it is the stream that ends.
            if (ends || last) && !http2 {
                let close = HeaderValue::from_static("close");
                response.headers_mut().insert(CONNECTION, close);
            }
            Ok(response.map(|body| AnswerBody::new(body, busy, admission, http2)))
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
                if !unread_body::discard(&mut body, limit).await {
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

fn http1(bounds: &Bounds) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder.max_buf_size(bounds.header_bytes);
    builder
}

fn http2(bounds: &Bounds) -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .keep_alive_interval(PING)
        .keep_alive_timeout(PING)
        .max_concurrent_streams(bounds.streams)
        .max_header_list_size(u32::try_from(bounds.header_bytes).unwrap_or(u32::MAX));
    builder
}
