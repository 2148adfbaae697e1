//! Objects outside the database: our own, next to SlateDB's files below the path of the log.

use std::sync::Arc;

use bytes::Bytes;
use log_domain::{Error, Result};
use object_store::path::{Path, PathPart};
use object_store::{ObjectStore, ObjectStoreExt, UpdateVersion};

/// The object `name` of the log at `path`.
pub(super) fn object(path: &str, name: &str) -> Path {
    Path::from(path).join(PathPart::from(name))
}

/// What is in the object, if it is there.
///
/// # Errors
/// [`Error::Unavailable`] when the store does not answer.
pub(super) async fn read(objects: &dyn ObjectStore, object: &Path) -> Result<Option<Bytes>> {
    let found = read_version(objects, object).await?;
    Ok(found.map(|(content, _)| content))
}

/// What is in the object, and which version of it that is, if it is there.
///
/// # Errors
/// As [`read`].
pub(super) async fn read_version(
    objects: &dyn ObjectStore,
    object: &Path,
) -> Result<Option<(Bytes, UpdateVersion)>> {
    let found = match objects.get(object).await {
        Ok(found) => found,
        Err(object_store::Error::NotFound { .. }) => return Ok(None),
        Err(error) => return Err(unavailable(error)),
    };
    let version = UpdateVersion {
        e_tag: found.meta.e_tag.clone(),
        version: found.meta.version.clone(),
    };
    let content = found.bytes().await.map_err(unavailable)?;
    Ok(Some((content, version)))
}

/// A store error as [`Error::Unavailable`], to be retried later.
pub(super) fn unavailable(cause: object_store::Error) -> Error {
    Error::Unavailable {
        message: "the object store does not answer".into(),
        cause: Some(Arc::new(cause)),
    }
}
