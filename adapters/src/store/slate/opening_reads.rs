//! The reads of an opening: as few of them as can wait for one another.
//!
//! An opening is short, and most of it is waiting for small answers. What is read [twice](repeated) is asked for once, and what is read
//! [next](ahead) is asked for at the same time.

use std::sync::Arc;

use object_store::ObjectStore;

use ahead::ReadsAhead;
use repeated::RepeatedReads;

mod ahead;
mod found;
mod repeated;

/// What becomes of the reads of an opening from one store.
pub(super) struct OpeningReads {
    ahead: Arc<ReadsAhead>,
    repeated: Arc<RepeatedReads>,
}

impl OpeningReads {
    /// Of an opening that begins now. The log is to be opened with the store that is returned.
    pub(super) fn of(store: Arc<dyn ObjectStore>) -> (Self, Arc<dyn ObjectStore>) {
        let ahead = Arc::new(ReadsAhead::new(store));
        let repeated = Arc::new(RepeatedReads::keeping(Arc::clone(&ahead) as Arc<_>));
        let store = Arc::clone(&repeated) as Arc<_>;
        (Self { ahead, repeated }, store)
    }

    /// Nobody else writes the log any more: what was read of it is still so.
    pub(super) fn repeat(&self) {
        self.repeated.repeat();
    }

    /// Somebody may have written since: what was read is read again.
    pub(super) fn forget(&self) {
        self.repeated.forget();
    }

    /// The log is open: from now on the store is asked for what is wanted, and nothing else.
    pub(super) fn end(&self) {
        self.repeated.forget();
        self.ahead.end();
    }
}
