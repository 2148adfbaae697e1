//! A place among the followers, for what lasts until the server stops.

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use log_domain::{Error, LogReader, LogService, Sequence, Visibility};

use crate::http::wire::failure::Failure;

/// Takes one. It ends when the followers are dismissed.
///
/// # Errors
/// When there is none, or the server stops already.
pub(super) fn take<S: LogReader>(
    service: &Arc<LogService<S>>,
) -> Result<BoxFuture<'static, ()>, Failure> {
    let service = Arc::clone(service);
    // Nothing reaches the last sequence.
    let end = async move { service.reach(Sequence::MAX, Visibility::Durable).await };
    let mut place = Box::pin(end);
    if let Some(ended) = (&mut place).now_or_never() {
        ended?;
        return Err(Error::unavailable("the log is at its end").into());
    }
    Ok(place.map(|_stopped| ()).boxed())
}
