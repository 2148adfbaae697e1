//! The current stage of a run.

use tokio::sync::watch;

/// Stages of a run, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) enum Stage {
    /// Clients work, faults come and go.
    #[default]
    Working,
    /// Clients have done their work.
    Worked,
    /// All faults are over, and one server runs.
    Healed,
    /// The log was seen to work.
    Progressed,
    /// The server was stopped.
    Stopped,
    /// And started again.
    Restarted,
}

/// The stage of a run, as all its hosts see it.
#[derive(Clone)]
pub(super) struct Stages(watch::Sender<Stage>);

impl Default for Stages {
    fn default() -> Self {
        Self(watch::Sender::new(Stage::Working))
    }
}

impl Stages {
    /// The stage of now.
    pub(super) fn now(&self) -> Stage {
        *self.0.borrow()
    }

    /// Goes to this stage.
    pub(super) fn reach(&self, stage: Stage) {
        self.0.send_replace(stage);
    }

    /// Waits until this stage is reached.
    pub(super) async fn wait_for(&self, stage: Stage) {
        let mut stages = self.0.subscribe();
        // It cannot fail: the sender is here.
        let _ = stages.wait_for(|now| *now >= stage).await;
    }
}
