//! Connections: their number, TLS, and timeouts.

use std::sync::Arc;
use std::time::Duration;

use log_adapters::http::Refused;
use poem::listener::Acceptor;
use poem::{Endpoint, Response};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use self::connection::Connection;
use self::lingering::Linger;
use self::places::Places;
pub use self::requests::Requests;
use crate::log_throttle::LogThrottle;

mod answer;
mod connection;
mod first_bytes;
mod frames;
mod handshake;
mod heads;
mod idle_and_stalled;
mod lingering;
mod places;
mod requests;
mod tracked_io;
mod unread_body;
mod upgrade;

/// Interval of the log line about refused connections.
const SAY_EVERY: Duration = Duration::from_secs(10);
/// On a connection above the limit a head has this much time, and the next one comes as soon.
const SPARE_TIME: Duration = Duration::from_secs(2);

/// Limits and timeouts of connections.
#[derive(Debug, Clone)]
pub struct Bounds {
    /// Connections at the same time. A few more are accepted for health and metrics only; further ones are closed immediately.
    pub connections: usize,
    /// Requests at the same time on all connections.
    pub requests: Requests,
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

/// Serves `endpoint` to all connections, over TLS if configured, until `stop` is true and the requests in flight are
/// answered.
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
    let places = Places::new(bounds.connections);
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
        let place = places.take();
        if place.as_ref().is_none_or(|place| place.spare) && too_many.is_due() {
            let limit = bounds.connections;
            tracing::warn!(
                limit,
                "limits.connections is reached: closing connections that are idle; new ones get answers on health and metrics only"
            );
        }
        let Some(place) = place else {
            continue;
        };
        let mut bounds = bounds.clone();
        let refused = place.spare.then_some(Refused {
            what: "the number of connections",
            limit: bounds.connections as u64,
        });
        if place.spare {
            bounds.headers = bounds.headers.min(SPARE_TIME);
            bounds.idle = bounds.idle.min(SPARE_TIME);
        }
        let connection = Connection {
            endpoint: Arc::clone(&endpoint),
            linger: linger.of(&remote),
            local,
            remote,
            scheme,
            bounds,
            place,
            places: Arc::clone(&places),
            refused,
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

/// Resolves when `stop` is true or its sender is dropped.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    drop(stop.wait_for(|stop| *stop).await);
}
