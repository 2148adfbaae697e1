//! Reports how far a backup, a restore or a check has come.

/// Shows progress to the user of a command. None of the calls may block.
pub trait Progress: Send + Sync {
    /// A stage begins, which processes this many bytes; 0 if that is not known.
    fn stage(&self, what: &str, bytes: u64);

    /// So many more bytes of the stage are processed.
    fn advanced(&self, bytes: u64);

    /// Something worth a line of its own.
    fn note(&self, line: &str);
}

/// Shows nothing.
impl Progress for () {
    fn stage(&self, _what: &str, _bytes: u64) {}
    fn advanced(&self, _bytes: u64) {}
    fn note(&self, _line: &str) {}
}
