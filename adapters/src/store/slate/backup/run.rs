//! One backup, from the checkpoint to the manifest.

use std::collections::HashSet;

use chrono::{DateTime, NaiveDateTime, SecondsFormat};
use futures::StreamExt;
use log_domain::{Clock, Error, Result};
use object_store::ObjectStore;

use super::copying::{COPIES, copy};
use super::manifest::{BackupManifest, BackupObject, VERSION};
use super::pin::Pin;
use super::plan::{Known, Plan, Wanted, plan};
use super::progress::Progress;
use super::repository::Repository;
use super::source::Source;
use super::unfinished::Unfinished;

/// A backup begins again with a newer checkpoint if files of the WAL are garbage-collected before they are copied. So
/// often, and then it fails.
const ATTEMPTS: usize = 5;

/// The name of the checkpoint.
const CHECKPOINT: &str = "opendata-log backup";

/// A backup that finished.
#[derive(Debug)]
pub struct Finished {
    /// What it contains.
    pub manifest: BackupManifest,
    /// Objects that it copied. The others were in the repository.
    pub copied: u64,
    /// Bytes of those.
    pub copied_bytes: u64,
}

/// Backs up a log whose server may be running, with everything that is durable now. Ends early, with an error, when `stop`
/// does; the next backup resumes it.
///
/// # Errors
/// [`Error::Invalid`] when there is no log, its WAL is somewhere else, or the repository has backups of another log;
/// [`Error::Corrupt`] when objects of the log are missing; [`Error::Unavailable`] when a store does not answer.
pub async fn back_up(
    source: &Source,
    repository: &Repository,
    clock: &dyn Clock,
    progress: &dyn Progress,
    stop: impl Future<Output = ()>,
) -> Result<Finished> {
    let mut run = Run {
        source,
        repository,
        clock,
        progress,
        known: Known::new(),
        unfinished: Unfinished::default(),
        copied: 0,
        copied_bytes: 0,
    };
    let mut stop = std::pin::pin!(stop);
    let backup = run.begin().await?;
    for _ in 0..ATTEMPTS {
        if let Some(manifest) = run.attempt(&backup, &mut stop).await? {
            return Ok(Finished {
                manifest,
                copied: run.copied,
                copied_bytes: run.copied_bytes,
            });
        }
    }
    Err(Error::unavailable(format!(
        "files of the WAL were garbage-collected before they were copied, {ATTEMPTS} times: raise \
         slatedb.garbage_collector_options.wal_options.min_age of the server, or back up over a faster connection"
    )))
}

struct Run<'a> {
    source: &'a Source,
    repository: &'a Repository,
    clock: &'a dyn Clock,
    progress: &'a dyn Progress,
    /// What the repository has, and the checksums are known of.
    known: Known,
    unfinished: Unfinished,
    copied: u64,
    copied_bytes: u64,
}

/// What was found when the backup began.
struct Backup {
    name: String,
    begun_ms: i64,
    identity: String,
    durable: Option<u64>,
}

/// Why objects were not copied.
enum NotCopied {
    /// This one is not there.
    Missing(String),
    Failed(Error),
}

impl From<Error> for NotCopied {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl Run<'_> {
    async fn begin(&mut self) -> Result<Backup> {
        let begun_ms = self.clock.now_ms();
        self.source.settled().await?;
        let identity = self.source.identity().await?;
        let mut named_ms = begun_ms;
        for manifest in self.repository.manifests().await? {
            // Its name comes after those of all before, whatever the clocks of the hosts say: the newest is told by its name.
            named_ms = named_ms.max(named_at(&manifest.name).map_or(named_ms, |ms| ms + 1));
            if manifest.identity != identity {
                return Err(Error::invalid(format!(
                    "{} has backups of another log: each log needs a place of its own for its backups. A restored log is another one, too",
                    self.repository.shown()
                )));
            }
            self.know(manifest.objects);
        }
        let unfinished = Unfinished::read(self.repository).await?;
        self.unfinished = match unfinished.filter(|found| found.identity == identity) {
            Some(found) => {
                let copied = found.copied.len();
                self.progress
                    .note(&format!("resuming a backup that copied {copied} objects"));
                self.know(found.copied.clone());
                found
            }
            None => Unfinished::of(&identity),
        };
        // Before the checkpoint: what it says is then in the backup.
        let durable = self.source.durable().await?;
        Ok(Backup {
            name: name(named_ms),
            begun_ms,
            identity,
            durable,
        })
    }

    fn know(&mut self, objects: Vec<BackupObject>) {
        let objects = objects.into_iter();
        self.known
            .extend(objects.map(|object| (object.name.clone(), object)));
    }

    /// Copies a state of the log. `None` if files of the WAL were collected before they were copied.
    async fn attempt(
        &mut self,
        backup: &Backup,
        stop: &mut (impl Future<Output = ()> + Unpin),
    ) -> Result<Option<BackupManifest>> {
        let pin = Pin::take(self.source, CHECKPOINT, self.clock).await?;
        let outcome = tokio::select! {
            biased;
            outcome = self.copy_state(&pin, backup) => outcome,
            expired = pin.keep() => Err(expired),
            () = stop => Err(Error::unavailable("stopped; the next backup resumes this one")),
        };
        let outcome = match outcome {
            Err(failure) => Err(pin.judge(failure).await),
            copied => copied,
        };
        pin.release().await;
        outcome
    }

    async fn copy_state(&mut self, pin: &Pin, backup: &Backup) -> Result<Option<BackupManifest>> {
        let manifest = pin.manifest();
        let replayed = manifest.replay_after_wal_id();
        let Some(wal) = self.source.wal_behind(replayed).await? else {
            return Ok(None);
        };
        let last_wal_id = wal.last().map_or(replayed, |file| file.id);
        let wal: Vec<_> = wal.iter().map(Source::wal_file).collect();
        let mut data = self.source.data_files(manifest).await?;
        data.push(self.source.manifest_file(manifest.id()).await?);
        let all = wal.iter().chain(&data);
        self.unfinished.planned = all.map(|object| object.name.clone()).collect();
        // Before anything is looked for, so that no prune deletes it in between.
        self.unfinished.write(self.repository, self.clock).await?;

        // The checkpoint protects the data files, and only those.
        let mut objects = match self
            .copy_missing("WAL", &**self.source.wal_objects(), wal)
            .await
        {
            Ok(objects) => objects,
            Err(NotCopied::Missing(name)) => return self.collected(replayed, name).await,
            Err(NotCopied::Failed(error)) => return Err(error),
        };
        let data = self
            .copy_missing("data", &*self.source.objects, data)
            .await
            .map_err(NotCopied::of_data)?;
        objects.extend(data);
        self.verify_stored(&objects).await?;
        let manifest = BackupManifest {
            version: VERSION,
            name: backup.name.clone(),
            begun_ms: backup.begun_ms,
            finished_ms: self.clock.now_ms(),
            identity: backup.identity.clone(),
            durable: backup.durable,
            manifest_id: manifest.id(),
            last_wal_id,
            objects,
        };
        self.repository.finish(&manifest).await?;
        Unfinished::remove(self.repository).await?;
        Ok(Some(manifest))
    }

    /// A file of the WAL was gone when it was to be copied: that is fine if a newer manifest does not need it.
    async fn collected(&self, replayed: u64, name: String) -> Result<Option<BackupManifest>> {
        match self.source.replayed_now().await? > replayed {
            true => Ok(None),
            false => Err(Error::Corrupt(format!(
                "{name} is missing, which the log needs"
            ))),
        }
    }

    /// Copies what the repository does not have of `wanted`. Returns all of it, in the same order.
    async fn copy_missing(
        &mut self,
        what: &str,
        from: &dyn ObjectStore,
        wanted: Vec<Wanted>,
    ) -> std::result::Result<Vec<BackupObject>, NotCopied> {
        let names: Vec<_> = wanted.iter().map(|object| object.name.clone()).collect();
        let stored = {
            let names: HashSet<&str> = names.iter().map(String::as_str).collect();
            self.repository.stored(|name| names.contains(name)).await?
        };
        let Plan { copied, .. } = plan(wanted, &self.known, &stored)?;
        let bytes = copied.iter().map(|object| object.bytes).sum();
        self.progress.stage(&format!("copying {what}"), bytes);
        self.copy_all(from, copied).await?;
        let objects = names.iter().map(|name| {
            let object = self.known.get(name).cloned();
            object.ok_or_else(|| Error::internal(format!("{name} was not copied")).into())
        });
        objects.collect()
    }

    async fn copy_all(
        &mut self,
        from: &dyn ObjectStore,
        objects: Vec<Wanted>,
    ) -> std::result::Result<(), NotCopied> {
        let (source, repository, progress) = (self.source, self.repository, self.progress);
        let mut copies = futures::stream::iter(objects)
            .map(|wanted| copy_one(source, repository, progress, from, wanted))
            .buffer_unordered(COPIES);
        while let Some(copied) = copies.next().await {
            let object = copied?;
            self.copied += 1;
            self.copied_bytes += object.bytes;
            self.unfinished.copied.push(object.clone());
            self.known.insert(object.name.clone(), object);
            self.unfinished
                .write_if_due(self.repository, self.clock)
                .await?;
        }
        Ok(())
    }

    /// Looks once more for every object: a prune that ran meanwhile could have deleted one.
    async fn verify_stored(&self, objects: &[BackupObject]) -> Result<()> {
        let names: HashSet<&str> = objects.iter().map(|object| object.name.as_str()).collect();
        let stored = self.repository.stored(|name| names.contains(name)).await?;
        let gone = objects
            .iter()
            .find(|object| stored.get(&object.name) != Some(&object.bytes));
        match gone {
            Some(object) => Err(Error::unavailable(format!(
                "{} vanished from {} during the backup: was it pruned at the same time? Run the backup again",
                object.name,
                self.repository.shown()
            ))),
            None => Ok(()),
        }
    }
}

async fn copy_one(
    source: &Source,
    repository: &Repository,
    progress: &dyn Progress,
    from: &dyn ObjectStore,
    wanted: Wanted,
) -> std::result::Result<BackupObject, NotCopied> {
    let Wanted { name, bytes } = wanted;
    let (at, into) = (source.object(&name), repository.object(&name));
    let copied = copy((from, &at), (repository.store(), &into), progress).await;
    let copied = copied.map_err(|error| match error {
        object_store::Error::NotFound { .. } => NotCopied::Missing(name.clone()),
        error => Error::unavailable(format!(
            "cannot copy {name} to {}: {error}. The next backup resumes this one",
            repository.shown()
        ))
        .into(),
    })?;
    if copied.bytes != bytes {
        return Err(Error::Corrupt(format!(
            "{name} had {bytes} bytes when it was listed and {} when it was read: objects of a log never change",
            copied.bytes
        ))
        .into());
    }
    Ok(BackupObject {
        name,
        bytes,
        sha256: copied.sha256,
    })
}

impl NotCopied {
    /// Of a file that a checkpoint protects.
    fn of_data(self) -> Error {
        match self {
            Self::Missing(name) => {
                Error::Corrupt(format!("{name} is missing, which the log's manifest names"))
            }
            Self::Failed(error) => error,
        }
    }
}

/// The name of a backup that began at this time.
fn name(begun_ms: i64) -> String {
    let time = DateTime::from_timestamp_millis(begun_ms).unwrap_or_default();
    // Without colons, which not all file systems and shells take.
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
        .replace(':', "-")
}

/// The time (Unix ms) in such a name.
fn named_at(name: &str) -> Option<i64> {
    let time = NaiveDateTime::parse_from_str(name, "%Y-%m-%dT%H-%M-%S%.3fZ").ok()?;
    Some(time.and_utc().timestamp_millis())
}
