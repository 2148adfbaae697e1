//! Clusters: many partitions on several nodes, that are killed, stopped, cut off, and joined by others.
//!
//! Apart from the scenarios of one log: what clients do is simpler, and what must hold is held against each partition.

mod checks;
mod clients;
mod node;
mod plan;
mod planted;
mod record;
mod run;
mod stored;
mod unordered;

pub use checks::Violation;
pub use plan::{ClusterPlan, Event, Size};
pub use planted::Planted;
pub use run::{Report, run};
