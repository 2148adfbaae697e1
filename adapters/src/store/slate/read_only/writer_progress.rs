//! How far the server that writes the log is, as it tells.

use std::sync::Arc;

use log_domain::Sequence;
use parking_lot::Mutex;

use super::poll_clock::PollSoon;
use super::view::Views;

/// What a read-only server knows of the server that writes the log. It shows nothing for that reason, but looks sooner for what is there.
pub struct WriterProgress {
    views: Arc<Views>,
    soon: Arc<PollSoon>,
    /// Unknown if there is none.
    durable: Mutex<Option<Sequence>>,
}

impl WriterProgress {
    pub(super) fn new(views: Arc<Views>, soon: Arc<PollSoon>) -> Self {
        Self {
            views,
            soon,
            durable: Mutex::new(None),
        }
    }

    /// Everything below `durable` is durable. If it is not shown yet, the next poll begins as soon as it may.
    pub fn is_at(&self, durable: Sequence) {
        *self.durable.lock() = Some(durable);
        if self.shown() < durable {
            self.soon.poll();
        }
    }

    /// The writer tells nothing any more.
    pub fn is_unknown(&self) {
        *self.durable.lock() = None;
    }

    /// Everything below it is shown here.
    pub fn shown(&self) -> Sequence {
        self.views.now().watermarks.durable
    }

    /// How many sequences the writer is ahead of what is shown; `None` if that is unknown.
    pub fn lag(&self) -> Option<u64> {
        let durable = (*self.durable.lock())?;
        Some(durable.get().saturating_sub(self.shown().get()))
    }
}
