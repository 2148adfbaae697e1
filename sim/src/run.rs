//! One run: the hosts, what goes wrong, and the end.

mod stage;
mod supervisor;
mod vanishing;

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use turmoil::{Builder, Sim};

use self::stage::{Stage, Stages};
use self::supervisor::Supervisor;
use self::vanishing::Vanishing;
use crate::checks::{AUDITOR, Facts, FinalLog, Restored, Violation, check, check_restored};
use crate::determinism;
use crate::history::{History, Recorder};
use crate::hosts::clients::{self, Connection, Current, Surroundings};
use crate::hosts::inspector::Inspector;
use crate::hosts::operator::{self, Operator};
use crate::hosts::replica::{REPLICAS, Replica};
use crate::hosts::s3::{self, Objects, Troubles};
use crate::hosts::server::{NODES, Node, NodeParts};
use crate::plan::{Plan, Scenario};
use crate::planted::{self, Face, Planted};

/// A run that takes longer (simulated) is stuck.
const LONGEST: Duration = Duration::from_secs(900);
/// How many keys clients know at most.
const KEYS: usize = 6;
/// How often hosts get their turn.
const TICK: Duration = Duration::from_millis(1);
/// Clients wait so much longer than the server says that it takes.
const SLACK_MS: u64 = 4_000;

/// How long the second read-only server runs before it is started again.
const RESTARTS_MS: u64 = 4_500;

/// What came out of a run.
pub struct Report {
    /// All that happened.
    pub history: History,
    /// What is wrong with it.
    pub violations: Vec<Violation>,
    /// How long it took, simulated.
    pub simulated: Duration,
}

/// Runs a plan.
///
/// # Errors
/// When the simulation itself cannot run.
pub fn run(plan: &Plan, planted: Option<Planted>) -> Result<Report, String> {
    let plan = &planted::exposed(plan, planted);
    let recorder = Recorder::default();
    let troubles = Troubles::new(plan.seed);
    let current = Current::new(NODES[0]);
    let stages = Stages::default();
    let log: Arc<Mutex<Option<FinalLog>>> = Arc::default();

    let mut sim = Builder::new()
        .rng_seed(plan.seed)
        .simulation_duration(LONGEST * 2)
        .tick_duration(TICK)
        .min_message_latency(Duration::from_millis(1))
        .max_message_latency(Duration::from_millis(plan.latency_ms))
        .tcp_capacity(1 << 14)
        .build();
    let objects = Objects::default();
    let in_trouble = troubles.clone();
    let vanishing = Vanishing::new(objects.clone(), recorder.clone());
    sim.host(s3::HOST, move || {
        s3::serve(objects.clone(), in_trouble.clone())
    });
    let settings = planted::configured(&plan.settings, planted);
    let configs = [settings.config(NODES[0])?, settings.config(NODES[1])?];
    let nodes = [0, 1].map(|number| {
        Node::new(NodeParts {
            name: NODES[number],
            skew_ms: plan.skew_ms[number],
            seed: plan.seed,
            config: configs[number].clone(),
            request_timeout_ms: plan.settings.s3_timeout_ms,
            recorder: recorder.clone(),
            planted,
        })
    });
    for node in &nodes {
        let node = node.clone();
        sim.host(node.name(), move || node.clone().boot());
    }
    if plan.scenario == Scenario::Replicas {
        for (number, name) in REPLICAS.into_iter().enumerate() {
            let mut config = settings.config(name)?;
            config.read_only = true;
            config.reader.poll_interval = Duration::from_millis(plan.settings.poll_ms);
            let replica = Replica {
                config,
                seed: plan.seed.wrapping_add(number as u64),
                request_timeout_ms: plan.settings.s3_timeout_ms,
                skew_ms: plan.skew_ms[number],
                writer: {
                    let current = current.clone();
                    Arc::new(move || current.get())
                },
                follows: !(plan.seed + number as u64).is_multiple_of(3),
                planted,
                restarts_ms: (number == 1).then_some(RESTARTS_MS),
            };
            sim.host(name, move || replica.clone().serve());
        }
    }
    let surroundings = Surroundings {
        recorder: recorder.clone(),
        current: current.clone(),
        patience: Duration::from_millis(plan.settings.timeout_ms + SLACK_MS),
        face: Face::of(planted, recorder.clone()),
        forwarded: plan.scenario == Scenario::Replicas,
    };
    let restored = plan.backup_ms.map(|at_ms| {
        let operator = Operator {
            config: configs[0].clone(),
            at: Duration::from_millis(at_ms),
            request_timeout_ms: plan.settings.s3_timeout_ms,
            patience: surroundings.patience,
            seed: plan.seed,
            keys: KEYS,
            recorder: recorder.clone(),
            planted,
        };
        back_up(&mut sim, operator)
    });
    let inspector = Inspector {
        config: configs[0].clone(),
        request_timeout_ms: plan.settings.s3_timeout_ms,
        planted,
    };
    let stored = Stored::default();
    let users = users(plan, surroundings, &stages, (&log, inspector, &stored));
    sim.client(clients::HOST, users);

    let mut supervisor = Supervisor::new(
        plan,
        nodes,
        recorder.clone(),
        troubles,
        vanishing,
        current,
        stages,
    );
    let finished = drive(&mut sim, &mut supervisor, &recorder)?;
    let history = recorder.history();
    let log = log.lock().take();
    let mut violations = match (&log, finished) {
        (Some(log), true) => check(&history, log, plan.facts()?),
        _ => vec![Violation {
            checker: "progress",
            message: "the log did not work again after all faults were over".into(),
        }],
    };
    if let (Some(log), Some(restored)) = (&log, restored) {
        let unfinished = || Err("it did not end".into());
        match restored.lock().take().unwrap_or_else(unfinished) {
            Ok(restored) => {
                violations.extend(check_restored(&history, log, plan.facts()?, &restored));
            }
            Err(message) => violations.push(Violation {
                checker: "backup",
                message,
            }),
        }
    }
    violations.extend(damage(stored.lock().take()));
    violations.extend(supervisor.violations());
    Ok(Report {
        history,
        violations,
        simulated: sim.elapsed(),
    })
}

/// What an inspector found in the stored log.
type Stored = Arc<Mutex<Option<Result<Vec<String>, String>>>>;

/// The stored log is not damaged.
fn damage(found: Option<Result<Vec<String>, String>>) -> Vec<Violation> {
    let found = found.map_or_else(Vec::new, |found| found.unwrap_or_else(|why| vec![why]));
    let violation = |message| Violation {
        checker: "stored",
        message,
    };
    found.into_iter().map(violation).collect()
}

/// What became of a backup.
type Outcome = Arc<Mutex<Option<Result<Restored, String>>>>;

/// Has the operator work. The run does not end before that has.
fn back_up(sim: &mut Sim<'_>, operator: Operator) -> Outcome {
    let outcome = Outcome::default();
    let slot = Arc::clone(&outcome);
    sim.client(operator::HOST, async move {
        let restored = operator.work().await;
        *slot.lock() = Some(restored);
        Ok(())
    });
    outcome
}

fn drive(
    sim: &mut Sim<'_>,
    supervisor: &mut Supervisor,
    recorder: &Recorder,
) -> Result<bool, String> {
    while sim.elapsed() < LONGEST {
        let elapsed = sim.elapsed();
        determinism::set_elapsed(elapsed);
        recorder.at(elapsed.as_millis() as u64);
        supervisor.look_after(sim);
        if sim.step().map_err(|error| error.to_string())? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What runs on the host of the clients.
fn users(
    plan: &Plan,
    surroundings: Surroundings,
    stages: &Stages,
    (log, inspector, stored): (&Arc<Mutex<Option<FinalLog>>>, Inspector, &Stored),
) -> impl Future<Output = turmoil::Result> + 'static {
    let planned = plan.clients.clone();
    let (seed, keys) = (plan.seed, KEYS);
    let (stages, log, stored) = (stages.clone(), Arc::clone(log), Arc::clone(stored));
    async move {
        let working = planned
            .into_iter()
            .map(|client| tokio::task::spawn_local(clients::work(client, surroundings.clone())));
        for work in futures::future::join_all(working).await {
            work?;
        }
        stages.reach(Stage::Worked);
        stages.wait_for(Stage::Healed).await;
        let connection = Connection::new(AUDITOR.into(), surroundings);
        let mut audit = clients::audit(connection, seed, keys);
        if audit.progresses().await {
            stages.reach(Stage::Progressed);
            stages.wait_for(Stage::Restarted).await;
            *log.lock() = audit.read().await;
            *stored.lock() = Some(inspector.findings().await);
        }
        Ok(())
    }
}

impl Plan {
    /// What checkers need to know of it.
    ///
    /// # Errors
    /// When the server refuses its settings.
    pub fn facts(&self) -> Result<Facts, String> {
        let settings = &self.settings;
        let seal = settings.config(NODES[0])?.seal();
        Ok(Facts {
            page_records: settings.page_records,
            page_bytes: settings.page_bytes,
            seal_bytes: seal.bytes,
            seals_by_time: seal.interval.is_some(),
            max_age_ms: settings.max_age_ms,
            max_bytes: settings.max_bytes,
            rule: settings.rules.first().copied(),
            timeout_ms: settings.timeout_ms,
            shutdown_ms: settings.shutdown_ms,
            faultless: self.scenario == Scenario::Smoke,
            unflushed_bytes: settings.l0_bytes + settings.unflushed_bytes,
            producer_expiry_ms: settings.producer_expiry_ms,
            skew_ms: self.skew_ms[0].abs_diff(self.skew_ms[1]),
        })
    }
}
