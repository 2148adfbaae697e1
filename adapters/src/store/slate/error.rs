//! What SlateDB's errors mean to a caller of the log.

use std::sync::Arc;

use log_domain::Error;
use slatedb::{CloseReason, ErrorKind};

/// The error of a read, or of anything else that changes nothing.
pub(super) fn read(error: slatedb::Error) -> Error {
    match error.kind() {
        ErrorKind::Closed(CloseReason::Fenced) => Error::Fenced,
        ErrorKind::Closed(CloseReason::Clean) => unavailable("the server is shutting down", error),
        ErrorKind::Closed(_) => unavailable("the storage engine has stopped", error),
        ErrorKind::Unavailable => unavailable("the object store does not answer", error),
        ErrorKind::Data => Error::Corrupt(error.to_string()),
        _ => Error::Internal {
            message: "the storage engine failed".into(),
            cause: Some(Arc::new(error)),
        },
    }
}

/// The error of a write that had been handed to the engine: whether it took effect is not known.
pub(super) fn write(error: slatedb::Error) -> Error {
    Error::OutcomeUnknown {
        message: "the storage engine failed while the batch was being written".into(),
        cause: Some(Arc::new(error)),
    }
}

fn unavailable(message: &str, cause: slatedb::Error) -> Error {
    Error::Unavailable {
        message: message.into(),
        cause: Some(Arc::new(cause)),
    }
}
