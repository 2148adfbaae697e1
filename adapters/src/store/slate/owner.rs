//! The owner record of a log: it keeps a fenced server from reclaiming the log.
//!
//! The newest server always wins, as a replacement requires. But a supervisor also restarts the fenced server, which
//! would then be the newest: two servers would fence each other in an endless loop. So each server of a log has a name,
//! and a previous owner does not open the log until the current owner releases it.
//!
//! This is for availability, not for safety: fencing relies on SlateDB's epochs only.

use std::sync::Arc;

use log_domain::{Error, Result};
use object_store::path::Path;
use object_store::{ObjectStore, PutMode, UpdateVersion};
use serde::{Deserialize, Serialize};

use super::plain_objects;

/// The object that names the owner, below the path of the log. It does not exist before the first owner.
const OBJECT: &str = "owner";
const VERSION: u8 = 1;
/// Maximum number of previous owners that are recorded.
const REMEMBERED: usize = 32;
/// Maximum number of attempts to record a release. Each reads the record again.
const RELEASE_ATTEMPTS: usize = 3;

/// The identity of a server among the servers of its log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// Stable across restarts of a server, and unique among servers.
    pub name: String,
    /// Takes the log even from a server that took it from this one.
    pub take_over: bool,
}

/// The log, as one server has it.
pub(super) struct Ownership {
    objects: Arc<dyn ObjectStore>,
    object: Path,
    instance: Instance,
}

/// The content of the object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Owner {
    version: u8,
    /// Who opened the log last.
    instance: String,
    /// Whether the owner released the log by a clean stop.
    released: bool,
    /// Previous owners, the latest first.
    before: Vec<String>,
}

impl Ownership {
    /// Asks whether `instance` may open the log at `path`.
    ///
    /// # Errors
    /// [`Error::Fenced`] if another server took the log over from this one and has not released it.
    /// [`Error::Unavailable`] when the store does not answer.
    pub(super) async fn ask(
        objects: Arc<dyn ObjectStore>,
        path: &str,
        instance: Instance,
    ) -> Result<Self> {
        let ownership = Self {
            object: plain_objects::object(path, OBJECT),
            objects,
            instance,
        };
        if let Some((owner, _)) = ownership.read().await?
            && !owner.may_be_followed_by(&ownership.instance)
        {
            tracing::error!(
                instance = ownership.instance.name,
                owner = owner.instance,
                "another server took over this log from this one and has not released it, so this server does not reclaim it. \
                 If the other server will not be started again, start this one with --take-over"
            );
            return Err(Error::Fenced);
        }
        Ok(ownership)
    }

    /// Records this server as the owner.
    ///
    /// # Errors
    /// As [`Ownership::ask`].
    pub(super) async fn take(&self) -> Result<()> {
        let before = self.read().await?.map(|(owner, _)| owner);
        let owner = Owner::following(before, &self.instance.name);
        self.write(&owner, PutMode::Overwrite).await
    }

    /// Records that this server released the log, unless another server owns it now.
    ///
    /// A server that takes the log over may record itself between the read and the write, and that record must stay: this
    /// server would take the log back when it is restarted. So only what was read is replaced. The store's client does
    /// not repeat such a write when its answer is lost; a new attempt finds out what became of it.
    ///
    /// # Errors
    /// As [`Ownership::ask`].
    pub(super) async fn release(&self) -> Result<()> {
        let mut written = Ok(());
        for _ in 0..RELEASE_ATTEMPTS {
            let found = self.read().await?;
            let own = found.filter(|(owner, _)| owner.is_held_by(&self.instance));
            let Some((owner, version)) = own else {
                return Ok(());
            };
            let owner = Owner {
                released: true,
                ..owner
            };
            written = self.write(&owner, PutMode::Update(version)).await;
            if written.is_ok() {
                break;
            }
        }
        written
    }

    /// The record, and its version for a conditional write.
    async fn read(&self) -> Result<Option<(Owner, UpdateVersion)>> {
        let found = plain_objects::read_version(&*self.objects, &self.object).await?;
        let Some((found, version)) = found else {
            return Ok(None);
        };
        // An unreadable owner record must not make the log unavailable: safety does not depend on it.
        match decode(&found) {
            Ok(owner) => Ok(Some((owner, version))),
            Err(error) => {
                tracing::warn!(%error, "ignoring an unreadable owner record");
                Ok(None)
            }
        }
    }

    async fn write(&self, owner: &Owner, mode: PutMode) -> Result<()> {
        let bytes = serde_json::to_vec(owner)
            .map_err(|error| Error::internal(format!("encode the log's owner: {error}")))?;
        let put = self
            .objects
            .put_opts(&self.object, bytes.into(), mode.into());
        put.await.map(drop).map_err(plain_objects::unavailable)
    }
}

impl Owner {
    fn may_be_followed_by(&self, instance: &Instance) -> bool {
        let had_it_before = self.before.contains(&instance.name);
        self.instance == instance.name || self.released || !had_it_before || instance.take_over
    }

    fn is_held_by(&self, instance: &Instance) -> bool {
        self.instance == instance.name && !self.released
    }

    fn following(last: Option<Self>, instance: &str) -> Self {
        let mut before = match last {
            Some(last) => [vec![last.instance], last.before].concat(),
            None => Vec::new(),
        };
        before.retain(|earlier| earlier != instance);
        before.truncate(REMEMBERED);
        Self {
            version: VERSION,
            instance: instance.to_owned(),
            released: false,
            before,
        }
    }
}

fn decode(value: &[u8]) -> Result<Owner> {
    #[derive(Deserialize)]
    struct Versioned {
        version: u8,
    }
    let damaged = |error| Error::Corrupt(format!("the log's owner is not readable: {error}"));
    let Versioned { version } = serde_json::from_slice(value).map_err(damaged)?;
    if version != VERSION {
        return Err(Error::Corrupt(format!(
            "the log's owner has format version {version}, this server reads version {VERSION}"
        )));
    }
    serde_json::from_slice(value).map_err(damaged)
}

#[cfg(test)]
mod tests {
    use object_store::ObjectStoreExt;
    use object_store::memory::InMemory;

    use super::*;
    use crate::store::slate::tests::held_store::{Held, What};

    async fn ask(objects: &Arc<InMemory>, name: &str, take_over: bool) -> Result<Ownership> {
        let instance = Instance {
            name: name.into(),
            take_over,
        };
        Ownership::ask(Arc::clone(objects) as Arc<_>, "log", instance).await
    }

    async fn take(objects: &Arc<InMemory>, name: &str) -> Ownership {
        let asked = ask(objects, name, false).await;
        let ownership = asked.expect("it may");
        ownership.take().await.expect("written");
        ownership
    }

    async fn is_refused(objects: &Arc<InMemory>, name: &str) -> bool {
        matches!(ask(objects, name, false).await, Err(Error::Fenced))
    }

    #[tokio::test]
    async fn the_same_server_and_a_new_one_may_always_open_the_log() {
        let objects = Arc::new(InMemory::new());
        take(&objects, "a").await;
        take(&objects, "a").await;
        take(&objects, "b").await;
        take(&objects, "c").await;
    }

    #[tokio::test]
    async fn one_that_was_taken_over_from_stays_away_until_the_other_lets_go() {
        let objects = Arc::new(InMemory::new());
        let a = take(&objects, "a").await;
        let b = take(&objects, "b").await;
        assert!(is_refused(&objects, "a").await);
        // What it does when it stops changes nothing: it does not have the log.
        a.release().await.expect("asked");
        assert!(is_refused(&objects, "a").await);
        b.release().await.expect("written");
        take(&objects, "a").await;
        assert!(is_refused(&objects, "b").await);
    }

    /// Has "a" take the log and release it, with something done after the release has read the owner and before it writes.
    async fn release_during(objects: &Arc<InMemory>, meanwhile: impl Future<Output = ()>) {
        let held = Arc::new(Held::of(objects.clone(), What::Write, OBJECT));
        let instance = Instance {
            name: "a".into(),
            take_over: false,
        };
        let asked = Ownership::ask(held.clone(), "log", instance).await;
        let a = asked.expect("it may");
        a.take().await.expect("written");
        held.hold_next();
        let release = tokio::spawn(async move { a.release().await });
        held.is_held().await;
        meanwhile.await;
        held.release();
        release.await.expect("ended").expect("asked");
    }

    #[tokio::test]
    async fn a_release_does_not_undo_a_takeover_at_the_same_moment() {
        let objects = Arc::new(InMemory::new());
        release_during(&objects, async {
            take(&objects, "b").await;
        })
        .await;
        assert!(is_refused(&objects, "a").await);
        assert!(!is_refused(&objects, "b").await);
    }

    #[tokio::test]
    async fn a_release_is_tried_again_while_the_server_owns_the_log() {
        let objects = Arc::new(InMemory::new());
        take(&objects, "b").await;
        release_during(&objects, async {
            let object = Path::from("log/owner");
            let found = objects.get(&object).await.expect("found");
            let same = found.bytes().await.expect("read");
            objects.put(&object, same.into()).await.expect("written");
            assert!(is_refused(&objects, "b").await);
        })
        .await;
        assert!(!is_refused(&objects, "b").await);
    }

    #[tokio::test]
    async fn it_takes_the_log_back_when_it_is_told_to() {
        let objects = Arc::new(InMemory::new());
        take(&objects, "a").await;
        take(&objects, "b").await;
        let a = ask(&objects, "a", true).await.expect("it may");
        a.take().await.expect("written");
        assert!(is_refused(&objects, "b").await);
        take(&objects, "a").await;
    }

    #[tokio::test]
    async fn so_many_servers_are_remembered_and_no_more() {
        let objects = Arc::new(InMemory::new());
        for number in 0..=REMEMBERED + 1 {
            take(&objects, &number.to_string()).await;
        }
        assert!(!is_refused(&objects, "0").await);
        assert!(is_refused(&objects, "1").await);
    }

    #[tokio::test]
    async fn what_cannot_be_read_keeps_nobody_from_the_log() {
        let objects = Arc::new(InMemory::new());
        for damaged in ["", "{", r#"{"version":2}"#] {
            let put = objects.put(&Path::from("log/owner"), damaged.into()).await;
            put.expect("written");
            take(&objects, "a").await.release().await.expect("written");
        }
    }

    #[test]
    fn the_golden_bytes_are_kept_and_an_unknown_version_is_refused() {
        let owner = Owner {
            version: 1,
            instance: "b".into(),
            released: false,
            before: vec!["a".into()],
        };
        let golden = r#"{"version":1,"instance":"b","released":false,"before":["a"]}"#;
        assert_eq!(serde_json::to_string(&owner).expect("encoded"), golden);
        assert_eq!(decode(golden.as_bytes()).expect("decoded"), owner);
        let newer = decode(br#"{"version":2}"#).expect_err("refused");
        assert!(newer.to_string().contains("format version 2"), "{newer}");
        decode(b"").expect_err("refused");
    }
}
