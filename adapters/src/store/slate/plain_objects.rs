//! Objects outside the database: our own, next to SlateDB's files below the path of the log.

use std::sync::Arc;

use bytes::Bytes;
use log_domain::{Error, Result};
use object_store::path::{Path, PathPart};
use object_store::{ObjectStore, ObjectStoreExt};

/// The object `name` of the log at `path`.
pub(super) fn object(path: &str, name: &str) -> Path {
    Path::from(path).join(PathPart::from(name))
}

/// What is in the object, if it is there.
///
/// # Errors
/// [`Error::Unavailable`] when the store does not answer.
pub(super) async fn read(objects: &dyn ObjectStore, object: &Path) -> Result<Option<Bytes>> {
    match objects.get(object).await {
        Ok(found) => found.bytes().await.map(Some).map_err(unavailable),
        Err(object_store::Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(unavailable(error)),
    }
}

/// A store error as [`Error::Unavailable`], to be retried later.
pub(super) fn unavailable(cause: object_store::Error) -> Error {
    Error::Unavailable {
        message: "the object store does not answer".into(),
        cause: Some(Arc::new(cause)),
    }
}
