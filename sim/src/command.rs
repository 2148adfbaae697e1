//! The command line.
//!
//! Every run has a process of its own, so all but `run` start this program again.

mod bite;
mod child;
mod clusters;
mod meta;
mod minimise;
mod seeds;

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

pub use child::Summary;

use crate::cluster;
use crate::plan::{Reduction, Scenario};
use crate::planted::Planted;

/// Deterministic simulation of whole servers.
#[derive(Debug, Parser)]
#[command(name = "cargo sim", bin_name = "cargo sim")]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Nothing goes wrong.
    Smoke(Runs),
    /// The server is killed, again and again, under load.
    Crash(Runs),
    /// The server is asked to stop under load, also while S3 is slow or gone.
    Shutdown(Runs),
    /// A second server opens the log while the first is alive.
    Fencing(Runs),
    /// S3 is slow, flaky, or cannot be reached.
    Outage(Runs),
    /// Objects of the log vanish while no server runs, and are put back.
    Vanished(Runs),
    /// Many readers and followers, through all of the above.
    Readers(Runs),
    /// Producers send every request until they know what became of it, while servers are killed and taken over.
    ExactlyOnce(Runs),
    /// Clients compare and append, while servers are killed and taken over.
    Registers(Runs),
    /// Consumers process records and move cursors, while servers are killed and taken over.
    Cursors(Runs),
    /// Read-only servers beside servers that are killed, stopped and taken over, and an S3 that is slow or cannot be reached.
    Replicas(Runs),
    /// All of it, with rates drawn from the seed.
    Swarm(Runs),
    /// Partitions on several nodes, which are killed, stopped, cut off, and joined by others.
    Cluster(ClusterRuns),
    /// Runs seeds twice and compares everything that happened, byte for byte.
    Meta {
        /// Which scenario.
        scenario: Scenario,
        #[command(flatten)]
        runs: Runs,
    },
    /// Sees that every planted bug is found.
    Bite {
        /// Only this one.
        planted: Option<Planted>,
        /// In so many seeds at most.
        #[arg(long, default_value_t = 100)]
        within: u64,
    },
    /// One run, in this process, without looking for a shorter history.
    Run(One),
}

/// Which seeds to run.
#[derive(Debug, Clone, Args)]
struct Runs {
    /// This one.
    #[arg(long, conflicts_with = "seeds", required_unless_present = "seeds")]
    seed: Option<u64>,
    /// These, for example `1..100`; both ends belong to them.
    #[arg(long, value_parser = range)]
    seeds: Option<RangeInclusive<u64>>,
    #[command(flatten)]
    variant: Variant,
}

/// Which seeds of clusters to run.
#[derive(Debug, Clone, Args)]
struct ClusterRuns {
    /// These, for example `1..100`; both ends belong to them.
    #[arg(long, value_parser = range)]
    seeds: RangeInclusive<u64>,
    /// With so many nodes, 2 to 8; drawn from the seed if not given.
    #[arg(long, requires = "partitions", value_parser = clap::value_parser!(u8).range(2..=8))]
    nodes: Option<u8>,
    /// With so many partitions; drawn from the seed if not given.
    #[arg(long, requires = "nodes")]
    partitions: Option<u32>,
    /// With this planted bug.
    #[arg(long)]
    planted: Option<cluster::Planted>,
    /// One seed, in this process, with all that happened to nodes and S3.
    #[arg(long)]
    story: bool,
    /// Writes what the nodes log to this file. Only with `--story`.
    #[arg(long, requires = "story")]
    trace: Option<PathBuf>,
}

/// How a run differs from the one that the seed describes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct Variant {
    /// Only these clients, by number.
    #[arg(long, value_delimiter = ',')]
    clients: Option<Vec<usize>>,
    /// Only so many operations of each client.
    #[arg(long)]
    operations: Option<u32>,
    /// Only these faults, by number.
    #[arg(long, value_delimiter = ',', num_args = 0..)]
    faults: Option<Vec<usize>>,
    /// Without retention, and without steps of clocks.
    #[arg(long)]
    no_retention: bool,
    /// With this planted bug.
    #[arg(long)]
    planted: Option<Planted>,
}

/// One run.
#[derive(Debug, Clone, Args)]
struct One {
    scenario: Scenario,
    #[arg(long)]
    seed: u64,
    #[command(flatten)]
    variant: Variant,
    /// Writes all that happened to this file.
    #[arg(long)]
    trace: Option<PathBuf>,
    /// Prints the part of the history that violations name.
    #[arg(long)]
    story: bool,
}

impl Cli {
    /// Does what was asked; fails when there was a violation.
    pub fn run(self) -> ExitCode {
        let violations = match self.command {
            Command::Smoke(runs) => seeds::run(Scenario::Smoke, &runs),
            Command::Crash(runs) => seeds::run(Scenario::Crash, &runs),
            Command::Shutdown(runs) => seeds::run(Scenario::Shutdown, &runs),
            Command::Fencing(runs) => seeds::run(Scenario::Fencing, &runs),
            Command::Outage(runs) => seeds::run(Scenario::Outage, &runs),
            Command::Vanished(runs) => seeds::run(Scenario::Vanished, &runs),
            Command::Readers(runs) => seeds::run(Scenario::Readers, &runs),
            Command::ExactlyOnce(runs) => seeds::run(Scenario::ExactlyOnce, &runs),
            Command::Registers(runs) => seeds::run(Scenario::Registers, &runs),
            Command::Cursors(runs) => seeds::run(Scenario::Cursors, &runs),
            Command::Replicas(runs) => seeds::run(Scenario::Replicas, &runs),
            Command::Swarm(runs) => seeds::run(Scenario::Swarm, &runs),
            Command::Cluster(runs) => clusters::run(&runs),
            Command::Meta { scenario, runs } => meta::run(scenario, &runs),
            Command::Bite { planted, within } => bite::run(planted, within),
            Command::Run(one) => child::run(one),
        };
        if violations == 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}

impl ClusterRuns {
    fn with(planted: cluster::Planted) -> Self {
        Self {
            seeds: 1..=1,
            nodes: None,
            partitions: None,
            planted: Some(planted),
            story: false,
            trace: None,
        }
    }
}

impl Runs {
    fn range(&self) -> RangeInclusive<u64> {
        let one = self.seed.unwrap_or_default();
        self.seeds.clone().unwrap_or(one..=one)
    }
}

impl Variant {
    /// With this planted bug.
    pub fn with(planted: Planted) -> Self {
        Self {
            planted: Some(planted),
            ..Self::default()
        }
    }

    fn reduction(&self) -> Reduction {
        Reduction {
            clients: self.clients.clone(),
            operations: self.operations,
            faults: self.faults.clone(),
            no_retention: self.no_retention,
        }
    }

    /// As arguments.
    fn arguments(&self) -> Vec<String> {
        let list = |numbers: &[usize]| {
            let numbers: Vec<String> = numbers.iter().map(ToString::to_string).collect();
            numbers.join(",")
        };
        let mut arguments = Vec::new();
        if let Some(clients) = &self.clients {
            arguments.push(format!("--clients={}", list(clients)));
        }
        if let Some(operations) = self.operations {
            arguments.push(format!("--operations={operations}"));
        }
        match self.faults.as_deref() {
            None => {}
            Some([]) => arguments.push("--faults".into()),
            Some(faults) => arguments.push(format!("--faults={}", list(faults))),
        }
        if self.no_retention {
            arguments.push("--no-retention".into());
        }
        if let Some(planted) = self.planted {
            arguments.push(format!("--planted={}", planted.name()));
        }
        arguments
    }
}

fn range(text: &str) -> Result<RangeInclusive<u64>, String> {
    let (from, to) = text.split_once("..").ok_or("a range is written 1..100")?;
    let number = |text: &str| text.parse::<u64>().map_err(|error| error.to_string());
    Ok(number(from)?..=number(to)?)
}

/// The one place that writes to the terminal.
fn say(line: impl std::fmt::Display) {
    #[expect(clippy::print_stdout, reason = "a command says what it found")]
    {
        println!("{line}");
    }
}
