//! Which node is to serve which partition: rendezvous hashing with bounded load ([hashing], [bound]).
//!
//! Every node computes it from the nodes that it holds to be alive, so nodes that agree on these agree on the placement.
//!
//! [hashing]: https://doi.org/10.1109/90.663936
//! [bound]: https://arxiv.org/abs/1608.01350

use std::collections::BTreeMap;

use twox_hash::XxHash3_64;

use super::{NodeName, Partition, Partitions};

/// A node gets at most this percentage of the average, rounded up.
const MOST_PERCENT: usize = 125;

/// The node of each partition.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Placement(BTreeMap<Partition, NodeName>);

impl Placement {
    /// Places `partitions` on `nodes`; without nodes none of them.
    ///
    /// Preferences are taken best score first, whatever their partition. So scores alone decide which node is full, and a node that comes or goes
    /// changes little: about as many partitions move as it has, if a node has some.
    pub fn of(partitions: Partitions, nodes: &[NodeName]) -> Self {
        if nodes.is_empty() {
            return Self::default();
        }
        let number = partitions.all().len();
        let most = (number * MOST_PERCENT).div_ceil(nodes.len() * 100);
        let score = |partition: Partition, node: &NodeName| {
            let seed = u64::from(partition.number());
            XxHash3_64::oneshot_with_seed(seed, node.as_str().as_bytes())
        };
        let mut preferences: Vec<(u64, Partition, usize)> = partitions
            .all()
            .flat_map(|partition| {
                let scored = nodes.iter().enumerate();
                scored.map(move |(at, node)| (score(partition, node), partition, at))
            })
            .collect();
        preferences.sort_unstable_by(|a, b| b.cmp(a));
        let mut counts = vec![0; nodes.len()];
        let mut placed = BTreeMap::new();
        for (_, partition, at) in preferences {
            if counts[at] < most && !placed.contains_key(&partition) {
                placed.insert(partition, nodes[at].clone());
                counts[at] += 1;
            }
        }
        Self(placed)
    }

    /// The node that is to serve `partition`, if there are nodes.
    pub fn node(&self, partition: Partition) -> Option<&NodeName> {
        self.0.get(&partition)
    }

    /// The partitions that `node` is to serve, in order.
    pub fn on<'a>(&'a self, node: &'a NodeName) -> impl Iterator<Item = Partition> + 'a {
        let on_node = self.0.iter().filter(move |(_, placed)| *placed == node);
        on_node.map(|(partition, _)| *partition)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nodes(cluster: usize, number: usize) -> Vec<NodeName> {
        let name = |node| NodeName::parse(&format!("node-{cluster}-{node}")).expect("a name");
        (0..number).map(name).collect()
    }

    /// How many partitions move when a node goes, as a multiple of how many it had, for many clusters, sorted.
    fn moved(partitions: Partitions) -> Vec<f64> {
        let mut moved = Vec::new();
        for cluster in 0..100 {
            for number in 2..=9 {
                let nodes = nodes(cluster, number);
                let (all, fewer) = (
                    Placement::of(partitions, &nodes),
                    Placement::of(partitions, &nodes[1..]),
                );
                let elsewhere = partitions.all().filter(|p| all.node(*p) != fewer.node(*p));
                let own = all.on(&nodes[0]).count().max(1);
                moved.push(elsewhere.count() as f64 / own as f64);
            }
        }
        moved.sort_by(f64::total_cmp);
        moved
    }

    #[test]
    fn of_enough_partitions_few_move_when_a_node_comes_or_goes() {
        for number in [64, 100, 256] {
            let moved = moved(Partitions::new(number).expect("in range"));
            let (median, worst) = (moved[moved.len() / 2], moved[moved.len() - 1]);
            assert!(median <= 1.3, "{number} partitions: {median} in the median");
            assert!(worst <= 2.5, "{number} partitions: {worst} at worst");
        }
    }

    #[test]
    fn no_node_has_more_than_its_share() {
        let partitions = Partitions::new(64).expect("in range");
        for number in 1..=70 {
            let nodes = nodes(0, number);
            let placement = Placement::of(partitions, &nodes);
            let most = 80_usize.div_ceil(number);
            let counts = nodes.iter().map(|node| placement.on(node).count());
            let counts: Vec<usize> = counts.collect();
            assert!(counts.iter().all(|count| *count <= most), "{counts:?}");
            assert_eq!(counts.iter().sum::<usize>(), 64);
        }
    }

    #[test]
    fn it_does_not_depend_on_the_order_of_the_nodes() {
        let partitions = Partitions::new(64).expect("in range");
        let mut nodes = nodes(0, 5);
        let placement = Placement::of(partitions, &nodes);
        nodes.reverse();
        assert_eq!(Placement::of(partitions, &nodes), placement);
        assert_eq!(Placement::of(partitions, &[]), Placement::default());
    }

    /// Nodes of different versions must compute the same.
    #[test]
    fn it_stays_as_it_is() {
        let partitions = Partitions::new(8).expect("in range");
        let nodes = ["a", "b", "c"].map(|name| NodeName::parse(name).expect("a name"));
        let placement = Placement::of(partitions, &nodes);
        let placed = partitions.all().filter_map(|p| placement.node(p));
        let placed: Vec<&str> = placed.map(NodeName::as_str).collect();
        assert_eq!(placed.join(""), "aabbbcca");
    }
}
