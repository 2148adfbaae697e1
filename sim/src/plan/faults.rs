//! What goes wrong in a run, and when.

use rand::RngExt;
use rand::rngs::StdRng;
use serde::Serialize;

use super::Scenario;
use crate::hosts::s3::{Loss, Trouble};

/// The span in which faults begin.
const SPAN_MS: u64 = 12_000;
/// By how much clocks are set. Less than a minute counts as drift, which a server believes.
const STEPS_MS: [i64; 4] = [90_000, 7_200_000, 7_200_000, -90_000];

/// One thing that goes wrong.
#[derive(Debug, Clone, Serialize)]
pub struct PlannedFault {
    /// Its number among the faults of the seed.
    pub number: usize,
    /// When it begins.
    pub at_ms: u64,
    /// What it is.
    pub kind: FaultKind,
}

/// What goes wrong. It hits whichever server is the current one when it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum FaultKind {
    /// The server is killed, and started again after a while.
    Crash {
        /// How long it is down.
        down_ms: u64,
    },
    /// The server is asked to stop, and started again a while after it has.
    Stop {
        /// How long it is down.
        down_ms: u64,
    },
    /// A server starts on the other host and becomes the current one, while the first keeps running.
    Takeover,
    /// A server starts on the other host, as if restarted by the supervisor of that host. If it had the
    /// log before, it must not take it back.
    Return,
    /// The server is asked to stop, objects vanish, and it is started. If it refuses that, they are put back after a while.
    Vanish {
        /// Which.
        loss: Loss,
        /// For how long.
        for_ms: u64,
    },
    /// S3 is in trouble.
    S3 {
        /// What kind.
        trouble: Trouble,
        /// For how long.
        for_ms: u64,
    },
    /// The clock of the server's host is set forward or back, and after a while the other way.
    ClockStep {
        /// By how much it is set forward.
        by_ms: i64,
        /// For how long.
        for_ms: u64,
    },
    /// Messages are lost without a trace.
    Lost {
        /// Between whom.
        between: Between,
        /// For how long.
        for_ms: u64,
    },
    /// Messages are held back, and come later.
    Held {
        /// Between whom.
        between: Between,
        /// For how long.
        for_ms: u64,
    },
}

/// Two sides of the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Between {
    /// The current server and S3.
    ServerAndS3,
    /// The clients and the current server.
    ClientsAndServer,
}

/// Draws what goes wrong, and, from a stream of their own, steps of clocks.
pub(super) fn draw(
    scenario: Scenario,
    random: &mut StdRng,
    steps: Option<StdRng>,
) -> Vec<PlannedFault> {
    let mut faults = draw_kinds(scenario, random);
    if let Some(mut random) = steps {
        let most = random.random_range(0..=2);
        let kinds = (0..most).map(|_| PlannedFault {
            number: 0,
            at_ms: random.random_range(300..SPAN_MS),
            kind: FaultKind::ClockStep {
                by_ms: STEPS_MS[random.random_range(0..STEPS_MS.len())],
                for_ms: random.random_range(1_000..=SPAN_MS),
            },
        });
        let numbered = (faults.len()..).zip(kinds.collect::<Vec<_>>());
        faults.extend(numbered.map(|(number, fault)| PlannedFault { number, ..fault }));
        faults.sort_by_key(|fault| fault.at_ms);
    }
    faults
}

fn draw_kinds(scenario: Scenario, random: &mut StdRng) -> Vec<PlannedFault> {
    let (most, kinds): (usize, &[Kind]) = match scenario {
        Scenario::Smoke => return Vec::new(),
        Scenario::Crash => (5, &[Kind::Crash, Kind::Crash, Kind::Crash, Kind::Slow]),
        Scenario::Shutdown => (5, &[Kind::Stop, Kind::Stop, Kind::Slow, Kind::S3Lost]),
        Scenario::Fencing => (
            9,
            &[
                Kind::Takeover,
                Kind::Takeover,
                Kind::Return,
                Kind::Return,
                Kind::Crash,
                Kind::S3Held,
                Kind::S3Lost,
            ],
        ),
        Scenario::Outage => (5, &[Kind::S3Lost, Kind::S3Held, Kind::Slow, Kind::Flaky]),
        Scenario::Vanished => (6, &[Kind::Vanish, Kind::Vanish, Kind::Vanish, Kind::Crash]),
        Scenario::Readers => (6, &Kind::ALL),
        Scenario::Replicas => (
            8,
            &[
                Kind::Crash,
                Kind::Crash,
                Kind::Takeover,
                Kind::Stop,
                Kind::Flaky,
                Kind::Slow,
                Kind::S3Lost,
            ],
        ),
        Scenario::ExactlyOnce | Scenario::Registers | Scenario::Cursors => (
            8,
            &[
                Kind::Crash,
                Kind::Crash,
                Kind::Takeover,
                Kind::Stop,
                Kind::Flaky,
                Kind::S3Lost,
                Kind::ClientsLost,
                Kind::ClientsHeld,
            ],
        ),
        Scenario::Swarm => (9, &Kind::ALL),
    };
    // Swarm: a few kinds, each as likely as the seed has it, find more than all of them always.
    let weights: Vec<u32> = kinds
        .iter()
        .map(|_| match scenario {
            Scenario::Swarm => [0, 0, 1, 4][random.random_range(0..4)],
            _ => 1,
        })
        .collect();
    let total: u32 = weights.iter().sum();
    if total == 0 {
        return Vec::new();
    }
    let mut faults: Vec<PlannedFault> = (0..random.random_range(1..=most))
        .map(|_| {
            let mut rest = random.random_range(0..total);
            let chosen = weights.iter().position(|weight| {
                let here = rest < *weight;
                rest = rest.saturating_sub(*weight);
                here
            });
            PlannedFault {
                number: 0,
                at_ms: random.random_range(300..SPAN_MS),
                kind: kinds[chosen.unwrap_or(0)].draw(random),
            }
        })
        .collect();
    faults.sort_by_key(|fault| fault.at_ms);
    for (number, fault) in faults.iter_mut().enumerate() {
        fault.number = number;
    }
    faults
}

/// Kinds of faults, before their details are drawn.
#[derive(Clone, Copy)]
enum Kind {
    Crash,
    Stop,
    Takeover,
    Return,
    Slow,
    Flaky,
    S3Lost,
    S3Held,
    ClientsLost,
    ClientsHeld,
    Vanish,
}

impl Kind {
    /// Those of a mixture. What vanishes has a scenario of its own, in which S3 is well otherwise.
    const ALL: [Self; 10] = [
        Self::Crash,
        Self::Stop,
        Self::Takeover,
        Self::Return,
        Self::Slow,
        Self::Flaky,
        Self::S3Lost,
        Self::S3Held,
        Self::ClientsLost,
        Self::ClientsHeld,
    ];

    fn draw(self, random: &mut StdRng) -> FaultKind {
        let for_ms = random.random_range(100..=6_000);
        let down_ms = random.random_range(10..=1_500);
        let percent = random.random_range(5..=60);
        match self {
            Self::Crash => FaultKind::Crash { down_ms },
            Self::Stop => FaultKind::Stop { down_ms },
            Self::Takeover => FaultKind::Takeover,
            Self::Return => FaultKind::Return,
            Self::Slow => FaultKind::S3 {
                trouble: Trouble::Slow {
                    up_to_ms: random.random_range(50..=2_500),
                },
                for_ms,
            },
            Self::Flaky => FaultKind::S3 {
                trouble: match random.random_range(0..4) {
                    0 => Trouble::Failing(percent),
                    1 => Trouble::LosingAnswers(percent),
                    2 => Trouble::Conflicting(percent),
                    _ => Trouble::Throttling(percent),
                },
                for_ms,
            },
            Self::S3Lost => FaultKind::Lost {
                between: Between::ServerAndS3,
                for_ms,
            },
            Self::S3Held => FaultKind::Held {
                between: Between::ServerAndS3,
                for_ms,
            },
            Self::ClientsLost => FaultKind::Lost {
                between: Between::ClientsAndServer,
                for_ms,
            },
            Self::ClientsHeld => FaultKind::Held {
                between: Between::ClientsAndServer,
                for_ms,
            },
            Self::Vanish => FaultKind::Vanish {
                loss: match random.random_range(0..5) {
                    0 | 1 => Loss::Wal {
                        emptied: random.random(),
                    },
                    2 | 3 => Loss::WalFile {
                        at_percent: random.random_range(0..=100),
                        emptied: random.random(),
                    },
                    _ => Loss::Manifests,
                },
                for_ms: for_ms / 2,
            },
        }
    }
}
