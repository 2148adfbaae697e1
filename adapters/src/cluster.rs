//! What the nodes of a cluster keep in its bucket, beside the partitions: how many of these there are, an object for each node, and
//! one for each partition that says which node has it.

mod incarnation;
mod node_state;
mod objects;
mod owner;
mod partitions;

pub use node_state::NodeState;
pub use objects::{ClusterObjects, Listed, Version, Written};
pub use owner::{Hold, Owner};
