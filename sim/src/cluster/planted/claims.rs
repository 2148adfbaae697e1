//! What one process has claimed, as it wrote it.

use std::collections::HashMap;

use bytes::Bytes;
use object_store::PutResult;
use object_store::path::Path;
use parking_lot::Mutex;

/// Where the claims are, below the path of the cluster.
const OWNERS: &str = "cluster/owners/";

/// Where nodes say of themselves what they are, below the path of the cluster.
const NODES: &str = "cluster/nodes";

/// What it wrote last to claim a partition, until it gives the claim up or a write shows that it has lost it.
#[derive(Debug, Default)]
pub(super) struct Claims(Mutex<HashMap<Path, (Bytes, PutResult)>>);

/// What a node says of its claim of a partition.
pub(super) enum Hold {
    Held,
    Closed,
}

impl Claims {
    /// This process writes another owner of a partition.
    pub(super) fn writes(&self, location: &Path) {
        self.0.lock().remove(location);
    }

    /// It has claimed a partition.
    pub(super) fn claimed(&self, location: &Path, content: Bytes, put: PutResult) {
        self.0.lock().insert(location.clone(), (content, put));
    }

    /// Its claim of the partition whose owner is in this object, and the answer to the write of it.
    pub(super) fn of(&self, location: &Path) -> Option<(Bytes, PutResult)> {
        self.0.lock().get(location).cloned()
    }
}

/// Whether what nodes say of themselves is below this path.
pub(super) fn are_nodes(prefix: &Path) -> bool {
    prefix.as_ref().ends_with(NODES)
}

/// Whether this object is the owner of a partition.
pub(super) fn is_owner(location: &Path) -> bool {
    location.as_ref().contains(OWNERS)
}

/// The path of the partition whose owner is in this object.
pub(super) fn partition(location: &Path) -> String {
    location.as_ref().replace(OWNERS, "p/")
}

impl Hold {
    /// What the owner in this object says, if it is one of these.
    pub(super) fn of(content: &[u8]) -> Option<Self> {
        let content = String::from_utf8_lossy(content);
        let says = |hold: &str| content.contains(&format!("\"hold\":\"{hold}\""));
        if says("held") {
            Some(Self::Held)
        } else {
            says("closed").then_some(Self::Closed)
        }
    }
}
