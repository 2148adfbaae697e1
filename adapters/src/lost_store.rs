//! The error for a storage location that was replaced since it was opened.

use std::error::Error as _;

use object_store::Error;

/// What the log was written to is gone: nothing that is written now can count as durable. Says what, and how.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Gone(pub(crate) String);

impl Gone {
    /// This error, if it is the cause of that one.
    pub(crate) fn cause(error: &Error) -> Option<&Self> {
        let mut cause = error.source();
        while let Some(deeper) = cause {
            if let Some(gone) = deeper.downcast_ref() {
                return Some(gone);
            }
            cause = deeper.source();
        }
        None
    }
}

impl From<Gone> for Error {
    /// An error that the storage engine tries again after: the folder may come back.
    fn from(gone: Gone) -> Self {
        let store = "folder";
        let source = gone.into();
        Self::Generic { store, source }
    }
}
