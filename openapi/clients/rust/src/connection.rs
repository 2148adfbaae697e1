//! What a tail tells of its server.

use std::fmt;
use std::sync::Arc;

use crate::error::Error;

/// What a tail tells of its server; see [`LogClientBuilder::on_connection`](crate::LogClientBuilder::on_connection).
#[derive(Debug)]
#[non_exhaustive]
pub enum Connection<'a> {
    /// A request failed with this, and is sent again after a pause.
    Lost(&'a Error),
    /// The server answers again.
    Back,
}

/// Who is told.
#[derive(Clone)]
pub(crate) struct Observer(Arc<dyn Fn(Connection<'_>) + Send + Sync>);

impl Observer {
    pub(crate) fn new(observer: impl Fn(Connection<'_>) + Send + Sync + 'static) -> Self {
        Self(Arc::new(observer))
    }

    pub(crate) fn tell(&self, what: Connection<'_>) {
        (self.0)(what);
    }
}

impl Default for Observer {
    /// Nobody.
    fn default() -> Self {
        Self::new(|_| ())
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Observer")
    }
}
