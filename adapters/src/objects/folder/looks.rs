//! Looks at objects (HEAD), on a thread of their own: looks that are asked for at the same time share one check of the
//! folder, and one wake-up of a thread.
//!
//! A server looks at four objects after each flush that an append waits for. With a blocking task for each look, and one for the
//! check before it, the looks took a tenth of the CPU of a durable append (ADR 12).

use std::io;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Weak};

use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{Error, GetOptions, GetResult, ObjectStore, Result};
use tokio::sync::oneshot;

use super::anchor::Anchor;
use super::at_once::at_once;
use super::error::generic;
use crate::lost_store::Broken;

/// Looks that wait for the thread. Only a disk that hangs makes so many wait.
const WAITING: usize = 256;

/// What an error says of the thread after a panic. Without it the log cannot be looked for, so nothing could be acknowledged.
const BROKEN: Broken = Broken("the thread that looks at the folder");

/// Asks the thread.
pub(super) struct Looks {
    queue: SyncSender<Look>,
}

struct Look {
    location: Path,
    options: GetOptions,
    answer: oneshot::Sender<Result<GetResult>>,
}

impl Looks {
    /// Starts the thread, which ends when this is dropped.
    ///
    /// # Errors
    /// When no thread can be started.
    pub(super) fn start(files: LocalFileSystem, anchor: &Arc<Anchor>) -> io::Result<Self> {
        let (queue, waiting) = sync_channel(WAITING);
        // The folder stays locked for as long as the store has it, not until the thread has noticed.
        let anchor = Arc::downgrade(anchor);
        std::thread::Builder::new()
            .name("folder-looks".into())
            .spawn(move || answer_all(&waiting, &files, &anchor))?;
        Ok(Self { queue })
    }

    /// Looks at an object, in the folder that was opened.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`crate::lost_store::Gone`] when the folder is not the one that was opened, [`Broken`], and when too
    /// many looks wait.
    pub(super) async fn look(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let (answer, answered) = oneshot::channel();
        let look = Look {
            location: location.clone(),
            options,
            answer,
        };
        let queued = self.queue.try_send(look);
        queued.map_err(|error| match error {
            TrySendError::Full(_) => generic("the disk does not answer".into()),
            TrySendError::Disconnected(_) => BROKEN.into(),
        })?;
        answered.await.map_err(|_| BROKEN)?
    }
}

fn answer_all(waiting: &Receiver<Look>, files: &LocalFileSystem, anchor: &Weak<Anchor>) {
    while let Ok(first) = waiting.recv() {
        let Some(anchor) = anchor.upgrade() else {
            return;
        };
        let looks: Vec<_> = std::iter::once(first).chain(waiting.try_iter()).collect();
        let checked = anchor.check();
        for look in looks {
            // Nobody waits for it any more.
            if look.answer.is_closed() {
                continue;
            }
            let found = match &checked {
                Ok(()) => found(files, &anchor, &look.location, look.options),
                Err(gone) => Err(gone.clone().into()),
            };
            // The caller may have stopped waiting.
            drop(look.answer.send(found));
        }
    }
}

fn found(
    files: &LocalFileSystem,
    anchor: &Anchor,
    location: &Path,
    options: GetOptions,
) -> Result<GetResult> {
    let found = at_once(files.get_opts(location, options));
    if matches!(found, Err(Error::NotFound { .. })) {
        // What is not found in a folder that is gone is not known to be absent.
        anchor.check()?;
    }
    found
}
