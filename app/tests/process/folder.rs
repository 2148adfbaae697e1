//! What a log in a local folder promises beyond one in a bucket: see docs/operations.md.

mod clean;
mod private;
mod taken;
mod unsynced;
mod unusable;
