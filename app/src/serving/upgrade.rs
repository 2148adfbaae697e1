//! The close of a connection on which a request asked for an upgrade.
//!
//! The JDK's client and `curl --http2` ask for one (`Upgrade: h2c`). This server upgrades nothing and answers as if they had not. But hyper
//! leaves the close of such a connection to the code that takes the upgrade. If none does, hyper drops the connection, which resets it
//! while the client is still sending, and the client loses the answer to a request that was refused early.

use futures::FutureExt;
use hyper::http::request::Parts;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::io::AsyncWriteExt;
use tokio::task::unconstrained;

/// The upgrade that the last request of a connection asked for.
#[derive(Default)]
pub(super) struct Upgrade(Mutex<Option<OnUpgrade>>);

impl Upgrade {
    /// Keeps what the request asked for.
    pub(super) fn keep(&self, request: &mut Parts) {
        if let Some(upgrade) = request.extensions.remove() {
            *self.0.lock() = Some(upgrade);
        }
    }

    /// Closes the connection, if hyper, which has ended, has left it open. It may linger.
    pub(super) async fn close(&self) {
        let Some(upgrade) = self.0.lock().take() else {
            return;
        };
        // It is there by now, or never: what ended with an error is not handed over.
        let left = unconstrained(upgrade).now_or_never();
        if let Some(Ok(io)) = left
            && let Err(error) = TokioIo::new(io).shutdown().await
        {
            tracing::debug!(%error, "closing a connection");
        }
    }
}
