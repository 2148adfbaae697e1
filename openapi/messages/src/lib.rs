//! The messages of the HTTP API of the OpenData Log server, generated from `openapi/log.proto`.
//!
//! With the feature `json` they implement `Serialize`, as ProtoJSON with the fields that the server's JSON responses have.

mod description;
mod generated;
#[cfg(feature = "json")]
mod json;
mod session;

pub use description::{Described, Field, FieldDescription, FieldType, MessageDescription};
pub use generated::*;
pub use session::session_answer;

/// The content type of binary protobuf.
pub const PROTOBUF: &str = "application/protobuf";
/// The `status` of a response that is a success.
pub const SUCCESS: &str = "success";
/// The `status` of an [`ErrorResponse`].
pub const ERROR: &str = "error";
