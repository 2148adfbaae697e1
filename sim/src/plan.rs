//! What a run does: everything that is drawn from its seed, before it begins.

mod faults;
mod load;
mod settings;

use clap::ValueEnum;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::Serialize;

pub use faults::{Between, FaultKind, PlannedFault};
pub use load::{ClientKind, PlannedClient};
pub use settings::{PlannedRule, PlannedSettings, WEEK_MS};

/// What a run is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Scenario {
    /// Nothing goes wrong.
    Smoke,
    /// The server is killed, again and again, under load.
    Crash,
    /// The server is asked to stop under load, also while S3 is slow or gone.
    Shutdown,
    /// A second server opens the log while the first is alive.
    Fencing,
    /// S3 is slow, flaky, or cannot be reached.
    Outage,
    /// Objects of the log vanish while no server runs, and are put back.
    Vanished,
    /// Many readers and followers, through all of the above.
    Readers,
    /// Producers send every request until they know what became of it, while servers are killed and taken over.
    ExactlyOnce,
    /// Clients compare and append, while servers are killed and taken over.
    Registers,
    /// Consumers process records and move cursors, while servers are killed and taken over.
    Cursors,
    /// Read-only servers beside servers that are killed, stopped and taken over, and an S3 that is slow or cannot be reached.
    Replicas,
    /// All of it, with rates drawn from the seed.
    Swarm,
}

impl Scenario {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Smoke,
        Self::Crash,
        Self::Shutdown,
        Self::Fencing,
        Self::Outage,
        Self::Vanished,
        Self::Readers,
        Self::ExactlyOnce,
        Self::Registers,
        Self::Cursors,
        Self::Replicas,
        Self::Swarm,
    ];

    /// As it is called on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Smoke => "smoke",
            Self::Crash => "crash",
            Self::Shutdown => "shutdown",
            Self::Fencing => "fencing",
            Self::Outage => "outage",
            Self::Vanished => "vanished",
            Self::Readers => "readers",
            Self::ExactlyOnce => "exactly-once",
            Self::Registers => "registers",
            Self::Cursors => "cursors",
            Self::Replicas => "replicas",
            Self::Swarm => "swarm",
        }
    }
}

/// One run.
#[derive(Debug, Clone, Serialize)]
pub struct Plan {
    /// What it is about.
    pub scenario: Scenario,
    /// What everything is drawn from.
    pub seed: u64,
    /// Of the servers.
    pub settings: PlannedSettings,
    /// How far the clocks of the two hosts are ahead.
    pub skew_ms: [i64; 2],
    /// A message takes up to so long.
    pub latency_ms: u64,
    /// Who uses the log.
    pub clients: Vec<PlannedClient>,
    /// When the log is backed up, if it is.
    pub backup_ms: Option<u64>,
    /// What goes wrong.
    pub faults: Vec<PlannedFault>,
}

/// Less of a plan: only these clients, only so many of their operations, only these faults. What is left is as it was.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reduction {
    /// Numbers of the clients that stay; all if not given.
    pub clients: Option<Vec<usize>>,
    /// Operations of each client; all if not given.
    pub operations: Option<u32>,
    /// Numbers of the faults that stay; all if not given.
    pub faults: Option<Vec<usize>>,
    /// Retention is off, and no clock steps.
    pub no_retention: bool,
}

/// In some runs of `crash` the log is backed up, while its servers crash.
fn backup_ms(scenario: Scenario, random: &mut StdRng) -> Option<u64> {
    let due = random.random_range(0..4) == 0;
    let at_ms = random.random_range(1_000..12_000);
    (scenario == Scenario::Crash && due).then_some(at_ms)
}

impl Plan {
    /// Draws a run.
    pub fn draw(scenario: Scenario, seed: u64) -> Self {
        let random = |what: u64| StdRng::seed_from_u64(seed.wrapping_mul(31).wrapping_add(what));
        let mut own = random(1);
        let skew_ms = match scenario {
            Scenario::Smoke => [0, 0],
            _ => [0; 2].map(|_| own.random_range(-4_000..=4_000)),
        };
        let mut settings =
            PlannedSettings::draw(scenario, &mut random(2), &mut random(6), &mut random(8));
        // A producer that expires does so earlier by a clock that was set forward.
        let steps = settings.max_age_ms.is_some() && settings.producer_expiry_ms == WEEK_MS;
        let steps = steps.then(|| random(9));
        let expiry_ms = settings.producer_expiry_ms;
        let clients = load::draw(
            scenario,
            expiry_ms,
            &mut random(3),
            &mut random(5),
            &mut random(7),
            &mut random(11),
            &mut random(13),
        );
        // What is known of producers is checked by the records that are left of them: without gaps.
        let is_producer =
            |client: &PlannedClient| matches!(client.kind, ClientKind::Producer { .. });
        if !clients.iter().any(is_producer) {
            settings.draw_rule(scenario, &mut random(12));
        }
        Self {
            scenario,
            seed,
            settings,
            skew_ms,
            latency_ms: own.random_range(2..=15),
            clients,
            backup_ms: backup_ms(scenario, &mut random(10)),
            faults: faults::draw(scenario, &mut random(4), steps),
        }
    }

    /// The same with less.
    pub fn reduced(mut self, to: &Reduction) -> Self {
        if let Some(kept) = &to.clients {
            self.clients.retain(|client| kept.contains(&client.number));
        }
        if let Some(most) = to.operations {
            for client in &mut self.clients {
                client.operations = client.operations.min(most);
            }
        }
        if let Some(kept) = &to.faults {
            self.faults.retain(|fault| kept.contains(&fault.number));
        }
        if to.no_retention {
            (self.settings.max_age_ms, self.settings.max_bytes) = (None, None);
            self.settings.rules.clear();
            let is_step = |kind| matches!(kind, FaultKind::ClockStep { .. });
            self.faults.retain(|fault| !is_step(fault.kind));
        }
        self
    }
}
