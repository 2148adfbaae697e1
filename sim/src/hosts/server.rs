//! The hosts `log-1` and `log-2`: the server that ships, on the simulated network.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use log_adapters::objects::ClientEnvironment;
use log_app::config::{Config, RetentionSection};
use log_app::lifetime::{self, Ended};
use log_app::security::Security;
use log_app::server::{ServerParts, start};
use log_app::storage;
use parking_lot::Mutex;
use tokio::sync::watch;

use super::s3;
use crate::history::{End, Recorder};
use crate::net::{SimAcceptor, SimNetwork};
use crate::planted::{self, Planted};
use crate::time::SimClock;

/// The hosts that can run a server.
pub const NODES: [&str; 2] = ["log-1", "log-2"];

/// Where it listens.
pub const PORT: u16 = 8080;

/// A host that can run a server, from the supervisor's point of view.
#[derive(Clone)]
pub struct Node(Arc<State>);

struct State {
    parts: NodeParts,
    /// Whether a process is to run when the host is booted.
    wanted: AtomicBool,
    take_over: AtomicBool,
    /// Whether the log is to stay as it is.
    frozen: AtomicBool,
    clock: SimClock,
    signals: watch::Sender<u32>,
    process: Mutex<Process>,
}

/// The process that runs on a host, or ran last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Process {
    /// Its place in the history; nothing before the first.
    pub life: Option<usize>,
    /// Whether it serves.
    pub open: bool,
    /// Whether it is over.
    pub ended: bool,
    /// Whether it is over because another server has the log.
    pub fenced: bool,
    /// Whether it is over because it was asked to stop, with everything flushed.
    pub clean: bool,
}

/// What a host is made with.
pub struct NodeParts {
    /// Its name.
    pub name: &'static str,
    /// How far its clock is ahead.
    pub skew_ms: i64,
    /// Of the run.
    pub seed: u64,
    /// Of the server.
    pub config: Config,
    /// How long the S3 client waits for an answer.
    pub request_timeout_ms: u64,
    /// Where lives are written down.
    pub recorder: Recorder,
    /// What is broken about it.
    pub planted: Option<Planted>,
}

impl Node {
    /// A host with nothing on it yet.
    pub fn new(parts: NodeParts) -> Self {
        Self(Arc::new(State {
            wanted: AtomicBool::new(false),
            take_over: AtomicBool::new(false),
            frozen: AtomicBool::new(false),
            clock: SimClock::ahead(parts.skew_ms),
            signals: watch::Sender::new(0),
            process: Mutex::default(),
            parts,
        }))
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.0.parts.name
    }

    /// What runs on it, or ran last.
    pub fn process(&self) -> Process {
        *self.0.process.lock()
    }

    /// Whether a process runs.
    pub fn is_alive(&self) -> bool {
        let process = self.process();
        process.life.is_some() && !process.ended
    }

    /// Has a process begin with the next boot, with `--take-over` or without.
    pub fn want(&self, take_over: bool) {
        self.0.take_over.store(take_over, Ordering::Relaxed);
        self.0.wanted.store(true, Ordering::Relaxed);
    }

    /// From the next boot on retention deletes nothing.
    pub fn freeze(&self) {
        self.0.frozen.store(true, Ordering::Relaxed);
    }

    /// Sets its clock forward, or back.
    pub fn step_clock(&self, by_ms: i64) {
        self.0.clock.step(by_ms);
        if let Some(life) = self.process().life {
            let ahead_ms = self.0.clock.ahead_ms();
            self.0.parts.recorder.clock_set(life, ahead_ms);
        }
    }

    /// Sends SIGTERM.
    pub fn signal(&self) {
        if let Some(life) = self.process().life {
            self.0.parts.recorder.asked(life);
        }
        self.0.signals.send_modify(|signals| *signals += 1);
    }

    /// Notes that the process was killed.
    pub fn killed(&self) {
        self.end(End::Crashed);
    }

    fn end(&self, end: End) {
        let mut process = self.0.process.lock();
        if let Some(life) = process.life.filter(|_| !process.ended) {
            process.fenced = end == End::Fenced;
            process.clean = end == End::Clean;
            self.0.parts.recorder.ended(life, end);
            process.ended = true;
            process.open = false;
        }
    }

    /// What a boot runs: one process, if one is wanted.
    ///
    /// # Errors
    /// Never: what goes wrong is an end of the process.
    pub async fn boot(self) -> turmoil::Result {
        if self.0.wanted.swap(false, Ordering::Relaxed) {
            let (name, ahead_ms) = (self.name(), self.0.clock.ahead_ms());
            let recorder = &self.0.parts.recorder;
            let life = recorder.started(name, self.takes_over(), ahead_ms);
            *self.0.process.lock() = Process {
                life: Some(life),
                ..Process::default()
            };
            let end = self.live(life).await;
            self.end(end);
        }
        // The supervisor takes the host down, and with it the connections.
        std::future::pending().await
    }

    fn takes_over(&self) -> bool {
        self.0.take_over.load(Ordering::Relaxed)
    }

    async fn live(&self, life: usize) -> End {
        let state = &*self.0;
        let parts = &state.parts;
        let mut signals = state.signals.subscribe();
        signals.mark_unchanged();
        let mut config = parts.config.clone();
        config.storage.take_over = self.takes_over() || parts.planted == Some(Planted::ComeBack);
        if state.frozen.load(Ordering::Relaxed) {
            config.retention = RetentionSection::default();
        }
        let acceptor = match SimAcceptor::bind(PORT).await {
            Ok(acceptor) => acceptor,
            Err(error) => return End::CannotStart(error.to_string()),
        };
        let security = match Security::open(&config) {
            Ok(security) => security,
            Err(why) => return End::CannotStart(why),
        };
        let environment = ClientEnvironment {
            variables: s3::variables(parts.request_timeout_ms),
            network: Some(Arc::new(SimNetwork)),
        };
        let feed = Arc::default();
        let stores = async {
            let mut stores = storage::open(&config, &environment).await?;
            stores.objects = planted::around(stores.objects, parts.planted);
            stores.objects = planted::around_offers(stores.objects, parts.planted, &feed);
            Ok(stores)
        };
        // Equal seeds on two servers would break fencing: each life has its own.
        let seed = parts.seed.wrapping_mul(1 << 16).wrapping_add(life as u64);
        let opening = start(
            &config,
            ServerParts {
                stores,
                clock: Arc::new(state.clock.clone()),
                seed: Some(seed),
                request_id_seed: seed,
                acceptor,
                admin: None,
                security,
                writer: None,
                feed: Arc::clone(&feed),
                log_lines: Arc::default(),
                cluster: None,
                settings: Vec::new(),
            },
        );
        let running = tokio::select! {
            opened = opening => match opened {
                Ok(running) => running,
                Err(log_domain::Error::Fenced) => return End::Fenced,
                Err(error) => return End::CannotStart(error.to_string()),
            },
            _ = signals.changed() => return End::Clean,
        };
        parts.recorder.opened(life);
        state.process.lock().open = true;
        if parts.planted == Some(Planted::SkipFlush) {
            // It cannot fail: the sender lives as long as this host.
            let _ = signals.changed().await;
            return End::Clean;
        }
        let signal = async || {
            // The sender lives as long as this host.
            let _ = signals.changed().await;
            "SIGTERM"
        };
        match lifetime::until_ended(running, signal, config.shutdown.fenced).await {
            Ok(()) => End::Clean,
            Err(Ended::Fenced) => End::Fenced,
            Err(why) => End::NotFlushed(why.to_string()),
        }
    }
}
