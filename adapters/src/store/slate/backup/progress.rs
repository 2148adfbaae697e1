//! Reports how far a backup, a restore or a check has come.

/// Shows progress to whoever started a command. None of the calls may block.
pub trait Progress: Send + Sync {
    /// A stage begins, which processes this many bytes; 0 if that is not known.
    fn stage(&self, what: &str, bytes: u64);

    /// So many more bytes of the stage are processed.
    fn advanced(&self, bytes: u64);

    /// Something worth a line of its own.
    fn note(&self, line: &str);
}
