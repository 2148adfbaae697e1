//! Starts servers, keeps one running as an orchestrator would, and lets things go wrong as planned.

use std::collections::VecDeque;

use turmoil::Sim;

use super::stage::{Stage, Stages};
use super::vanishing::{Coming, Vanishing};
use crate::checks::Violation;
use crate::history::Recorder;
use crate::hosts::clients::{self, Current};
use crate::hosts::s3::{self, Trouble, Troubles};
use crate::hosts::server::Node;
use crate::plan::{Between, FaultKind, Plan, PlannedFault};

/// How long an orchestrator waits before it starts a process again that ended by itself.
const RESTART_MS: u64 = 500;
/// A server that was taken over and can reach S3 has ended within this time.
const ZOMBIE_MS: u64 = 60_000;
/// A server that is healthy has opened the log within this time.
const OPEN_MS: u64 = 60_000;

pub(super) struct Supervisor {
    nodes: [Node; 2],
    /// Which of them is the current one.
    chosen: usize,
    /// When the current one is started again, if it is down.
    start_at: Option<u64>,
    /// Whether it is then to take the log over.
    take_over: bool,
    /// How long it stays down when it is.
    down_ms: u64,
    recorder: Recorder,
    troubles: Troubles,
    vanishing: Vanishing,
    current: Current,
    stages: Stages,
    coming: VecDeque<PlannedFault>,
    going: Vec<Going>,
    healed_at: Option<u64>,
    stopping: bool,
    violations: Vec<Violation>,
}

/// A fault that will end.
struct Going {
    until_ms: u64,
    recorded: usize,
    what: What,
}

enum What {
    ClockStep(Node, i64),
    Trouble(Trouble),
    Lost(&'static str, &'static str),
    Held(&'static str, &'static str),
}

impl Supervisor {
    pub(super) fn new(
        plan: &Plan,
        nodes: [Node; 2],
        recorder: Recorder,
        troubles: Troubles,
        vanishing: Vanishing,
        current: Current,
        stages: Stages,
    ) -> Self {
        Self {
            nodes,
            chosen: 0,
            start_at: Some(0),
            take_over: false,
            down_ms: RESTART_MS,
            recorder,
            troubles,
            vanishing,
            current,
            stages,
            coming: plan.faults.clone().into(),
            going: Vec::new(),
            healed_at: None,
            stopping: false,
            violations: Vec::new(),
        }
    }

    /// What went wrong that is not in the history.
    pub(super) fn violations(self) -> Vec<Violation> {
        let mut violations = self.violations;
        violations.extend(self.vanishing.violations());
        violations
    }

    /// Does what is to be done now.
    pub(super) fn look_after(&mut self, sim: &mut Sim<'_>) {
        let now = sim.elapsed().as_millis() as u64;
        let over = self.stages.now() >= Stage::Worked;
        while let Some(fault) = self
            .coming
            .pop_front_if(|fault| fault.at_ms <= now && !over)
        {
            self.begin(sim, fault.kind, now);
        }
        if over {
            self.coming.clear();
            self.vanishing.cancel();
        }
        let ended: Vec<Going> = self
            .going
            .extract_if(.., |going| going.until_ms <= now || over)
            .collect();
        for going in ended {
            self.end(sim, going);
        }
        let process = self.nodes[self.chosen].process();
        self.vanishing.look_after(process, now, over);
        self.keep_running(sim, now);
        match self.stages.now() {
            Stage::Worked => self.heal(now),
            Stage::Progressed => self.stop(),
            Stage::Stopped if self.nodes[self.chosen].process().open => {
                self.stages.reach(Stage::Restarted);
            }
            _ => {}
        }
    }

    /// Takes down the hosts whose process has ended, and starts the current server if it is time.
    fn keep_running(&mut self, sim: &mut Sim<'_>, now: u64) {
        for number in 0..self.nodes.len() {
            if self.nodes[number].process().ended && sim.is_host_running(self.nodes[number].name())
            {
                sim.crash(self.nodes[number].name());
                if number == self.chosen {
                    self.vanishing.ended(self.nodes[number].process(), now);
                    self.start_again(now);
                }
            }
        }
        if self.start_at.is_some_and(|at| at <= now) {
            self.start_at = None;
            self.start(sim);
        }
    }

    /// The current server ended. If the other one has the log now, that is the current one; else it is started again,
    /// as an operator would if it was refused because of one that is dead.
    fn start_again(&mut self, now: u64) {
        let fenced = self.nodes[self.chosen].process().fenced;
        let other = &self.nodes[1 - self.chosen];
        if fenced && other.is_alive() {
            self.current.set(other.name());
            self.chosen = 1 - self.chosen;
            return;
        }
        self.take_over = fenced;
        self.start_at.get_or_insert(now + self.down_ms);
        self.down_ms = RESTART_MS;
    }

    fn start(&mut self, sim: &mut Sim<'_>) {
        let node = &self.nodes[self.chosen];
        if node.is_alive() {
            return;
        }
        node.want(std::mem::take(&mut self.take_over));
        sim.bounce(node.name());
        self.current.set(node.name());
    }

    fn begin(&mut self, sim: &mut Sim<'_>, kind: FaultKind, now: u64) {
        let node = self.nodes[self.chosen].clone();
        let pair = |between| match between {
            Between::ServerAndS3 => (node.name(), s3::HOST),
            Between::ClientsAndServer => (clients::HOST, node.name()),
        };
        let recorded = self.recorder.fault(format!("{kind:?} on {}", node.name()));
        let (what, for_ms) = match kind {
            FaultKind::Crash { down_ms } => {
                if node.is_alive() {
                    sim.crash(node.name());
                    node.killed();
                    self.start_at = Some(now + down_ms);
                }
                return self.recorder.over(recorded);
            }
            FaultKind::Stop { down_ms } => {
                if node.is_alive() {
                    self.down_ms = down_ms;
                    node.signal();
                }
                return self.recorder.over(recorded);
            }
            FaultKind::Vanish { loss, for_ms } => {
                if !node.process().open {
                    return self.recorder.over(recorded);
                }
                self.vanishing.comes(Coming {
                    loss,
                    for_ms,
                    recorded,
                });
                return node.signal();
            }
            FaultKind::Takeover => {
                let other = 1 - self.chosen;
                if !self.nodes[other].is_alive() {
                    self.chosen = other;
                    self.start_at = None;
                    self.take_over = true;
                    self.start(sim);
                }
                return self.recorder.over(recorded);
            }
            FaultKind::Return => {
                let other = &self.nodes[1 - self.chosen];
                if !other.is_alive() && node.is_alive() {
                    other.want(false);
                    sim.bounce(other.name());
                }
                return self.recorder.over(recorded);
            }
            FaultKind::S3 { trouble, for_ms } => {
                self.troubles.begin(trouble);
                (What::Trouble(trouble), for_ms)
            }
            FaultKind::ClockStep { by_ms, for_ms } => {
                node.step_clock(by_ms);
                (What::ClockStep(node, by_ms), for_ms)
            }
            FaultKind::Lost { between, for_ms } => {
                let (one, other) = pair(between);
                sim.partition(one, other);
                (What::Lost(one, other), for_ms)
            }
            FaultKind::Held { between, for_ms } => {
                let (one, other) = pair(between);
                sim.hold(one, other);
                (What::Held(one, other), for_ms)
            }
        };
        self.going.push(Going {
            until_ms: now + for_ms,
            recorded,
            what,
        });
    }

    fn end(&self, sim: &mut Sim<'_>, going: Going) {
        match going.what {
            What::ClockStep(node, by_ms) => node.step_clock(-by_ms),
            What::Trouble(trouble) => self.troubles.end(trouble),
            What::Lost(one, other) => sim.repair(one, other),
            What::Held(one, other) => sim.release(one, other),
        }
        self.recorder.over(going.recorded);
    }

    /// All faults are over: waits until one server serves and the other has ended.
    fn heal(&mut self, now: u64) {
        let since = *self.healed_at.get_or_insert(now);
        let chosen = &self.nodes[self.chosen];
        let other = &self.nodes[1 - self.chosen];
        let waited = now - since;
        let late = waited > OPEN_MS;
        if other.is_alive() && waited > ZOMBIE_MS {
            self.violations.push(Violation {
                checker: "zombie",
                message: format!(
                    "{} was taken over and still runs {ZOMBIE_MS} ms after the last fault",
                    other.name()
                ),
            });
            self.stages.reach(Stage::Healed);
        } else if chosen.process().open && !other.is_alive() || late {
            self.stages.reach(Stage::Healed);
        }
    }

    /// Stops the server as an operator would.
    fn stop(&mut self) {
        let chosen = &self.nodes[self.chosen];
        if !self.stopping && chosen.process().open {
            self.stopping = true;
            self.down_ms = 10;
            // What is left must not change while it is read.
            self.nodes.iter().for_each(Node::freeze);
            chosen.signal();
        } else if self.stopping && chosen.process().ended {
            self.stages.reach(Stage::Stopped);
        }
    }
}
