//! The task of a session: it receives requests, has them applied, and answers them, one group after the other.

use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;
use log_domain::{LogService, LogWriter};
use tokio::sync::mpsc::Sender;

use super::answers::Answers;
use super::frames::{Frames, Group};
use crate::http::wire::failure::Failure;

/// A session.
///
/// While a group is committed nothing more is read of the client, and while it does not read its answers nothing is committed: so a
/// session holds a group at most, and after that only its answers.
pub(super) struct Pipeline<S> {
    pub(super) frames: Frames,
    pub(super) answers: Answers,
    pub(super) sender: Sender<Bytes>,
    pub(super) service: Arc<LogService<S>>,
    /// Ends when the server stops.
    pub(super) place: BoxFuture<'static, ()>,
}

/// Why a session is over.
enum Over {
    /// All is answered: its client, or the server, ends it.
    Answered,
    /// With this answer.
    Failed(Failure),
    /// The client does not wait for answers any more.
    Gone,
}

impl<S: LogWriter> Pipeline<S> {
    /// Serves the session until it is over.
    pub(super) async fn run(mut self) {
        match self.serve().await {
            Over::Gone => return,
            Over::Answered => {}
            Over::Failed(failure) => self.answers.failure(&failure),
        }
        let last = self.answers.take();
        if !last.is_empty() && self.sender.send(last).await.is_err() {
            return;
        }
        drop(self.sender);
        self.frames.linger().await;
    }

    async fn serve(&mut self) -> Over {
        loop {
            let has_stopped = tokio::select! {
                biased;
                () = self.sender.closed() => return Over::Gone,
                // Before what a client sends without a pause.
                () = &mut self.place => true,
                received = self.frames.receive() => {
                    if let Err(failure) = received {
                        return Over::Failed(failure);
                    }
                    false
                }
            };
            loop {
                let group = self.frames.group(self.service.limits());
                if group.appends.is_empty() && group.failure.is_none() {
                    break;
                }
                if let Some(over) = self.apply(group).await {
                    return over;
                }
            }
            if has_stopped || self.frames.have_ended() {
                return Over::Answered;
            }
        }
    }

    /// Applies a group and answers it; why the session is over, if it is.
    async fn apply(&mut self, group: Group) -> Option<Over> {
        let Group { appends, failure } = group;
        let of_producer: Vec<_> = appends
            .iter()
            .map(|(append, _)| append.producer().is_some())
            .collect();
        let outcomes = tokio::select! {
            biased;
            outcomes = self.service.append_all(appends) => outcomes,
            // What did not get its turn is given up.
            () = self.sender.closed() => return Some(Over::Gone),
        };
        self.frames.were_answered();
        if self.answers.add(outcomes, &of_producer) {
            return Some(Over::Answered);
        }
        if let Some(failure) = failure {
            return Some(Over::Failed(failure));
        }
        let answers = self.answers.take();
        let sent = self.sender.send(answers).await;
        sent.is_err().then_some(Over::Gone)
    }
}
