//! Deterministic simulation of whole servers; see `docs/` for what is here so far.
