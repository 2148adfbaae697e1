//! Adapters: the outside world for the ports of `log-domain`.
//!
//! The folders are rooms. [`http`] drives the domain; the others are driven by it: [`store`], [`objects`], [`telemetry`] and
//! [`identity`]. No room names another one. What several rooms share is a file beside them, and names none.

pub mod clock;
pub mod concealed;
pub mod http;
pub mod identity;
mod lost_store;
mod object_prefix;
pub mod objects;
mod observed_store;
pub mod quoted;
pub mod small_file;
pub mod store;
pub mod telemetry;
