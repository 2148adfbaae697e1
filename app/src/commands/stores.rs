//! Opens the stores of a log and of its backups.

use std::sync::Arc;

use log_adapters::cluster::ClusterObjects;
use log_adapters::objects::{ClientEnvironment, Place};
use log_adapters::store::slate::backup::{Destination, Repository, Source};
use log_adapters::store::slate::{Options, WalStore};
use log_domain::Error;
use log_domain::cluster::{Partition, Partitions};

use super::refusal;
use crate::config::environment_check;
use crate::config::location::Location;
use crate::config::{Config, Refusal};

/// What is done with the stores of backups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Read only.
    Read,
    /// Written by this process alone.
    Write,
}

/// A log, or the partitions of a cluster, each with something.
pub(super) struct Logs<T> {
    /// The partitions, if it is a cluster.
    pub(super) of: Option<Partitions>,
    /// What there is of each, with how it is called in messages: nothing for a log.
    pub(super) each: Vec<(String, T)>,
}

impl<T> Logs<T> {
    fn new(of: Option<Partitions>, one: impl Fn(Option<Partition>) -> T) -> Self {
        let each = match of {
            None => vec![(String::new(), one(None))],
            Some(of) => {
                let each = of.all();
                let each = each
                    .map(|partition| (format!(", partition {partition}"), one(Some(partition))));
                each.collect()
            }
        };
        Self { of, each }
    }
}

/// Opens the log of this configuration, or its partitions, while servers use it.
pub(super) async fn sources(config: &Config) -> Result<Logs<Source>, Refusal> {
    let source = source(config).await?;
    if !config.cluster.enabled {
        return Ok(Logs::new(None, |_| source.clone()));
    }
    let cluster = ClusterObjects::new(Arc::clone(&source.objects), source.path.clone());
    let of = cluster
        .partitions()
        .await
        .map_err(|error| refusal(&error))?;
    let of = of.ok_or_else(|| {
        let (place, path) = config.place();
        Refusal::new(format!("there is no cluster in {place}, path {path}"))
    })?;
    Ok(Logs::new(Some(of), |partition| Source {
        path: path_of(&cluster, partition, &source.path),
        ..source.clone()
    }))
}

/// Opens the log of this configuration while a server uses it.
async fn source(config: &Config) -> Result<Source, Refusal> {
    let environment = ClientEnvironment::of_process();
    let (place, path) = config.place();
    if place == Place::Memory {
        return Err(Refusal::new(
            "a log in memory has no objects that another process can read: use a log in a folder or a bucket".into(),
        ));
    }
    let cannot = |place: &Place, error: &Error| {
        Refusal::new(format!(
            "cannot read the log in {place}: {}",
            refusal(error)
        ))
    };
    let open = async |place: &Place| {
        let objects = place.open_beside(&environment).await?;
        place.check(&path, &environment).await?;
        Ok(objects)
    };
    let objects = open(&place).await.map_err(|error| cannot(&place, &error))?;
    let wal = match config.wal_place() {
        None => None,
        Some(place) => Some(WalStore {
            objects: open(&place).await.map_err(|error| cannot(&place, &error))?,
            location: place.to_string(),
        }),
    };
    Ok(Source { objects, path, wal })
}

/// Opens the place of backups that `text` names: of a log, or of each partition of a cluster. With `begin` it becomes one of a cluster with these
/// partitions, unless it is one.
pub(super) async fn repositories(
    config: &Config,
    text: &str,
    access: Access,
    begin: Option<Partitions>,
) -> Result<Logs<Repository>, Refusal> {
    let Location { place, prefix } = location(config, text)?;
    let root = prefix.unwrap_or_default();
    let environment = ClientEnvironment::of_process();
    let opened = match access {
        Access::Read => place.open_beside(&environment).await,
        Access::Write => place.open(&environment).await,
    };
    let cannot =
        |error: &Error| Refusal::new(format!("cannot use {text} for backups: {}", refusal(error)));
    let objects = opened.map_err(|error| cannot(&error))?;
    if access == Access::Write {
        let checked = place.check(&root, &environment).await;
        checked.map_err(|error| cannot(&error))?;
    }
    let cluster = ClusterObjects::new(Arc::clone(&objects), root.clone());
    let known = cluster.partitions().await.map_err(|error| cannot(&error))?;
    if let Some(partitions) = begin {
        let of_log = Repository::new(Arc::clone(&objects), &root, text);
        let of_log = of_log.names().await.map_err(|error| cannot(&error))?;
        if known.is_none() && !of_log.is_empty() {
            return Err(Refusal::new(format!(
                "{text} has backups of a log: those of a cluster need a place of their own"
            )));
        }
        let begun = cluster.begin(partitions, true).await;
        begun.map_err(|error| cannot(&error))?;
    }
    Ok(Logs::new(begin.or(known), |partition| {
        let root = path_of(&cluster, partition, &root);
        Repository::new(Arc::clone(&objects), &root, text)
    }))
}

/// Opens the empty place that `text` names, for a log, or for the partitions of a cluster. With the second part of the answer the caller creates the
/// cluster, once all partitions are restored: before that no node may begin one.
pub(super) async fn destinations(
    config: &Config,
    text: &str,
    of: Option<Partitions>,
) -> Result<(Logs<Destination>, ClusterObjects), Refusal> {
    let Location { place, prefix } = location(config, text)?;
    if let Place::Folder(folder) = &place {
        if of.is_some() {
            return Err(Refusal::new(format!(
                "{text} is a folder, and these are backups of a cluster, which needs a bucket, for example --to s3://my-new-log/log"
            )));
        }
        refuse_full(&folder.path, text)?;
    }
    let environment = ClientEnvironment::of_process();
    let path = prefix.unwrap_or_else(|| Options::default().path);
    let open = async {
        let objects = place.open(&environment).await?;
        place.check(&path, &environment).await?;
        Ok(objects)
    };
    let cannot =
        |error: Error| Refusal::new(format!("cannot restore to {text}: {}", refusal(&error)));
    let objects = open.await.map_err(cannot)?;
    let cluster = ClusterObjects::new(Arc::clone(&objects), path.clone());
    if of.is_some() && cluster.has_objects().await.map_err(cannot)? {
        return Err(Refusal::new(format!(
            "{text} has something of a cluster: a cluster is restored to an empty place only. Name another one, or delete what an interrupted \
             restore left there"
        )));
    }
    let logs = Logs::new(of, |partition| Destination {
        objects: Arc::clone(&objects),
        path: path_of(&cluster, partition, &path),
    });
    Ok((logs, cluster))
}

/// The path of a partition, or that of the log.
fn path_of(cluster: &ClusterObjects, partition: Option<Partition>, of_log: &str) -> String {
    let path = partition.map(|partition| cluster.of_partition(partition));
    // A folder has no path in it.
    path.map_or_else(
        || of_log.to_owned(),
        |path| path.trim_start_matches('/').to_owned(),
    )
}

fn location(config: &Config, text: &str) -> Result<Location, Refusal> {
    let location = config.location(text)?;
    environment_check::check_place(&location.place)?;
    Ok(location)
}

/// A folder must be empty, also of files that are none of a log.
fn refuse_full(folder: &std::path::Path, text: &str) -> Result<(), Refusal> {
    let Ok(mut entries) = std::fs::read_dir(folder) else {
        // It is not there, or cannot be read, which is told when it is opened.
        return Ok(());
    };
    match entries.next() {
        None => Ok(()),
        Some(_) => Err(Refusal::new(format!(
            "the folder {text} is not empty: a log is restored to an empty folder only. Name another one, or delete what an \
             interrupted restore left there"
        ))),
    }
}
