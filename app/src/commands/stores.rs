//! Opens the stores of a log and of its backups.

use log_adapters::objects::{ClientEnvironment, Place};
use log_adapters::store::slate::backup::{Destination, Repository, Source};
use log_adapters::store::slate::{Options, WalStore};
use log_domain::Error;

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

/// Opens the log of this configuration while a server uses it.
pub(super) async fn source(config: &Config) -> Result<Source, Refusal> {
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

/// Opens the place of backups that `text` names.
pub(super) async fn repository(
    config: &Config,
    text: &str,
    access: Access,
) -> Result<Repository, Refusal> {
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
    Ok(Repository::new(objects, &root, text))
}

/// Opens the empty place that `text` names, for a log.
pub(super) async fn destination(config: &Config, text: &str) -> Result<Destination, Refusal> {
    let Location { place, prefix } = location(config, text)?;
    if let Place::Folder(folder) = &place {
        refuse_full(&folder.path, text)?;
    }
    let environment = ClientEnvironment::of_process();
    let path = prefix.unwrap_or_else(|| Options::default().path);
    let open = async {
        let objects = place.open(&environment).await?;
        place.check(&path, &environment).await?;
        Ok(objects)
    };
    let objects = open.await.map_err(|error: Error| {
        Refusal::new(format!("cannot restore to {text}: {}", refusal(&error)))
    })?;
    Ok(Destination { objects, path })
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
