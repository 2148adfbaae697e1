//! A cluster: nodes that share the partitions of a log.
//!
//! A cluster has a fixed number of partitions. Each is a log of its own, with its own sequences, and one node serves it. Which partition a key
//! belongs to is part of the wire contract ([`partition`]). Each node computes for itself which nodes are alive ([`membership`]), which of them
//! is to serve which partition ([`placement`]), what it has to open and to hand over for that ([`moves`]), and
//! which of its partitions write data files so that the next node opens them soon ([`backlog`]).
//!
//! No promise to data rests on any of this: nodes may disagree for a while. Two nodes that open the same partition are kept apart by the
//! storage engine, as two servers of one log are.

pub mod backlog;
pub mod listing;
pub mod membership;
pub mod moves;
pub mod node_name;
pub mod partition;
mod parts;
pub mod placement;
pub mod rounds;
mod spans;

pub use membership::{Mark, Membership, Rules, Seen};
pub use moves::{Held, Moves};
pub use node_name::NodeName;
pub use partition::{Partition, Partitions};
pub use placement::Placement;
