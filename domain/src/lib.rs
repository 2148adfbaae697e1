//! The semantics of Log: keys, records, sequences, segments, durability, limits and errors, as pure code.
//!
//! A log is one totally ordered sequence of records, seen through keys: every key is a stream of its own.
//! This crate says what an append, a scan or a follow *means*, and which outside parts it needs (the
//! [`ports`]). It knows nothing of SlateDB, HTTP, files, sockets, clocks or randomness: time is passed in,
//! storage is a port. What happens over the wire and on disk is in `log-adapters`.
//!
//! Where to start reading: [`service::LogService`] is what a server calls; [`ports::LogReader`] and
//! [`ports::LogWriter`] are what a storage engine must promise; [`sequencer::Sequencer`] decides what a commit contains;
//! [`model::Model`] is the smallest thing that keeps the promises.

pub mod access;
pub mod append;
pub mod budget;
#[cfg(any(test, feature = "test-util"))]
pub mod conformance;
pub mod error;
pub mod fingerprint;
pub mod follow;
pub mod headers;
pub mod key;
pub mod limits;
pub mod model;
pub mod page;
pub mod ports;
pub mod producer;
pub mod query;
pub mod rejection;
pub mod run;
pub mod segment;
pub mod sequence;
pub mod sequencer;
pub mod service;
mod varint;

pub use access::{Credentials, Denied, Right, Rights};
pub use append::{Append, Appended, Batch, Durability, Precondition, Record};
pub use error::{Cause, Error, Result};
pub use headers::Headers;
pub use key::Key;
pub use limits::Limits;
pub use page::{KeysPage, Page};
pub use ports::{
    Authorizer, Clock, CommitListener, LogReader, LogStore, LogWriter, Status, Stopped,
};
pub use producer::{Producer, ProducerId, ProducerPolicy, ProducerState};
pub use query::{KeysQuery, PageLimit, Scan, SequenceRange, Visibility, Watermarks};
pub use rejection::Rejection;
pub use run::Run;
pub use segment::{SealPolicy, Segment, SegmentId};
pub use sequence::Sequence;
pub use service::LogService;
