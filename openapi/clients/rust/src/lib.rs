#![doc = include_str!("../README.md")]

mod answers;
mod append;
mod append_many;
mod appending;
mod arguments;
mod batch;
mod body;
mod builder;
mod client;
mod cluster;
mod cluster_status;
mod connection;
mod consumer;
mod cursor;
mod deletion;
mod error;
mod exactly_once;
mod frames;
mod http;
mod no_answer;
mod paging;
mod part;
mod partition;
mod producer;
mod reading;
mod record;
mod retry;
mod seen;
mod selection;
mod session;
mod split;
mod status;
mod tail;
#[cfg(test)]
mod tests;
mod trim;
mod unordered;

pub use append::AppendOptions;
pub use append_many::AppendMany;
pub use batch::{Batch, BatchBuilder};
pub use builder::LogClientBuilder;
pub use client::LogClient;
pub use cluster_status::{ClusterStatus, NodeStatus, PartitionState, PartitionStatus};
pub use connection::Connection;
pub use consumer::Consumer;
pub use cursor::Cursor;
pub use error::{Conflict, Error, ErrorKind, LostAppends};
pub use paging::{Keys, Records};
pub use part::{AppendPart, PartOutcome};
pub use partition::{partition_of, partition_of_prefix};
pub use reading::{ReadOptions, Visibility};
pub use record::{Appended, Counted, Header, Record, Segment, SequencedRecord};
pub use retry::Retry;
pub use selection::Selection;
pub use status::Status;
pub use unordered::{Position, UnorderedRecords};

/// The messages of the HTTP API.
pub use opendata_log_messages as wire;

/// What calls end in.
pub type Result<T> = std::result::Result<T, Error>;
