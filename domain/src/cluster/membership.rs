//! Which nodes of a cluster are alive, as one node sees it.
//!
//! Every node rewrites an object of its own at each heartbeat, and lists those of all. Clocks are not compared: a node is dead to an observer
//! when at least [`LISTINGS`] successful listings, over at least [`Rules::dead_after`] (its own or the observer's, whichever is longer) by the observer's own monotonic clock, showed its
//! object unchanged. A listing that failed, or came late, starts the count again. So neither an outage of the object store nor a pause of the
//! observer makes a node dead.

use std::collections::BTreeMap;
use std::time::Duration;

use super::NodeName;

/// After the first listing that shows an object, so many more have to show it unchanged before its node is dead.
pub const LISTINGS: u32 = 4;

/// A listing is late if it comes so many heartbeats after the last one.
const LATE: u32 = 2;

/// When nodes are dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// The interval of heartbeats and listings.
    pub heartbeat: Duration,
    /// For how long the object of a dead node has not changed, at least.
    pub dead_after: Duration,
}

/// What a listing shows of a node's object. It differs after each heartbeat, and is only compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark(pub String);

/// What a listing shows of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Its object.
    pub mark: Mark,
    /// The [`Rules::dead_after`] that it goes by itself, as far as is known. It answers as long as it may be alive by that.
    pub dead_after: Duration,
}

/// What one node knows of the nodes of its cluster, itself included.
#[derive(Debug, Clone)]
pub struct Membership {
    rules: Rules,
    last_listing: Option<Duration>,
    nodes: BTreeMap<NodeName, (Seen, Unchanged)>,
}

/// For how long an object has not changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unchanged {
    /// The next listing starts the count.
    NotCounted,
    /// Since a listing, and how many came after it.
    Since(Duration, u32),
    /// For so long that its node is dead.
    Dead,
}

impl Membership {
    /// Knows of no node.
    pub fn new(rules: Rules) -> Self {
        Self {
            rules,
            last_listing: None,
            nodes: BTreeMap::new(),
        }
    }

    /// A listing succeeded, and was complete at `now` by the monotonic clock of this process.
    pub fn listed(&mut self, now: Duration, found: BTreeMap<NodeName, Seen>) {
        let since_last = self.last_listing.map(|last| now.saturating_sub(last));
        let late = since_last.is_some_and(|since| since > LATE * self.rules.heartbeat);
        self.last_listing = Some(now);
        let mut before = std::mem::take(&mut self.nodes);
        let nodes = found.into_iter().map(|(node, seen)| {
            let rules = self.rules.of(&seen);
            let unchanged = match before.remove(&node) {
                Some((last, unchanged)) if last.mark == seen.mark => {
                    rules.after(unchanged, now, late)
                }
                _ => Unchanged::Since(now, 0),
            };
            (node, (seen, unchanged))
        });
        self.nodes = nodes.collect();
    }

    /// A listing failed. Nodes that are not dead yet are counted anew from the next one on.
    pub fn failed(&mut self) {
        for (_, unchanged) in self.nodes.values_mut() {
            if *unchanged != Unchanged::Dead {
                *unchanged = Unchanged::NotCounted;
            }
        }
    }

    /// When a listing would find the next node dead if it shows its object unchanged, by the monotonic clock of this process. `None` as long as no
    /// object has been unchanged over nearly enough listings: those of nodes that are alive change with each heartbeat.
    pub fn next_death(&self) -> Option<Duration> {
        let of = |(seen, unchanged): &(Seen, Unchanged)| match unchanged {
            Unchanged::Since(since, listings) if listings + 1 >= LISTINGS => {
                Some(since.saturating_add(self.rules.of(seen).dead_after))
            }
            _ => None,
        };
        self.nodes.values().filter_map(of).min()
    }

    /// The nodes that are alive, in the order of their names.
    pub fn alive(&self) -> impl Iterator<Item = &NodeName> {
        let alive = |unchanged: &Unchanged| *unchanged != Unchanged::Dead;
        let nodes = self.nodes.iter();
        nodes.filter_map(move |(node, (_, unchanged))| alive(unchanged).then_some(node))
    }

    /// The nodes that are dead, and what the last listing showed of each.
    pub fn dead(&self) -> impl Iterator<Item = (&NodeName, &Mark)> {
        let nodes = self.nodes.iter();
        nodes.filter_map(|(node, (seen, unchanged))| {
            (*unchanged == Unchanged::Dead).then_some((node, &seen.mark))
        })
    }

    /// Whether `node` is alive. One that left, and removed its object, is not.
    pub fn is_alive(&self, node: &NodeName) -> bool {
        let found = self.nodes.get(node);
        found.is_some_and(|(_, unchanged)| *unchanged != Unchanged::Dead)
    }
}

impl Rules {
    /// Those for a node that goes by its own [`Rules::dead_after`] if that is longer.
    fn of(self, seen: &Seen) -> Self {
        Self {
            dead_after: self.dead_after.max(seen.dead_after),
            ..self
        }
    }

    /// What becomes of `unchanged` with a listing at `now` that shows no change.
    fn after(self, unchanged: Unchanged, now: Duration, late: bool) -> Unchanged {
        match unchanged {
            Unchanged::Dead => Unchanged::Dead,
            Unchanged::Since(since, listings) if !late => {
                let listings = listings + 1;
                let spans = now.saturating_sub(since);
                match listings >= LISTINGS && spans >= self.dead_after {
                    true => Unchanged::Dead,
                    false => Unchanged::Since(since, listings),
                }
            }
            Unchanged::Since(..) | Unchanged::NotCounted => Unchanged::Since(now, 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RULES: Rules = Rules {
        heartbeat: Duration::from_secs(3),
        dead_after: Duration::from_secs(10),
    };

    fn alive(membership: &Membership) -> Vec<&str> {
        membership.alive().map(NodeName::as_str).collect()
    }

    fn list(membership: &mut Membership, at: u64, marks: &[(&str, u64)]) {
        let found = marks.iter().map(|(node, mark)| {
            let node = NodeName::parse(node).expect("a name");
            let seen = Seen {
                mark: Mark(mark.to_string()),
                dead_after: Duration::ZERO,
            };
            (node, seen)
        });
        membership.listed(Duration::from_secs(at), found.collect());
    }

    #[test]
    fn a_node_whose_object_does_not_change_is_dead_after_the_time_and_not_before() {
        let mut membership = Membership::new(RULES);
        for at in [0, 3, 6, 9] {
            list(&mut membership, at, &[("a", at), ("b", 7)]);
            assert_eq!(alive(&membership), ["a", "b"], "{at}");
        }
        list(&mut membership, 12, &[("a", 12), ("b", 7)]);
        assert_eq!(alive(&membership), ["a"]);
        let dead: Vec<_> = membership.dead().collect();
        assert_eq!(
            dead,
            [(
                &NodeName::parse("b").expect("a name"),
                &Mark("7".to_owned())
            )]
        );
        // It is back as soon as it writes.
        list(&mut membership, 15, &[("a", 15), ("b", 8)]);
        assert_eq!(alive(&membership), ["a", "b"]);
        assert_eq!(membership.dead().count(), 0);
    }

    #[test]
    fn after_an_outage_or_a_pause_the_count_starts_again() {
        let mut membership = Membership::new(RULES);
        list(&mut membership, 0, &[("b", 7)]);
        for _ in 0..20 {
            membership.failed();
        }
        // After sixty seconds, and after a pause of an hour.
        list(&mut membership, 60, &[("b", 7)]);
        list(&mut membership, 63, &[("b", 7)]);
        for at in [3_600, 3_603, 3_606, 3_609] {
            list(&mut membership, at, &[("b", 7)]);
            assert_eq!(alive(&membership), ["b"], "{at}");
        }
        list(&mut membership, 3_612, &[("b", 7)]);
        assert!(alive(&membership).is_empty());
    }

    #[test]
    fn a_listing_at_the_moment_of_the_next_death_finds_it() {
        let mut membership = Membership::new(RULES);
        assert_eq!(membership.next_death(), None);
        for at in [0, 3, 6, 9] {
            assert_eq!(membership.next_death(), None, "{at}");
            list(&mut membership, at, &[("a", at), ("b", 7), ("c", at / 6)]);
        }
        assert_eq!(membership.next_death(), Some(Duration::from_secs(10)));
        list(&mut membership, 10, &[("a", 9), ("b", 7), ("c", 1)]);
        assert_eq!(alive(&membership), ["a", "c"]);
        // Not again for one that is dead, and not for those that are alive.
        assert_eq!(membership.next_death(), None);
        // "c" wrote last before the listing at 6.
        list(&mut membership, 12, &[("a", 12), ("b", 7), ("c", 1)]);
        assert_eq!(membership.next_death(), Some(Duration::from_secs(16)));
        // A listing that fails starts the count again.
        membership.failed();
        assert_eq!(membership.next_death(), None);
    }

    #[test]
    fn many_listings_in_a_short_time_are_not_enough() {
        let mut membership = Membership::new(RULES);
        for at in 0..10 {
            list(&mut membership, at, &[("b", 7)]);
        }
        assert_eq!(alive(&membership), ["b"]);
        list(&mut membership, 10, &[("b", 7)]);
        assert!(alive(&membership).is_empty());
    }

    #[test]
    fn a_node_that_takes_itself_for_alive_longer_is_given_that_long() {
        let node = NodeName::parse("b").expect("a name");
        let mut membership = Membership::new(RULES);
        for at in (0..=30).step_by(3) {
            let seen = Seen {
                mark: Mark("7".to_owned()),
                dead_after: Duration::from_secs(25),
            };
            let found = BTreeMap::from([(node.clone(), seen)]);
            membership.listed(Duration::from_secs(at), found);
            assert_eq!(membership.is_alive(&node), at < 25, "{at}");
            let due = (9..25).contains(&at).then(|| Duration::from_secs(25));
            assert_eq!(membership.next_death(), due, "{at}");
        }
    }

    #[test]
    fn a_node_that_left_is_not_alive() {
        let mut membership = Membership::new(RULES);
        list(&mut membership, 0, &[("a", 1), ("b", 7)]);
        list(&mut membership, 3, &[("a", 2)]);
        assert_eq!(alive(&membership), ["a"]);
        let left = NodeName::parse("b").expect("a name");
        assert!(!membership.is_alive(&left));
    }

    proptest! {
        /// Whatever the intervals and failures: who is dead was seen unchanged for as long, by enough listings without a gap.
        #[test]
        fn nobody_is_dead_too_early(steps in prop::collection::vec((0_u64..9, any::<bool>()), 1..60)) {
            let mut membership = Membership::new(RULES);
            let (mut now, mut seen, mut last) = (0, Vec::new(), None);
            for (passed, succeeds) in steps {
                now += passed;
                if !succeeds {
                    membership.failed();
                    seen.clear();
                    continue;
                }
                if last.is_some_and(|last| now - last > 6) {
                    seen.clear();
                }
                (last, _) = (Some(now), seen.push(now));
                let due = membership.next_death();
                list(&mut membership, now, &[("b", 7)]);
                // A listing that came in time finds it dead from the moment on that was named before, and not earlier.
                let is_due = due.is_some_and(|due| Duration::from_secs(now) >= due);
                prop_assert_eq!(alive(&membership).is_empty(), is_due && seen.len() > 1);
                if alive(&membership).is_empty() {
                    prop_assert!(seen.len() > 4 && now - seen[0] >= 10, "{seen:?}");
                    break;
                }
            }
        }

        /// However irregular the listings: as long as each shows a new mark within three of them, nobody is looked for.
        #[test]
        fn no_death_is_due_while_all_objects_change(steps in prop::collection::vec((0_u64..9, any::<bool>()), 1..60)) {
            let mut membership = Membership::new(RULES);
            let mut now = 0;
            for (number, (passed, succeeds)) in steps.into_iter().enumerate() {
                now += passed;
                match succeeds {
                    true => list(&mut membership, now, &[("a", number as u64), ("b", number as u64 / 3)]),
                    false => membership.failed(),
                }
                prop_assert_eq!(membership.next_death(), None);
            }
        }
    }
}
