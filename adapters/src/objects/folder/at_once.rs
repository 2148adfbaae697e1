//! Calls of `LocalFileSystem` on a thread that blocks.

use futures::FutureExt;
use object_store::Result;

use super::error::generic;

/// What `LocalFileSystem` answers on a thread outside a runtime, where it does its work before it returns.
///
/// # Errors
/// That of the call.
pub(super) fn at_once<T>(call: impl Future<Output = Result<T>>) -> Result<T> {
    let done = call.now_or_never();
    done.unwrap_or_else(|| Err(generic("the file system was waited for".into())))
}
