//! What a node does next, so that it serves what is placed on it.

use std::collections::{BTreeMap, BTreeSet};

use super::{NodeName, Partition, Placement};

/// What a node has to do with a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// It is opening it.
    Opening,
    /// It serves it.
    Serving,
    /// It is closing it, for another node.
    Closing,
}

/// The partitions that a node moves next.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Moves {
    /// To close, for the node on which they are placed.
    pub hand_over: Vec<Partition>,
    /// To open, unless another node that is alive has them.
    pub open: Vec<Partition>,
}

/// So many times as many partitions are opened at the same time as are handed over. What is opened is served by nobody, while what waits to be
/// handed over is served meanwhile.
const OPENED: usize = 4;

impl Moves {
    /// What `node`, which holds `held`, does next. At most `limit` of its partitions are handed over at the same time, and four times as many
    /// opened, those included that already are.
    ///
    /// A partition that is placed nowhere stays where it is, and one of `served`, which other nodes serve, is not opened yet.
    pub fn next(
        placement: &Placement,
        node: &NodeName,
        held: &BTreeMap<Partition, Held>,
        served: &BTreeSet<Partition>,
        limit: usize,
    ) -> Self {
        let room = |wanted, limit: usize| {
            let moving = held.values().filter(|held| **held == wanted);
            limit.saturating_sub(moving.count())
        };
        let serving = held.iter().filter(|(_, held)| **held == Held::Serving);
        let elsewhere = |partition: &Partition| {
            let placed = placement.node(*partition);
            placed.is_some_and(|placed| placed != node)
        };
        let leaving = serving.map(|(partition, _)| *partition).filter(elsewhere);
        let missing = placement.on(node);
        let missing = missing.filter(|p| !held.contains_key(p) && !served.contains(p));
        Self {
            hand_over: leaving.take(room(Held::Closing, limit)).collect(),
            open: missing.take(room(Held::Opening, OPENED * limit)).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Partitions;

    fn nodes() -> [NodeName; 2] {
        ["a", "b"].map(|name| NodeName::parse(name).expect("a name"))
    }

    fn partitions() -> Partitions {
        Partitions::new(16).expect("in range")
    }

    /// What `a` does next where other nodes serve nothing.
    fn next(placement: &Placement, held: &BTreeMap<Partition, Held>, limit: usize) -> Moves {
        Moves::next(placement, &nodes()[0], held, &BTreeSet::new(), limit)
    }

    #[test]
    fn what_nobody_serves_is_opened_several_at_a_time() {
        let [a, b] = nodes();
        let placement = Placement::of(partitions(), &[a.clone(), b]);
        let mut held = BTreeMap::new();
        let first = next(&placement, &held, 1);
        assert_eq!(first.open, placement.on(&a).take(4).collect::<Vec<_>>());
        assert!(first.hand_over.is_empty());
        let opening = first
            .open
            .iter()
            .map(|partition| (*partition, Held::Opening));
        held.extend(opening);
        assert_eq!(next(&placement, &held, 1), Moves::default());
        held.insert(first.open[0], Held::Serving);
        let fifth = placement.on(&a).nth(4).into_iter().collect::<Vec<_>>();
        assert_eq!(next(&placement, &held, 1).open, fifth);
    }

    #[test]
    fn what_another_node_serves_is_not_opened_and_holds_up_no_other() {
        let [a, b] = nodes();
        let placement = Placement::of(partitions(), &[a.clone(), b]);
        let mut served: BTreeSet<Partition> = partitions().all().collect();
        let held = BTreeMap::new();
        let moves = Moves::next(&placement, &a, &held, &served, 1);
        assert_eq!(moves, Moves::default());
        let last = placement.on(&a).last().expect("has some");
        served.remove(&last);
        let moves = Moves::next(&placement, &a, &held, &served, 1);
        assert_eq!(moves.open, [last]);
    }

    #[test]
    fn what_is_placed_elsewhere_is_handed_over_a_few_at_a_time() {
        let [a, b] = nodes();
        let alone = Placement::of(partitions(), std::slice::from_ref(&a));
        let mut held: BTreeMap<_, _> = alone.on(&a).map(|p| (p, Held::Serving)).collect();
        let missing = Placement::of(partitions(), &[a.clone(), b.clone()]);
        let own = missing.on(&a).next().expect("has some");
        held.remove(&own);
        let moves = next(&missing, &held, 2);
        assert_eq!(moves.hand_over, missing.on(&b).take(2).collect::<Vec<_>>());
        assert_eq!(moves.open, [own]);
        held.insert(moves.hand_over[0], Held::Closing);
        assert_eq!(next(&missing, &held, 2).hand_over, moves.hand_over[1..]);
        let moves = next(&missing, &held, 100);
        assert_eq!(moves.hand_over.len(), missing.on(&b).count() - 1);
    }

    #[test]
    fn without_a_placement_nothing_moves() {
        let held = partitions().all().map(|p| (p, Held::Serving)).collect();
        assert_eq!(next(&Placement::default(), &held, 4), Moves::default());
    }
}
