//! The shipped binary as a black box: started as a process, spoken to over HTTP, killed, stopped, fenced, starved.
//!
//! One test binary, so that it links once. `LOG_TEST_BINARY` names another server to run the tests against.

mod any_input;
mod backup;
mod clouds;
mod compression;
mod configuration;
mod cursors;
mod deleted;
mod disk_cache;
mod documents;
mod effective_configuration;
mod fencing;
mod folder;
mod forwarded;
mod framing;
mod gauges;
mod headers;
mod health;
mod held_streams;
mod hurried;
mod killed;
mod last_words;
mod logging;
mod malformed;
mod memory;
mod newest;
mod prometheus;
mod purged;
mod read_only;
mod readiness;
mod real_data;
mod removed;
mod retention;
mod rust_client;
mod s3;
mod safe_appends;
mod security;
mod several;
mod stderr;
mod stopping;
mod support;
mod terminated;
mod trimmed;
mod vanished;
mod writes_refused;
