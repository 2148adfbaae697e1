//! Errors of a folder for which `object_store` has no variant.

use object_store::Error;

pub(super) fn generic(source: Box<dyn std::error::Error + Send + Sync>) -> Error {
    let store = "folder";
    Error::Generic { store, source }
}
