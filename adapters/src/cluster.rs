//! What the nodes of a cluster keep in its bucket, beside the partitions: how many of these there are, and an object for each node.

mod node_state;
mod objects;
mod partitions;

pub use node_state::NodeState;
pub use objects::{ClusterObjects, Listed, Version, Written};
