//! What the server does when it is asked: one file for each operation, and what several of them share.

mod at_least;
mod content;
mod deadline;
mod fixed_page;
mod follower_place;

pub(super) mod access;
pub(super) mod append;
pub(super) mod cluster;
#[cfg(feature = "test-util")]
pub(super) mod codecs;
pub(super) mod commits;
pub(super) mod console;
pub(super) mod count;
pub(super) mod cursor;
pub(super) mod cursors;
pub(super) mod delete_key;
pub(super) mod health;
pub(super) mod keys;
pub(super) mod message_body;
pub(super) mod metrics_text;
pub(super) mod openapi;
pub(super) mod peer;
pub(super) mod read_limit;
pub(super) mod scan;
pub(super) mod scan_answer;
pub(super) mod segments;
pub(super) mod selection;
pub(super) mod session;
pub(super) mod settings;
pub(super) mod shortcuts;
pub(super) mod shown;
pub(super) mod stream;
pub(super) mod swagger_ui;
pub(super) mod trim;
pub(super) mod unordered;
pub(super) mod welcome;

/// The handlers, each with its part of the OpenAPI document.
pub(super) type Api<S> = (
    append::Append<S>,
    session::SessionRoute<S>,
    scan::ScanRoute<S>,
    keys::Keys<S>,
    segments::Segments<S>,
    count::Count<S>,
    trim::TrimRoute<S>,
    delete_key::DeleteKey<S>,
    stream::StreamRoute<S>,
    cursors::Cursors<S>,
    cursor::CursorRoute<S>,
    cluster::ClusterRoute,
    health::Health,
);
