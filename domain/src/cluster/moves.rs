//! What a node does next, so that it serves what is placed on it.

use std::collections::BTreeMap;

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

impl Moves {
    /// What `node`, which holds `held`, does next. At most `limit` of its partitions move at the same time, those included that already do.
    ///
    /// A partition that is placed nowhere stays where it is. Partitions are handed over before others are opened: another node waits for these.
    pub fn next(
        placement: &Placement,
        node: &NodeName,
        held: &BTreeMap<Partition, Held>,
        limit: usize,
    ) -> Self {
        let moving = held.values().filter(|held| **held != Held::Serving);
        let room = limit.saturating_sub(moving.count());
        let serving = held.iter().filter(|(_, held)| **held == Held::Serving);
        let elsewhere = |partition: &Partition| {
            let placed = placement.node(*partition);
            placed.is_some_and(|placed| placed != node)
        };
        let leaving = serving.map(|(partition, _)| *partition).filter(elsewhere);
        let hand_over: Vec<Partition> = leaving.take(room).collect();
        let missing = placement.on(node).filter(|p| !held.contains_key(p));
        let open = missing.take(room - hand_over.len()).collect();
        Self { hand_over, open }
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

    #[test]
    fn a_new_node_opens_what_is_placed_on_it_a_few_at_a_time() {
        let [a, b] = nodes();
        let placement = Placement::of(partitions(), &[a.clone(), b]);
        let mut held = BTreeMap::new();
        let first = Moves::next(&placement, &a, &held, 4);
        assert_eq!(first.open, placement.on(&a).take(4).collect::<Vec<_>>());
        assert!(first.hand_over.is_empty());
        held.extend(
            first
                .open
                .iter()
                .map(|partition| (*partition, Held::Opening)),
        );
        assert_eq!(Moves::next(&placement, &a, &held, 4), Moves::default());
        held.insert(first.open[0], Held::Serving);
        let next = placement.on(&a).nth(4).into_iter().collect::<Vec<_>>();
        assert_eq!(Moves::next(&placement, &a, &held, 4).open, next);
    }

    #[test]
    fn what_is_placed_elsewhere_is_handed_over_first() {
        let [a, b] = nodes();
        let alone = Placement::of(partitions(), std::slice::from_ref(&a));
        let mut held: BTreeMap<_, _> = alone.on(&a).map(|p| (p, Held::Serving)).collect();
        let missing = Placement::of(partitions(), &[a.clone(), b.clone()]);
        let own = missing.on(&a).next().expect("has some");
        held.remove(&own);
        let moves = Moves::next(&missing, &a, &held, 4);
        assert_eq!(moves.hand_over, missing.on(&b).take(4).collect::<Vec<_>>());
        assert!(moves.open.is_empty());
        let moves = Moves::next(&missing, &a, &held, 100);
        assert_eq!(moves.hand_over.len(), missing.on(&b).count());
        assert_eq!(moves.open, [own]);
    }

    #[test]
    fn without_a_placement_nothing_moves() {
        let [a, _] = nodes();
        let held = partitions().all().map(|p| (p, Held::Serving)).collect();
        assert_eq!(
            Moves::next(&Placement::default(), &a, &held, 4),
            Moves::default()
        );
    }
}
