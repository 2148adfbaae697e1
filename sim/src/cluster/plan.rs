//! What a run of a cluster does: drawn from its seed, before it begins.

use std::ops::Range;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

use super::planted::Planted;
use crate::hosts::s3::Trouble;

/// The hosts that can be nodes.
pub(super) const NODES: [&str; 8] = [
    "node-0", "node-1", "node-2", "node-3", "node-4", "node-5", "node-6", "node-7",
];

/// Clients work for so long.
const WORK_MS: u64 = 60_000;
/// The nodes that are there from the beginning have so long to join.
const CALM_MS: u64 = 12_000;

/// In one of so many runs, nodes are cut off from S3 until others have their partitions; in another one, nodes that were killed come back when
/// others find that they are dead. Then there are more readers of few keys.
const SPECIAL_EVERY: u64 = 6;
const MORE_READERS: usize = 4;
const FEW_KEYS: usize = 12;
/// What is on its way when clients begin to be quiet has arrived by then.
const QUIET_BEFORE_MS: u64 = 3_000;
/// Others have taken the partitions of a node that is cut off by then.
const DEAD_MS: u64 = 10_800;

/// Others find within this time that a node that was killed is dead.
const FOUND_DEAD_MS: Range<u64> = 8_000..13_000;
/// A node that comes back at that moment finds within this time that others have its partitions.
const QUIET_AFTER_MS: u64 = 4_000;

/// How large a cluster is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Its nodes, 2 to 8.
    pub nodes: usize,
    /// Its partitions.
    pub partitions: u32,
}

/// Something that happens to the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A node is started, if it is down.
    Start(usize),
    /// A node is killed.
    Kill(usize),
    /// A node is asked to stop.
    Stop(usize),
    /// Messages between two hosts are lost; the second one can be S3.
    Cut(usize, Option<usize>),
    /// They arrive again.
    Mend(usize, Option<usize>),
    /// Messages between a node and S3 are held.
    Hold(usize),
    /// They arrive, late.
    Release(usize),
    /// S3 is in trouble.
    Trouble(Trouble),
    /// It is not any more.
    Over(Trouble),
}

/// One run.
#[derive(Debug, Clone)]
pub struct ClusterPlan {
    /// What everything is drawn from.
    pub seed: u64,
    /// How large the cluster is.
    pub size: Size,
    /// How far the clock of each node is ahead.
    pub skew_ms: [i64; NODES.len()],
    /// A message takes up to so long.
    pub latency_ms: u64,
    /// Writers, which append on their own.
    pub writers: usize,
    /// Producers, which send each request until they know what became of it.
    pub producers: usize,
    /// Readers.
    pub readers: usize,
    /// Writers whose appends are split by partition.
    pub splitters: usize,
    /// Clients that append in sessions.
    pub sessions: usize,
    /// Keys that clients share.
    pub keys: usize,
    /// Then no client appends: from and until.
    pub quiet_ms: Vec<(u64, u64)>,
    /// Clients work until then.
    pub until_ms: u64,
    /// What happens, in order.
    pub events: Vec<(u64, Event)>,
}

impl ClusterPlan {
    /// Draws a run, of this size or one that is drawn too.
    pub fn draw(seed: u64, size: Option<Size>) -> Self {
        let mut random = StdRng::seed_from_u64(seed.wrapping_mul(37).wrapping_add(5));
        let drawn = Size {
            nodes: random.random_range(2..=5),
            partitions: [6, 12, 24][random.random_range(0..3)],
        };
        let size = size.unwrap_or(drawn);
        let mut plan = Self {
            seed,
            size,
            skew_ms: [0; NODES.len()].map(|_| random.random_range(-4_000..=4_000)),
            latency_ms: random.random_range(2..=12),
            writers: random.random_range(3..=6),
            producers: random.random_range(1..=3),
            readers: random.random_range(1..=3),
            keys: random.random_range(8..=40),
            until_ms: WORK_MS,
            events: events(size, &mut random),
            splitters: random.random_range(0..=2),
            sessions: random.random_range(1..=2),
            quiet_ms: Vec::new(),
        };
        match seed % SPECIAL_EVERY {
            0 => plan.with_nodes_away(&mut random),
            3 => plan.with_nodes_returning(&mut random),
            _ => {}
        }
        plan
    }

    /// The run with what a planted bug needs to show.
    pub(super) fn exposing(mut self, bug: Planted) -> Self {
        let mut random = StdRng::seed_from_u64(self.seed);
        match bug {
            Planted::MissClaims => self.with_nodes_away(&mut random),
            Planted::StaleDeaths => self.with_nodes_returning(&mut random),
            Planted::AnswerUnheard | Planted::SessionAgain => self.sessions = 4,
            _ => {}
        }
        self
    }

    /// In the place of what happens to nodes: one after the other is cut off from S3 until others have its partitions, and comes back. Nothing is
    /// appended before they have them: a node with something to write would find out by that.
    fn with_nodes_away(&mut self, random: &mut StdRng) {
        let away = Away {
            lasts_ms: 13_000..17_000,
            pause_ms: 5_000..9_000,
            events: |node| [Event::Cut(node, None), Event::Mend(node, None)],
            quiet_ms: |now, _| (now - QUIET_BEFORE_MS, now + DEAD_MS),
        };
        self.one_after_another(random, away);
    }

    /// In the place of what happens to nodes: one after the other is killed, and started again at about the time when others find that it is dead.
    /// Nothing is appended then.
    fn with_nodes_returning(&mut self, random: &mut StdRng) {
        let away = Away {
            lasts_ms: FOUND_DEAD_MS,
            pause_ms: 4_000..7_000,
            events: |node| [Event::Kill(node), Event::Start(node)],
            quiet_ms: |_, back| (back - QUIET_BEFORE_MS, back + QUIET_AFTER_MS),
        };
        self.one_after_another(random, away);
    }

    /// All nodes start, and then only this happens to them. More readers read fewer keys.
    fn one_after_another(&mut self, random: &mut StdRng, away: Away) {
        let nodes = self.size.nodes;
        self.events = (0..nodes)
            .map(|node| (random.random_range(0..500), Event::Start(node)))
            .collect();
        self.keys = self.keys.min(FEW_KEYS);
        self.readers += MORE_READERS;
        let mut now = CALM_MS;
        let mut node = random.random_range(0..nodes);
        while now < WORK_MS - 10_000 {
            let back = now + random.random_range(away.lasts_ms.clone());
            self.quiet_ms.push((away.quiet_ms)(now, back));
            let [goes, comes] = (away.events)(node);
            self.events.extend([(now, goes), (back, comes)]);
            now = back + random.random_range(away.pause_ms.clone());
            node = (node + random.random_range(1..nodes)) % nodes;
        }
        self.events.sort_by_key(|(at_ms, _)| *at_ms);
    }
}

/// How a node goes away and comes back.
struct Away {
    /// For so long, and so long after that the next node goes.
    lasts_ms: Range<u64>,
    pause_ms: Range<u64>,
    /// What happens to a node then.
    events: fn(usize) -> [Event; 2],
    /// When no client appends, from when it goes and when it is back.
    quiet_ms: fn(u64, u64) -> (u64, u64),
}

/// All but one of the nodes start; what comes then is drawn.
fn events(size: Size, random: &mut StdRng) -> Vec<(u64, Event)> {
    let mut events = Vec::new();
    let first = match random.random_range(0..3) {
        0 if size.nodes > 2 => size.nodes - 1,
        _ => size.nodes,
    };
    for node in 0..first {
        events.push((random.random_range(0..500), Event::Start(node)));
    }
    let mut now = CALM_MS;
    while now < WORK_MS - 10_000 {
        now += random.random_range(500..6_000);
        let node = random.random_range(0..size.nodes);
        let lasts = *[1_500, 5_000, 14_000].choose(random).unwrap_or(&1_500);
        let mut both = |begin, end| {
            events.push((now, begin));
            events.push((now + lasts, end));
        };
        match random.random_range(0..10) {
            0..3 => both(Event::Kill(node), Event::Start(node)),
            3 => both(Event::Stop(node), Event::Start(node)),
            4 => both(Event::Cut(node, None), Event::Mend(node, None)),
            5 => {
                let other = (node + random.random_range(1..size.nodes)) % size.nodes;
                both(
                    Event::Cut(node, Some(other)),
                    Event::Mend(node, Some(other)),
                );
            }
            6 => both(Event::Hold(node), Event::Release(node)),
            7 => {
                let trouble = Trouble::Slow {
                    up_to_ms: random.random_range(50..800),
                };
                both(Event::Trouble(trouble), Event::Over(trouble));
            }
            8 => {
                let rate = random.random_range(5..40);
                let troubles = [
                    Trouble::Failing,
                    Trouble::LosingAnswers,
                    Trouble::Throttling,
                ];
                let trouble = troubles[random.random_range(0..3)](rate);
                both(Event::Trouble(trouble), Event::Over(trouble));
            }
            // All nodes, one after the other.
            _ => {
                for node in 0..size.nodes {
                    events.push((now, Event::Stop(node)));
                    events.push((now + 1_000, Event::Start(node)));
                    now += 3_000;
                }
            }
        }
    }
    events.sort_by_key(|(at_ms, _)| *at_ms);
    events
}
