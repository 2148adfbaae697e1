//! What a server takes of the machine: memory, descriptors, threads and tasks.

use std::fmt;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use crate::history::History;
use crate::server::Current;

/// The time between two samples.
const SAMPLE_EVERY: Duration = Duration::from_secs(10);

/// What one server takes at one moment.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Figures {
    pub(crate) server: u32,
    pub(crate) resident_mib: u64,
    pub(crate) peak_mib: u64,
    pub(crate) descriptors: u64,
    pub(crate) threads: u64,
    /// Tasks of the runtime that have not ended.
    pub(crate) tasks: u64,
    pub(crate) requests_in_flight: u64,
}

/// All samples of one server, in short.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lived {
    pub(crate) server: u32,
    pub(crate) lived: Duration,
    pub(crate) first: Figures,
    pub(crate) last: Figures,
}

impl Figures {
    pub(crate) async fn of(server: &Current) -> Result<Self, String> {
        let status = fs::read_to_string(format!("/proc/{}/status", server.pid))
            .map_err(|error| format!("the status of server {}: {error}", server.number))?;
        let kib = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
            number.unwrap_or(0_u64)
        };
        let descriptors = fs::read_dir(format!("/proc/{}/fd", server.pid));
        let metrics = server.client.metrics().await.unwrap_or_default();
        let metric = |name: &str| {
            let line = metrics
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            line.and_then(|value| value.parse().ok()).unwrap_or(0)
        };
        Ok(Self {
            server: server.number,
            resident_mib: kib("VmRSS:") >> 10,
            peak_mib: kib("VmHWM:") >> 10,
            descriptors: descriptors.map_or(0, |entries| entries.count() as u64),
            threads: kib("Threads:"),
            tasks: metric("log_runtime_tasks"),
            requests_in_flight: metric("http_requests_in_flight"),
        })
    }
}

/// A server without load may have so many more descriptors or tasks than one before any load.
///
/// Most are idle connections to the store, of which the first server had needed fewer.
const SLACK: u64 = 24;

impl Figures {
    /// What there is more of than `before`, although neither server had anything to do.
    pub(crate) fn leak_since(&self, before: &Self) -> Option<String> {
        let kinds = [
            ("descriptors", before.descriptors, self.descriptors),
            ("tasks", before.tasks, self.tasks),
        ];
        kinds
            .into_iter()
            .find(|(_, before, after)| *after > before + SLACK)
            .map(|(what, before, after)| {
                format!("a leak of {what}: {before} before the load, and {after} after it")
            })
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "server {}: {} MiB resident (peak {}), {} descriptors, {} threads, {} tasks, {} requests in flight",
            self.server,
            self.resident_mib,
            self.peak_mib,
            self.descriptors,
            self.threads,
            self.tasks,
            self.requests_in_flight
        )
    }
}

/// Takes figures of whichever server is current until `stopping` says true.
pub(crate) async fn sample(
    mut current: watch::Receiver<Current>,
    mut stopping: watch::Receiver<bool>,
    history: Arc<History>,
) -> Vec<Lived> {
    let mut all: Vec<Lived> = Vec::new();
    let mut since = Instant::now();
    loop {
        let server = current.borrow_and_update().clone();
        // Fails while a server is being replaced.
        if let Ok(figures) = Figures::of(&server).await {
            match all.last_mut() {
                Some(lived) if lived.server == server.number => {
                    lived.last = figures;
                    lived.lived = since.elapsed();
                }
                _ => {
                    since = Instant::now();
                    all.push(Lived {
                        server: server.number,
                        lived: Duration::ZERO,
                        first: figures,
                        last: figures,
                    });
                }
            }
        }
        if timeout(SAMPLE_EVERY, stopping.wait_for(|stop| *stop))
            .await
            .is_ok()
        {
            crate::say(&history.summary());
            return all;
        }
    }
}
