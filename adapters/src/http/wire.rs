//! What travels: the messages in both formats, parameters, codings, errors, and the paths that all of it goes to.

pub(super) mod append_request;
pub(super) mod coding;
pub(super) mod encoder;
pub(super) mod failure;
pub(super) mod format;
pub(super) mod json;
mod lenient_base64;
pub(super) mod param;
pub(super) mod reply;
pub(super) mod request_id;
pub(super) mod route_table;
mod unknown_names;
pub(super) mod unknown_parameters;

pub use opendata_log_messages as proto;
