//! Tasks that a server cannot do without: if one panics, the server stops.

use tokio::sync::watch;

/// The vital tasks of a server.
pub(crate) struct VitalTasks(watch::Sender<bool>);

impl Default for VitalTasks {
    fn default() -> Self {
        Self(watch::Sender::new(false))
    }
}

impl VitalTasks {
    /// Runs a task, called `name` in the log. It may end by itself.
    pub(crate) fn spawn(
        &self,
        name: &'static str,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        let guard = Guard {
            name,
            panicked: self.0.clone(),
        };
        tokio::spawn(async move {
            let _guard = guard;
            task.await;
        });
    }

    /// Resolves when one of them has panicked.
    pub(crate) async fn one_panicked(&self) {
        // The sender is here, so it does not go.
        let _ = self.0.subscribe().wait_for(|panicked| *panicked).await;
    }
}

struct Guard {
    name: &'static str,
    panicked: watch::Sender<bool>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        if std::thread::panicking() {
            tracing::error!("{} ended unexpectedly; the server stops", self.name);
            self.panicked.send_replace(true);
        }
    }
}
