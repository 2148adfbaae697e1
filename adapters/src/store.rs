//! Where the records of a log are kept: in SlateDB on object storage, or in memory.

pub mod memory;
pub mod slate;
