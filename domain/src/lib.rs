//! The semantics of Log: keys, records, sequences, segments, durability, limits and errors, as pure code.
//!
//! A log is one totally ordered sequence of records; each key is a stream within it. This crate defines the
//! semantics of appends, scans and follows, and the [`ports`] that they need. It does not depend on SlateDB, HTTP,
//! files, sockets, clocks or randomness: time is a parameter, storage is a port. The wire protocol and the storage
//! layout are in `log-adapters`.
//!
//! Where to start reading: servers call [`service::LogService`]; storage engines implement [`ports::LogReader`] and
//! [`ports::LogWriter`]; [`sequencer::Sequencer`] decides what a commit contains; [`model::Model`] is the reference
//! model.

pub mod access;
pub mod append;
pub mod budget;
pub mod cluster;
pub mod commit_feed;
pub mod commit_merge;
#[cfg(any(test, feature = "test-util"))]
pub mod conformance;
pub mod cursor;
pub mod deletion;
pub mod error;
pub mod fingerprint;
pub mod follow;
pub mod headers;
pub mod key;
pub mod limits;
pub mod merge;
mod merged_run;
pub mod model;
pub mod page;
pub mod ports;
pub mod prefix_rules;
pub mod producer;
pub mod query;
pub mod rejection;
pub mod retention;
pub mod run;
pub mod segment;
pub mod selection;
pub mod sequence;
pub mod sequencer;
pub mod service;
pub mod trim;
mod varint;

pub use access::{Credentials, Denied, Right, Rights};
pub use append::{Append, Appended, Batch, Durability, Precondition, Record, SessionId};
pub use commit_feed::{CommitFeed, CommitFile, CommitNews};
pub use cursor::{Cursor, CursorCommand, CursorMove, CursorName, CursorsPage, CursorsQuery};
pub use deletion::{Deletion, KeyFloor};
pub use error::{Cause, Error, Result};
pub use headers::Headers;
pub use key::Key;
pub use limits::Limits;
pub use page::{Counted, KeysPage, Page};
pub use ports::{
    Authorizer, Backlog, Clock, CommitListener, LogReader, LogStore, LogWriter, Status, Stopped,
};
pub use prefix_rules::{PrefixFloor, PrefixRule, PrefixRules};
pub use producer::{Producer, ProducerId, ProducerPolicy, ProducerState};
pub use query::{KeysQuery, PageLimit, Scan, SequenceRange, Side, Visibility, Watermarks};
pub use rejection::Rejection;
pub use retention::{Growth, Retention, StoredSegment};
pub use run::Run;
pub use segment::{SealPolicy, Segment, SegmentId};
pub use selection::{KeySet, Selection};
pub use sequence::Sequence;
pub use service::LogService;
pub use trim::Trim;
