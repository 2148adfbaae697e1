//! The hosts `node-0` to `node-7`: the server that ships, as a node of a cluster.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt, stream};
use http::{Method, Request, Response};
use log_adapters::http::{Lost, Streamed, Writer};
use log_adapters::objects::ClientEnvironment;
use log_app::cluster::ClusterParts;
use log_app::config::Config;
use log_app::lifetime;
use log_app::security::Security;
use log_app::server::{ServerParts, start};
use log_app::storage::{self, Stores};
use serde_json::json;
use tokio::sync::watch;

use super::plan::{ClusterPlan, NODES};
use super::planted::{self, Planted};
use super::record::Recorder;
use crate::hosts::s3;
use crate::net::{self, HttpClient, SimAcceptor, SimNetwork};
use crate::time::SimClock;

/// Where nodes listen.
pub(super) const PORT: u16 = 8080;

/// How long the S3 client waits for an answer.
pub(super) const S3_TIMEOUT_MS: u64 = 4_000;

/// `memory.unflushed` of a node.
pub(super) const UNFLUSHED_BYTES: u64 = 64 << 10;

/// A host that can run a node.
#[derive(Clone)]
pub(super) struct Node(Arc<State>);

struct State {
    number: usize,
    config: Config,
    seed: u64,
    clock: SimClock,
    recorder: Recorder,
    bug: Option<Planted>,
    /// Whether a process is to run when the host is booted.
    wanted: AtomicBool,
    /// Whether one runs.
    alive: AtomicBool,
    lives: AtomicU64,
    signals: watch::Sender<u32>,
}

impl Node {
    /// A host with nothing on it yet.
    ///
    /// # Errors
    /// When the server refuses its settings.
    pub(super) fn new(
        number: usize,
        plan: &ClusterPlan,
        recorder: Recorder,
        bug: Option<Planted>,
    ) -> Result<Self, String> {
        Ok(Self(Arc::new(State {
            number,
            config: config(NODES[number], plan.size.partitions, bug)?,
            seed: plan.seed.wrapping_mul(64).wrapping_add(number as u64),
            clock: SimClock::ahead(plan.skew_ms[number]),
            recorder,
            bug,
            wanted: AtomicBool::new(false),
            alive: AtomicBool::new(false),
            lives: AtomicU64::new(0),
            signals: watch::Sender::new(0),
        })))
    }

    pub(super) fn name(&self) -> &'static str {
        NODES[self.0.number]
    }

    pub(super) fn is_alive(&self) -> bool {
        self.0.alive.load(Ordering::Relaxed)
    }

    /// Has a process begin with the next boot.
    pub(super) fn want(&self) {
        self.0.wanted.store(true, Ordering::Relaxed);
        self.0.alive.store(true, Ordering::Relaxed);
    }

    /// Sends SIGTERM.
    pub(super) fn signal(&self) {
        self.0.signals.send_modify(|signals| *signals += 1);
    }

    /// Notes that the process was killed.
    pub(super) fn killed(&self) {
        self.0.alive.store(false, Ordering::Relaxed);
    }

    /// What a boot runs: one process, if one is wanted.
    ///
    /// # Errors
    /// Never: what goes wrong is an end of the process.
    pub(super) async fn boot(self) -> turmoil::Result {
        if self.0.wanted.swap(false, Ordering::Relaxed) {
            let end = self.live().await;
            self.0
                .recorder
                .happened(format!("{} ended: {end}", self.name()), false);
            self.0.alive.store(false, Ordering::Relaxed);
        }
        // The supervisor takes the host down, and with it the connections.
        std::future::pending().await
    }

    async fn live(&self) -> String {
        let state = &*self.0;
        let mut signals = state.signals.subscribe();
        signals.mark_unchanged();
        let config = &state.config;
        let acceptor = match SimAcceptor::bind(PORT).await {
            Ok(acceptor) => acceptor,
            Err(error) => return error.to_string(),
        };
        let security = match Security::open(config) {
            Ok(security) => security,
            Err(why) => return why,
        };
        let environment = ClientEnvironment {
            variables: s3::variables(S3_TIMEOUT_MS),
            network: Some(Arc::new(SimNetwork)),
        };
        let life = state.lives.fetch_add(1, Ordering::Relaxed);
        // Equal seeds on two nodes would break fencing: each life has its own, and there is room for those of the partitions that it opens.
        let seed = (state.seed.wrapping_mul(1 << 10).wrapping_add(life)).wrapping_mul(1 << 32);
        let stores = storage::open(config, &environment);
        let (bug, number) = (state.bug, state.number);
        let opening = start(
            config,
            ServerParts {
                stores: async move {
                    let stores = stores.await?;
                    Ok(Stores {
                        objects: planted::around(stores.objects, bug, number),
                        ..stores
                    })
                },
                clock: Arc::new(state.clock.clone()),
                seed: Some(seed),
                request_id_seed: seed,
                acceptor,
                admin: None,
                security,
                writer: None,
                feed: Arc::default(),
                log_lines: Arc::default(),
                cluster: Some(ClusterParts {
                    url: format!("http://{}:{PORT}", self.name()),
                    incarnation: seed,
                    connect: Arc::new(move |url| {
                        let host = url.trim_start_matches("http://").to_owned();
                        Ok(Arc::new(ToNode {
                            http: HttpClient::default(),
                            host,
                            bug,
                        }) as Arc<dyn Writer>)
                    }),
                }),
                settings: Vec::new(),
            },
        );
        let running = tokio::select! {
            opened = opening => match opened {
                Ok(running) => running,
                Err(why) => return format!("cannot start: {why}"),
            },
            _ = signals.changed() => return "stopped while it started".to_owned(),
        };
        let signal = async || {
            // The sender lives as long as this host.
            let _ = signals.changed().await;
            "SIGTERM"
        };
        match lifetime::until_ended(running, signal, config.shutdown.fenced).await {
            Ok(()) => "stopped".to_owned(),
            Err(why) => why.to_string(),
        }
    }
}

/// The settings of a node.
///
/// # Errors
/// When the server refuses them.
pub(super) fn config(node: &str, partitions: u32, bug: Option<Planted>) -> Result<Config, String> {
    let unflushed = match bug {
        Some(Planted::Hoard) => 1 << 26,
        _ => UNFLUSHED_BYTES,
    };
    let settings = json!({
        "storage": { "s3": { "bucket": s3::BUCKET } },
        // Its clients call it by the names of simulated hosts.
        "host": "0.0.0.0",
        "cluster": {
            "enabled": true,
            "node": node,
            "partitions": partitions,
            "advertise": format!("http://{node}:{PORT}"),
        },
        "durability": { "flush_interval": "50ms" },
        "timeouts": { "append": "10s", "read": "10s", "open": "25s", "check": "1s" },
        "shutdown": { "timeout": "20s", "lame_duck": "0s", "fenced": "0s" },
        "memory": { "block_cache": 1 << 20, "meta_cache": 1 << 20, "unflushed": unflushed },
        "slatedb": {
            "l0_sst_size_bytes": unflushed / 2,
            "manifest_poll_interval": "3s",
            "compactor_options": {
                "poll_interval": "5s",
                "worker": { "compactions_poll_interval": "5s" },
            },
        },
    });
    Config::load(None, settings).map_err(|refusal| refusal.to_string())
}

/// The way from one node to another.
struct ToNode {
    http: HttpClient,
    host: String,
    bug: Option<Planted>,
}

impl Writer for ToNode {
    fn send(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Response<Bytes>, Lost>> {
        async move {
            let answer = self.http.forward(request, &self.host).await;
            answer.map_err(|lost| self.lost(lost))
        }
        .boxed()
    }

    fn stream(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Response<Streamed>, Lost>> {
        async move {
            if self.bug == Some(Planted::ForwardTwice) && request.method() == Method::POST {
                let again = self.http.clone();
                // Its answer is nobody's.
                drop(again.forward(request.clone(), &self.host).await);
            }
            let answer = self.http.stream(request, &self.host).await;
            answer.map(streamed).map_err(|lost| self.lost(lost))
        }
        .boxed()
    }

    fn exchange(
        &self,
        request: Request<Streamed>,
    ) -> BoxFuture<'_, Result<Response<Streamed>, Lost>> {
        let twice = self.bug == Some(Planted::ForwardTwice);
        let request = request.map(|parts| match twice {
            // With each append as often.
            true => parts
                .flat_map(|part| stream::iter([part.clone(), part]))
                .boxed(),
            false => parts,
        });
        let (request, answers) = planted::passed(self.bug, &self.http, &self.host, request);
        async move {
            let answer = self.http.stream_both(request, &self.host).await;
            let answer = answer.map(|answer| streamed(answer).map(answers));
            answer.map_err(|lost| self.lost(lost))
        }
        .boxed()
    }
}

impl ToNode {
    fn lost(&self, lost: net::Lost) -> Lost {
        match lost {
            net::Lost::NotSent => Lost::NotSent(self.host.clone()),
            net::Lost::Broken | net::Lost::Late => Lost::Unknown(self.host.clone()),
        }
    }
}

fn streamed(answer: Response<BoxStream<'static, Result<Bytes, net::Lost>>>) -> Response<Streamed> {
    answer.map(|parts| {
        let parts = parts.map(|part| part.map_err(|_| "it broke".to_owned()));
        parts.boxed()
    })
}
