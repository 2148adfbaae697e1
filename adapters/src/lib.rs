//! Adapters: implementations of the ports of `log-domain`.
//!
//! [`http`] is the driving adapter; [`store`], [`cluster`], [`objects`], [`telemetry`] and [`identity`] are driven by the domain. These
//! modules do not import each other. Code that several of them share is in the other modules of this crate, which import none.

mod causes;
pub mod clock;
pub mod cluster;
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
