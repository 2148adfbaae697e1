//! What travels: the messages in both formats, parameters, codings, errors, and the paths that all of it goes to.

pub(super) mod append_parts;
pub(super) mod append_request;
pub(super) mod append_response;
pub(super) mod coding;
pub(super) mod commit_frame;
pub(super) mod cursor_request;
pub(super) mod delimited;
pub(super) mod durable_sequence;
pub(super) mod encoder;
pub(super) mod failure;
mod fields;
pub(super) mod format;
pub(super) mod json;
mod json_number;
mod lenient_base64;
mod message;
mod number_message;
pub(super) mod param;
pub(super) mod passed_append;
pub(super) mod positions;
pub(super) mod reply;
pub(super) mod request_id;
pub(super) mod route_table;
pub(super) mod scan_query;
pub(super) mod scan_request;
pub(super) mod selected;
pub(super) mod trim_request;
mod unexpected_field;
mod unknown_names;
pub(super) mod unknown_parameters;

pub use opendata_log_messages as proto;
