//! Detects a log that has vanished, and at startup whether a log exists.
//!
//! The storage engine continues to write after its objects have vanished (an emptied bucket, a deleted folder): it creates
//! new ones, and the next start finds a log that begins at sequence 0. So each log has an object `identity` that is
//! created once and never changed, and a running server checks for it, for the newest manifest, and for the
//! oldest and the newest files of the WAL.

use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt;
use futures::future::join_all;
use log_domain::{Clock, Error, Result};
use object_store::path::{Path, PathPart};
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt, PutMode};
use parking_lot::Mutex;
use serde::Serialize;
use slatedb::VersionedManifest;
use slatedb::admin::Admin;

use super::wal_files::WalFiles;
use super::{Options, error, plain_objects};
use crate::lost_store::{Broken, Gone};

/// The object that says which log this is, below the path of the log.
const OBJECT: &str = "identity";
const VERSION: u8 = 1;

const MANIFESTS: &str = "manifest";
/// Objects that exist only if the log was opened before.
const REMAINS: [&str; 2] = ["wal", "compacted"];
const OWNER: &str = "owner";
const WATERMARK: &str = "watermark";

/// What is written into the object, for people; a server only compares it.
#[derive(Serialize)]
struct Identity<'a> {
    version: u8,
    /// When the object was made (Unix ms), and by which server.
    begun_ms: i64,
    instance: &'a str,
}

/// The places of a log, and what must be in each.
pub(super) struct Presence {
    /// The data's, then the WAL's if it has one of its own.
    places: Vec<Arc<dyn ObjectStore>>,
    path: String,
    identity: Bytes,
    wal: Arc<WalFiles>,
    each_flush: bool,
    seen: Mutex<Seen>,
}

/// What was found intact, where each flush is followed by a look: what did not change is not read again.
#[derive(Default)]
struct Seen {
    /// ETag of the identity in each place.
    identity: Vec<Option<String>>,
    /// The newest file of the WAL.
    wal_file: u64,
}

/// Why a log cannot be said to be there.
#[derive(Debug)]
pub(super) enum Absence {
    /// It is not.
    Gone(String),
    /// The store does not answer.
    Unknown(Error),
    /// It can never be known again by this store. Says why.
    Broken(String),
}

/// What was found of a log before it is opened.
pub(super) struct Found {
    places: Vec<Arc<dyn ObjectStore>>,
    identity: Option<Bytes>,
}

/// Holds that there is a log at `options.path`, or that one may begin there.
///
/// # Errors
/// [`Error::Invalid`] where there is none and none is to be begun, and where there are only parts of one.
/// [`Error::Unavailable`] when a store does not answer.
pub(super) async fn may_open(data: &Arc<dyn ObjectStore>, options: &Options) -> Result<()> {
    let path = &options.path;
    if has_manifest(data, path).await? {
        return Ok(());
    }
    if let Some(part) = remains(&places(data, options), path).await? {
        return Err(Error::invalid(format!(
            "there are parts of a log ({part}), but it has no manifest any more: restore it from a copy, or use another \
             place; a new log here would give its sequences again"
        )));
    }
    if !options.create {
        return Err(Error::invalid(format!(
            "there is no log at {path}, and storage.create is `never`: is it the right place, and are its data there? \
             To begin a log, set storage.create to `if_missing`"
        )));
    }
    Ok(())
}

/// Whether a log has begun at `path`.
///
/// # Errors
/// [`Error::Unavailable`] when the store does not answer.
pub(super) async fn has_manifest(data: &Arc<dyn ObjectStore>, path: &str) -> Result<bool> {
    begins_with(data, path, MANIFESTS).await
}

/// Looks for the identity of the log, if it has one yet.
///
/// # Errors
/// [`Error::Invalid`] for a WAL without the identity of its log. [`Error::Unavailable`] when a store does not answer.
pub(super) async fn look(data: &Arc<dyn ObjectStore>, options: &Options) -> Result<Found> {
    let path = &options.path;
    let identity = read(data, path).await?;
    if let (Some(identity), Some(wal)) = (&identity, &options.wal)
        && read(&wal.objects, path).await?.as_ref() != Some(identity)
    {
        return Err(Error::invalid(format!(
            "its WAL is missing from {}: without it, acknowledged records would be lost. Restore it from a copy",
            wal.location
        )));
    }
    Ok(Found {
        places: places(data, options),
        identity,
    })
}

/// The identity of the log at `path`, if it has one.
///
/// # Errors
/// [`Error::Unavailable`] when the store does not answer.
pub(super) async fn identity(data: &Arc<dyn ObjectStore>, path: &str) -> Result<Option<Bytes>> {
    read(data, path).await
}

fn places(data: &Arc<dyn ObjectStore>, options: &Options) -> Vec<Arc<dyn ObjectStore>> {
    let wal = options.wal.as_ref().map(|wal| Arc::clone(&wal.objects));
    std::iter::once(Arc::clone(data)).chain(wal).collect()
}

impl Found {
    /// Gives the log, which is open now, an identity if it has none.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when a store does not answer.
    pub(super) async fn identified(
        self,
        clock: &dyn Clock,
        options: &Options,
        wal: Arc<WalFiles>,
    ) -> Result<Presence> {
        let path = &options.path;
        let instance = options.instance.as_ref();
        let mut identity = self.identity;
        if identity.is_none() {
            let made = Identity {
                version: VERSION,
                begun_ms: clock.now_ms(),
                instance: instance.map_or("", |instance| &instance.name),
            };
            let made = serde_json::to_vec(&made)
                .map_err(|error| Error::internal(format!("encode the log's identity: {error}")))?;
            let mut wanted = Bytes::from(made);
            // The data's last: where that one is, all are.
            for place in self.places.iter().rev() {
                wanted = create(place, path, wanted).await?;
            }
            identity = Some(wanted);
        }
        Ok(Presence {
            places: self.places,
            path: path.clone(),
            identity: identity.unwrap_or_default(),
            wal,
            each_flush: options.verify_each_flush,
            seen: Mutex::default(),
        })
    }
}

impl Presence {
    /// What identifies the log.
    pub(super) fn identity(&self) -> Bytes {
        self.identity.clone()
    }

    /// Whether a flush counts only once the log was found after it.
    pub(super) fn looks_after_each_flush(&self) -> bool {
        self.each_flush
    }

    /// Looks for the log: its identity in all of its places, a manifest that is not older than this one, and what the next
    /// start needs of the WAL.
    ///
    /// # Errors
    /// That it is not there, or that a store does not answer.
    pub(super) async fn verify(
        &self,
        manifest: &VersionedManifest,
    ) -> std::result::Result<(), Absence> {
        // All at the same time: a durable append waits for this.
        let (identity, manifest, wal) = tokio::join!(
            self.verify_identity(),
            self.verify_manifest(manifest.id()),
            self.verify_wal(manifest.replay_after_wal_id()),
        );
        // That something is gone is certain, whatever could not be asked for.
        let (gone, other): (Vec<_>, Vec<_>) = [identity, manifest, wal]
            .into_iter()
            .partition(|found| matches!(found, Err(Absence::Gone(_))));
        gone.into_iter().chain(other).collect()
    }

    async fn verify_identity(&self) -> std::result::Result<(), Absence> {
        let mut tags = Vec::with_capacity(self.places.len());
        for (index, place) in self.places.iter().enumerate() {
            let seen = self.seen.lock().identity.get(index).cloned().flatten();
            tags.push(self.verify_identity_in(place, seen).await?);
        }
        self.seen.lock().identity = tags;
        Ok(())
    }

    /// Reads the identity in a place, unless its ETag is still the one that was `seen` and each flush is followed by a look.
    /// Returns its ETag.
    async fn verify_identity_in(
        &self,
        place: &Arc<dyn ObjectStore>,
        seen: Option<String>,
    ) -> std::result::Result<Option<String>, Absence> {
        let object = plain_objects::object(&self.path, OBJECT);
        if self.each_flush
            && seen.is_some()
            && let Ok(found) = place.head(&object).await
            && found.e_tag == seen
        {
            return Ok(seen);
        }
        let absent = |error| Absence::of(error, &object);
        let found = place.get(&object).await.map_err(absent)?;
        let tag = found.meta.e_tag.clone();
        if found.bytes().await.map_err(absent)? != self.identity {
            return Err(Absence::Gone(format!(
                "{object} is that of another log: the log was replaced"
            )));
        }
        Ok(tag)
    }

    pub(super) async fn verify_manifest(&self, id: u64) -> std::result::Result<(), Absence> {
        let Some(data) = self.places.first() else {
            return Ok(());
        };
        let folder = plain_objects::object(&self.path, MANIFESTS);
        let object = manifest(&folder, id);
        match data.head(&object).await {
            Ok(found) if found.size > 0 => return Ok(()),
            Ok(_) => return Err(Absence::Gone(format!("{object} was emptied"))),
            Err(object_store::Error::NotFound { .. }) => {}
            Err(error) => return Err(Absence::of(error, &object)),
        }
        // Manifests are collected when there are newer ones, of another writer too.
        let mut listed = data.list(Some(&folder));
        while let Some(found) = listed.next().await {
            match found {
                Ok(ObjectMeta { location, .. }) if location >= object => return Ok(()),
                Ok(_) => {}
                Err(error) => return Err(Absence::of(error, &object)),
            }
        }
        Err(Absence::gone(&object))
    }

    /// Looks for the oldest file of the WAL that a start would read, which is the one after `replayed`, and for the newest.
    /// Those between are not looked for (after each flush, only if they were not before): a start tells of them.
    async fn verify_wal(&self, replayed: u64) -> std::result::Result<(), Absence> {
        let mut files = self.wal.last();
        files.retain(|file| file.id > replayed);
        let [Some(first), Some(newest)] = [files.first(), files.last()].map(|file| Some(file?.id))
        else {
            return Ok(());
        };
        if self.each_flush {
            let seen = self.seen.lock().wal_file;
            files.retain(|file| file.id > seen || file.id == newest);
        }
        let oldest = Some(replayed + 1).filter(|oldest| *oldest < first);
        let sizes = files.iter().map(|file| (file.id, Some(file.bytes)));
        let all = oldest.map(|id| (id, None)).into_iter().chain(sizes);
        let all = join_all(all.map(|(id, bytes)| self.verify_wal_file(id, bytes))).await;
        all.into_iter()
            .collect::<std::result::Result<(), Absence>>()?;
        self.seen.lock().wal_file = newest;
        Ok(())
    }

    async fn verify_wal_file(
        &self,
        id: u64,
        bytes: Option<u64>,
    ) -> std::result::Result<(), Absence> {
        let Some(place) = self.places.last() else {
            return Ok(());
        };
        let object = self.wal.object(id);
        match place.head(&object).await {
            Ok(found) if bytes.is_none_or(|bytes| bytes == found.size) => Ok(()),
            Ok(found) => Err(Absence::Gone(format!(
                "{object} has {} bytes, and not those that were written",
                found.size
            ))),
            // Collected, by another writer too, once what is in it is in data files.
            Err(object_store::Error::NotFound { .. }) if self.is_replayed(id).await? => Ok(()),
            Err(error) => Err(Absence::of(error, &object)),
        }
    }

    /// Whether the newest manifest says that a start does not need this file of the WAL.
    async fn is_replayed(&self, id: u64) -> std::result::Result<bool, Absence> {
        let Some(data) = self.places.first() else {
            return Ok(false);
        };
        let admin = Admin::builder(self.path.as_str(), Arc::clone(data)).build();
        match admin.read_manifest(None).await {
            Ok(newest) => Ok(newest.is_some_and(|newest| newest.replay_after_wal_id() >= id)),
            Err(failure) => Err(Absence::Unknown(error::read(failure))),
        }
    }
}

impl Absence {
    fn of(error: object_store::Error, object: &Path) -> Self {
        if let Some(broken) = Broken::cause(&error) {
            return Self::Broken(broken.to_string());
        }
        match (&error, Gone::cause(&error)) {
            (_, Some(gone)) => Self::Gone(gone.to_string()),
            (object_store::Error::NotFound { .. }, None) => Self::gone(object),
            _ => Self::Unknown(plain_objects::unavailable(error)),
        }
    }

    fn gone(object: &Path) -> Self {
        Self::Gone(format!("{object} was deleted"))
    }
}

fn manifest(folder: &Path, id: u64) -> Path {
    folder
        .clone()
        .join(PathPart::from(format!("{id:020}.manifest")))
}

/// Whether there is an object in this folder of the log.
async fn begins_with(place: &Arc<dyn ObjectStore>, path: &str, folder: &str) -> Result<bool> {
    let folder = plain_objects::object(path, folder);
    let first = place.list(Some(&folder)).next().await;
    first
        .transpose()
        .map(|first| first.is_some())
        .map_err(plain_objects::unavailable)
}

/// An object that tells that there was a log.
async fn remains(places: &[Arc<dyn ObjectStore>], path: &str) -> Result<Option<Path>> {
    for place in places {
        for folder in REMAINS {
            if begins_with(place, path, folder).await? {
                return Ok(Some(plain_objects::object(path, folder)));
            }
        }
        for name in [OWNER, WATERMARK] {
            let object = plain_objects::object(path, name);
            if plain_objects::read(&**place, &object).await?.is_some() {
                return Ok(Some(object));
            }
        }
    }
    Ok(None)
}

async fn read(place: &Arc<dyn ObjectStore>, path: &str) -> Result<Option<Bytes>> {
    plain_objects::read(&**place, &plain_objects::object(path, OBJECT)).await
}

/// Makes the object; answers what is in it, which another server may have written meanwhile.
async fn create(place: &Arc<dyn ObjectStore>, path: &str, content: Bytes) -> Result<Bytes> {
    let object = plain_objects::object(path, OBJECT);
    let put = place.put_opts(&object, content.clone().into(), PutMode::Create.into());
    match put.await {
        Ok(_) => Ok(content),
        Err(object_store::Error::AlreadyExists { .. }) => {
            let found = read(place, path).await?;
            found.ok_or_else(|| Error::unavailable("the log's identity was just deleted"))
        }
        Err(error) => Err(plain_objects::unavailable(error)),
    }
}
