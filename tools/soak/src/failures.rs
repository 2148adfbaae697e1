//! The failures, drawn from the seed.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::time::sleep;

use crate::arguments::Arguments;
use crate::history::History;
use crate::place::Place;
use crate::server::Servers;

/// What can fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Failure {
    Sigkill,
    Sigterm,
    StoreStopped,
    SecondServer,
    CacheDiskFull,
    LogReaderDies,
}

const ALL: [Failure; 6] = [
    Failure::Sigkill,
    Failure::Sigterm,
    Failure::StoreStopped,
    Failure::SecondServer,
    Failure::CacheDiskFull,
    Failure::LogReaderDies,
];

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sigkill => "SIGKILL of the server, and a restart",
            Self::Sigterm => "SIGTERM of the server, and a restart",
            Self::StoreStopped => "SIGSTOP of the object store for 3 to 12 s",
            Self::SecondServer => "a second server takes the log over",
            Self::CacheDiskFull => "the disk of the cache is full for 10 s",
            Self::LogReaderDies => "the process that reads the server's log dies",
        })
    }
}

/// Makes things fail, one after the other.
pub(crate) struct Failures {
    random: StdRng,
    /// What is still to come before everything has been drawn as often again, so that a short run has each kind.
    bag: Vec<Failure>,
    counts: BTreeMap<Failure, u32>,
    place: Place,
    servers: Servers,
}

impl Failures {
    pub(crate) fn new(arguments: &Arguments, place: Place, servers: Servers) -> Self {
        Self {
            random: StdRng::seed_from_u64(arguments.seed),
            bag: Vec::new(),
            counts: BTreeMap::new(),
            place,
            servers,
        }
    }

    /// How often each failure was injected.
    pub(crate) fn counts(&self) -> BTreeMap<Failure, u32> {
        self.counts.clone()
    }

    /// What the failures were injected into.
    pub(crate) fn finish(self) -> (Place, Servers) {
        (self.place, self.servers)
    }

    /// Draws one failure, injects it, and waits until it is over.
    pub(crate) async fn inject(&mut self, history: &History) -> Result<(), String> {
        self.servers.check_that_it_runs();
        if self.bag.is_empty() {
            self.bag = ALL.to_vec();
        }
        let failure = self
            .bag
            .swap_remove(self.random.random_range(0..self.bag.len()));
        *self.counts.entry(failure).or_default() += 1;
        crate::say(&failure.to_string());
        match failure {
            Failure::Sigkill => self.servers.kill(&self.place).await?,
            Failure::Sigterm => self.servers.terminate(&self.place).await?,
            Failure::SecondServer => self.servers.take_over(&self.place).await?,
            Failure::LogReaderDies => self.servers.kill_log_reader().await?,
            Failure::StoreStopped => {
                let seconds = self.random.random_range(3..=12);
                self.place.store.pause();
                sleep(Duration::from_secs(seconds)).await;
                self.place.store.resume();
            }
            Failure::CacheDiskFull => {
                self.place.fill_cache_disk()?;
                sleep(Duration::from_secs(10)).await;
                self.place.empty_cache_disk()?;
            }
        }
        self.servers.check_that_it_runs();
        if !self.servers.until_ready().await {
            history.violation(format!("not ready within a minute after: {failure}"));
        }
        Ok(())
    }
}
