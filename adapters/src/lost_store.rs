//! The errors for a storage location that was replaced since it was opened, and for a store that can do nothing any more.

use object_store::Error;

use crate::causes::chain;

/// What the log was written to is gone: nothing that is written now can count as durable. Says what, and how.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Gone(pub(crate) String);

/// A part of the store has ended, which is a bug: only a restart helps.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} ended unexpectedly")]
pub(crate) struct Broken(pub(crate) &'static str);

impl Gone {
    /// This error, if it is the cause of that one.
    pub(crate) fn cause(error: &Error) -> Option<&Self> {
        cause(error)
    }
}

impl Broken {
    /// This error, if it is the cause of that one.
    pub(crate) fn cause(error: &Error) -> Option<&Self> {
        cause(error)
    }
}

fn cause<E: std::error::Error + 'static>(error: &Error) -> Option<&E> {
    chain(error).skip(1).find_map(|cause| cause.downcast_ref())
}

impl From<Gone> for Error {
    /// An error that the storage engine tries again after: the folder may come back.
    fn from(gone: Gone) -> Self {
        of_folder(gone.into())
    }
}

impl From<Broken> for Error {
    fn from(broken: Broken) -> Self {
        of_folder(broken.into())
    }
}

fn of_folder(source: Box<dyn std::error::Error + Send + Sync>) -> Error {
    let store = "folder";
    Error::Generic { store, source }
}
