//! One run: hosts, what happens to them, and the end.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::sleep;
use turmoil::{Builder, Sim};

use super::checks::{Facts, Violation, check};
use super::clients::{self, Client, Kind, key};
use super::node::Node;
use super::plan::{ClusterPlan, Event, NODES};
use super::planted::{Face, Planted};
use super::record::{Final, Outcome, Recorder, Served};
use super::stored;
use super::unordered::Unordered;
use crate::determinism;
use crate::hosts::s3::{self, Objects, Troubles};

/// A run that takes longer (simulated) is stuck.
const LONGEST: Duration = Duration::from_secs(400);
/// How long an orchestrator waits before it starts a process again that ended by itself.
const RESTART_MS: u64 = 500;
/// When all faults are over, every partition is served within this time.
const HEALED: Duration = Duration::from_secs(60);

/// All nodes have been there for so long when it is looked at what they serve: so often, and so long apart.
const SETTLED: Duration = Duration::from_secs(15);
const LOOKS: usize = 4;
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Within this time each of two compactors of a partition finds the other one, and claims the partition again.
const COMPACTORS: Duration = Duration::from_secs(8);

/// What came out of a run.
pub struct Report {
    /// What is wrong.
    pub violations: Vec<Violation>,
    /// Calls of clients.
    pub operations: usize,
    /// Appends that were acknowledged.
    pub acknowledged: usize,
    /// What happened to nodes and S3, and how processes ended.
    pub story: Vec<String>,
    /// How long it took, simulated.
    pub simulated: Duration,
}

/// What was read in the end.
struct Found {
    /// Key by key.
    all: Final,
    /// By the reader of all partitions, from the beginning on.
    unordered: Final,
}

/// How far the clients are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Working,
    Worked,
}

/// Runs a plan, with a planted bug if there is to be one.
///
/// # Errors
/// When the simulation itself cannot run.
pub fn run(plan: &ClusterPlan, bug: Option<Planted>) -> Result<Report, String> {
    let exposing = bug.map(|bug| plan.clone().exposing(bug));
    let plan = exposing.as_ref().unwrap_or(plan);
    let recorder = Recorder::default();
    let troubles = Troubles::new(plan.seed);
    let facts = Facts::of(plan)?;
    let face = Face::of(bug, facts.partitions());
    let mut sim = Builder::new()
        .rng_seed(plan.seed)
        .simulation_duration(LONGEST * 2)
        .tick_duration(Duration::from_millis(1))
        .min_message_latency(Duration::from_millis(1))
        .max_message_latency(Duration::from_millis(plan.latency_ms))
        .tcp_capacity(1 << 14)
        .build();
    let objects = Objects::default();
    let in_trouble = troubles.clone();
    sim.host(s3::HOST, move || {
        s3::serve(objects.clone(), in_trouble.clone())
    });
    let mut nodes = Vec::new();
    for number in 0..plan.size.nodes {
        let node = Node::new(number, plan, recorder.clone(), bug)?;
        let hosted = node.clone();
        sim.host(node.name(), move || hosted.clone().boot());
        nodes.push(node);
    }
    let stage = Arc::new(Mutex::new(Stage::Working));
    let found: Arc<Mutex<Option<Found>>> = Arc::default();
    sim.client(
        clients::HOST,
        users(
            plan.clone(),
            recorder.clone(),
            face.clone(),
            Arc::clone(&stage),
            Arc::clone(&found),
        ),
    );
    let mut supervisor = Supervisor {
        nodes,
        coming: plan.events.clone().into(),
        starting: Vec::new(),
        troubles,
        recorder: recorder.clone(),
        face,
        healed: false,
    };
    let mut finished = false;
    while sim.elapsed() < LONGEST && !finished {
        determinism::set_elapsed(sim.elapsed());
        supervisor.look_after(&mut sim, *stage.lock());
        finished = sim.step().map_err(|error| error.to_string())?;
    }
    let history = recorder.history();
    let found = found.lock().take();
    let violations = match &found {
        Some(found) => check(&history, &found.all, &found.unordered, &facts),
        None => vec![Violation {
            checker: "progress",
            message: "the cluster did not work again after all faults were over".into(),
        }],
    };
    let acknowledged = history.operations.iter();
    let acknowledged = acknowledged.filter(|o| matches!(o.outcome, Outcome::Appended(_)));
    Ok(Report {
        violations,
        operations: history.operations.len(),
        acknowledged: acknowledged.count(),
        story: history
            .happened
            .iter()
            .map(|happened| format!("{:>7} ms  {}", happened.at_ms, happened.what))
            .collect(),
        simulated: sim.elapsed(),
    })
}

/// What runs on the host of the clients.
async fn users(
    plan: ClusterPlan,
    recorder: Recorder,
    face: Face,
    stage: Arc<Mutex<Stage>>,
    found: Arc<Mutex<Option<Found>>>,
) -> turmoil::Result {
    let kinds = [
        (Kind::Writer, "writer", plan.writers),
        (Kind::Producer, "producer", plan.producers),
        (Kind::Reader, "reader", plan.readers),
        (Kind::Splitter, "splitter", plan.splitters),
        (Kind::Session, "session", plan.sessions),
    ];
    let mut working = Vec::new();
    let mut names = Vec::new();
    for (kind, name, count) in kinds {
        for number in 0..count {
            let name = format!("{name}-{number}");
            let seed = plan
                .seed
                .wrapping_mul(101)
                .wrapping_add(working.len() as u64);
            let client = Client::new(name.clone(), seed, &plan, recorder.clone(), face.clone());
            working.push(tokio::task::spawn_local(client.work(kind, plan.until_ms)));
            names.push((kind, name));
        }
    }
    let client = |name: &str| {
        let (recorder, face) = (recorder.clone(), face.clone());
        Client::new(name.to_owned(), plan.seed, &plan, recorder, face)
    };
    let reader = Unordered::new(client("unordered"), plan.seed, face.clone());
    let reading = tokio::task::spawn_local(reader.work(plan.until_ms));
    // A producer goes on until it knows, so the faults end before it does.
    sleep(Duration::from_millis(plan.until_ms)).await;
    *stage.lock() = Stage::Worked;
    for work in futures::future::join_all(working).await {
        work?;
    }
    let of_producers = names.iter().filter(|(kind, _)| *kind == Kind::Producer);
    let of_producers =
        of_producers.flat_map(|(_, name)| (0..3).map(move |n| format!("{{{name}}}/{n}")));
    let keys: Vec<String> = (0..plan.keys).map(key).chain(of_producers).collect();
    let reader = reading.await?;
    let mut auditor = client("auditor");
    let deadline = tokio::time::Instant::now() + HEALED;
    for key in &keys {
        while !auditor.takes(key).await {
            if tokio::time::Instant::now() >= deadline {
                return Ok(());
            }
            sleep(Duration::from_millis(200)).await;
        }
    }
    let mut all = Final::new();
    for key in keys {
        let Some(records) = auditor.read_all(&key).await else {
            return Ok(());
        };
        all.insert(key, records);
    }
    let Some(unordered) = reader.finish().await else {
        return Ok(());
    };
    sleep(SETTLED).await;
    recorder.found_stored(stored::look(plan.size.partitions).await?);
    for _ in 0..LOOKS {
        let mut served = Served::new();
        for node in &NODES[..plan.size.nodes] {
            let own = auditor.served_by(node).await;
            served.insert(node, own.unwrap_or_default());
        }
        recorder.saw(served);
        sleep(LOOK_EVERY).await;
    }
    sleep(COMPACTORS).await;
    recorder.found_stored(stored::look(plan.size.partitions).await?);
    *found.lock() = Some(Found { all, unordered });
    Ok(())
}

/// Starts nodes, keeps them running, and lets things happen as planned.
struct Supervisor {
    nodes: Vec<Node>,
    coming: VecDeque<(u64, Event)>,
    /// Nodes that ended by themselves, and when they are started again.
    starting: Vec<(u64, usize)>,
    troubles: Troubles,
    recorder: Recorder,
    face: Face,
    healed: bool,
}

impl Supervisor {
    fn look_after(&mut self, sim: &mut Sim<'_>, stage: Stage) {
        let now = sim.elapsed().as_millis() as u64;
        while let Some((_, event)) = self
            .coming
            .pop_front_if(|(at_ms, _)| *at_ms <= now || stage >= Stage::Worked)
        {
            // Faults that have not begun do not.
            let ends = !matches!(
                event,
                Event::Kill(_)
                    | Event::Stop(_)
                    | Event::Cut(..)
                    | Event::Hold(_)
                    | Event::Trouble(_)
            );
            if ends || stage < Stage::Worked {
                self.do_it(sim, event);
            }
        }
        for number in 0..self.nodes.len() {
            let node = &self.nodes[number];
            if !node.is_alive() && sim.is_host_running(node.name()) {
                sim.crash(node.name());
                let is_planned = |(_, event): &(u64, Event)| *event == Event::Start(number);
                if now > 0 && !self.coming.iter().any(is_planned) {
                    self.starting.push((now + RESTART_MS, number));
                }
            }
        }
        let due: Vec<(u64, usize)> = self.starting.extract_if(.., |(at, _)| *at <= now).collect();
        for (_, number) in due {
            self.start(sim, number);
        }
        if stage >= Stage::Worked && !self.healed {
            self.healed = true;
            for number in 0..self.nodes.len() {
                self.start(sim, number);
            }
        }
    }

    fn start(&self, sim: &mut Sim<'_>, number: usize) {
        let node = &self.nodes[number];
        if !node.is_alive() {
            node.want();
            self.face.starts(node.name());
            sim.bounce(node.name());
            self.recorder
                .happened(format!("{} starts", node.name()), false);
        }
    }

    fn do_it(&self, sim: &mut Sim<'_>, event: Event) {
        let other = |other: Option<usize>| other.map_or(s3::HOST, |number| NODES[number]);
        match event {
            Event::Start(number) => return self.start(sim, number),
            Event::Kill(number) => {
                let node = &self.nodes[number];
                if !node.is_alive() {
                    return;
                }
                sim.crash(node.name());
                node.killed();
                return self
                    .recorder
                    .happened(format!("{} is killed", node.name()), true);
            }
            Event::Stop(number) => {
                if !self.nodes[number].is_alive() {
                    return;
                }
                self.nodes[number].signal();
            }
            Event::Cut(number, to) => sim.partition(NODES[number], other(to)),
            Event::Mend(number, to) => sim.repair(NODES[number], other(to)),
            Event::Hold(number) => sim.hold(NODES[number], s3::HOST),
            Event::Release(number) => sim.release(NODES[number], s3::HOST),
            Event::Trouble(trouble) => self.troubles.begin(trouble),
            Event::Over(trouble) => self.troubles.end(trouble),
        }
        self.recorder.happened(format!("{event:?}"), false);
    }
}
