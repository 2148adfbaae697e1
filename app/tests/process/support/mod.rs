//! What the process tests stand on: the server as a child process, a client, a place for its data, load, and the
//! checks that hold a recorded history against the log.

pub(crate) mod client;
pub(crate) mod history;
pub(crate) mod load;
pub(crate) mod lossy_proxy;
pub(crate) mod place;
pub(crate) mod refusals;
pub(crate) mod server;
pub(crate) mod session;
pub(crate) mod unwritable;
