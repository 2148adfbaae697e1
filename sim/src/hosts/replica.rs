//! The hosts `read-1` and `read-2`: read-only servers, which nobody but their clients knows of.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, stream};
use http::{Request, Response};
use log_adapters::http::{Lost, Streamed, Writer};
use log_adapters::objects::ClientEnvironment;
use log_app::config::Config;
use log_app::security::Security;
use log_app::server::{ServerParts, start};
use log_app::storage;
use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::time::{Instant, sleep};

use super::s3;
use super::server::PORT;
use crate::net::{self, HttpClient, SimAcceptor, SimNetwork};
use crate::planted::Planted;
use crate::time::SimClock;

/// The hosts.
pub const REPLICAS: [&str; 2] = ["read-1", "read-2"];

/// The pause after a start that failed, or a stop.
const PAUSE: Duration = Duration::from_millis(300);

/// Of so many parts of a stream of commits, one is late by up to this time, and one is the last.
const LATE_PARTS: u32 = 12;
const LATE_MS: u64 = 1_500;
const LAST_PARTS: u32 = 60;

/// A host that runs a read-only server.
#[derive(Clone)]
pub struct Replica {
    /// Of the server.
    pub config: Config,
    /// Of the run.
    pub seed: u64,
    /// How long the S3 client waits for an answer.
    pub request_timeout_ms: u64,
    /// How far its clock is ahead.
    pub skew_ms: i64,
    /// Which server writes the log: where changes are forwarded to.
    pub writer: Arc<dyn Fn() -> &'static str + Send + Sync>,
    /// Whether it gets the commits of that server, or polls.
    pub follows: bool,
    /// What is broken about it.
    pub planted: Option<Planted>,
    /// The server is stopped after so long, and started again.
    pub restarts_ms: Option<u64>,
}

impl Replica {
    /// What the host runs, for as long as there is a simulation.
    ///
    /// # Errors
    /// When the server refuses its settings.
    pub async fn serve(self) -> turmoil::Result {
        for life in 0.. {
            self.live(life).await?;
            sleep(PAUSE).await;
        }
        Ok(())
    }

    /// Until the server is stopped; also when there is no log to read yet.
    async fn live(&self, life: u64) -> turmoil::Result {
        let environment = ClientEnvironment {
            variables: s3::variables(self.request_timeout_ms),
            network: Some(Arc::new(SimNetwork)),
        };
        // Other ones than those of servers that write.
        let seed = !self.seed.wrapping_mul(1 << 16).wrapping_add(life);
        let Ok(acceptor) = SimAcceptor::bind(PORT).await else {
            // The server before has not let go of it yet.
            return Ok(());
        };
        let parts = ServerParts {
            stores: storage::open(&self.config, &environment),
            clock: Arc::new(SimClock::ahead(self.skew_ms)),
            seed: Some(seed),
            request_id_seed: seed,
            acceptor,
            admin: None,
            security: Security::open(&self.config)?,
            writer: Some(Arc::new(ToWriter {
                http: HttpClient::default(),
                node: Arc::clone(&self.writer),
                follows: self.follows,
                random: Mutex::new(StdRng::seed_from_u64(seed)),
                planted: self.planted,
            })),
            feed: Arc::default(),
            log_lines: Arc::default(),
            cluster: None,
            settings: Vec::new(),
        };
        let Ok(running) = start(&self.config, parts).await else {
            return Ok(());
        };
        match self.restarts_ms {
            Some(after_ms) => sleep(Duration::from_millis(after_ms)).await,
            None => drop(running.broken().await),
        }
        // There is nothing that it could lose.
        let _ = running.stop(Instant::now()).await;
        Ok(())
    }
}

/// The server that writes the log, which is another one after a takeover.
struct ToWriter {
    http: HttpClient,
    node: Arc<dyn Fn() -> &'static str + Send + Sync>,
    follows: bool,
    random: Mutex<StdRng>,
    planted: Option<Planted>,
}

impl ToWriter {
    /// The stream, with parts that are late, and cut.
    fn disturbed(&self, parts: Streamed) -> Streamed {
        let random = StdRng::seed_from_u64(self.random.lock().random());
        let disturbed = stream::unfold((parts, random), async |(mut parts, mut random)| {
            if random.random_range(0..LATE_PARTS) == 0 {
                let late = random.random_range(0..LATE_MS);
                sleep(Duration::from_millis(late)).await;
            }
            if random.random_range(0..LAST_PARTS) == 0 {
                return None;
            }
            let part = parts.next().await?;
            Some((part, (parts, random)))
        });
        disturbed.boxed()
    }
}

impl Writer for ToWriter {
    fn send(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Response<Bytes>, Lost>> {
        let host = format!("{}:{PORT}", (self.node)());
        async move {
            let answer = self.http.forward(request, &host).await;
            answer.map_err(|lost| match lost {
                net::Lost::NotSent => Lost::NotSent(host),
                _ if self.planted == Some(Planted::SayNotSent) => Lost::NotSent(host),
                net::Lost::Broken | net::Lost::Late => Lost::Unknown(host),
            })
        }
        .boxed()
    }

    fn exchange(
        &self,
        _request: Request<Streamed>,
    ) -> BoxFuture<'_, Result<Response<Streamed>, Lost>> {
        // A read-only server forwards no sessions.
        async { Err(Lost::NotSent((self.node)().to_owned())) }.boxed()
    }

    fn stream(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Response<Streamed>, Lost>> {
        let host = format!("{}:{PORT}", (self.node)());
        async move {
            if !self.follows {
                return Err(Lost::NotSent("it does not follow".to_owned()));
            }
            let answer = self.http.stream(request, &host).await;
            let answer = answer.map_err(|_| Lost::Unknown(host))?;
            let answer = answer.map(|parts| {
                let parts = parts.map(|part| part.map_err(|_| "it broke".to_owned()));
                self.disturbed(parts.boxed())
            });
            Ok(answer)
        }
        .boxed()
    }
}
