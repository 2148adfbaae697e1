//! Opens the object stores that a configuration names.

use std::sync::Arc;

use log_adapters::objects::{ClientEnvironment, Place};
use log_adapters::store::slate::WalStore;
use log_domain::{Error, Result};
use object_store::ObjectStore;

use crate::config::Config;

/// Where a log is kept: its data, and its WAL if that has a store of its own.
pub struct Stores {
    /// The data.
    pub objects: Arc<dyn ObjectStore>,
    /// The WAL.
    pub wal: Option<WalStore>,
}

/// Opens the stores, those in S3 as `environment` says, and checks these, each within seconds. For a read-only server, nothing is written
/// and no folder is locked.
///
/// # Errors
/// As [`Place::open`] and [`Place::check`].
pub async fn open(config: &Config, environment: &ClientEnvironment) -> Result<Stores> {
    let (place, path) = config.place();
    let objects = checked(config, &place, &path, environment).await?;
    let wal = match config.wal_place() {
        None => None,
        Some(place) => Some(WalStore {
            objects: checked(config, &place, &path, environment)
                .await
                .map_err(|error| Error::unavailable(format!("its WAL in {place}: {error}")))?,
            location: place.to_string(),
        }),
    };
    Ok(Stores { objects, wal })
}

/// Finds what is wrong with the options of the stores, and asks none of them anything.
///
/// # Errors
/// As [`Place::open`].
pub fn check_options(config: &Config) -> Result<()> {
    let environment = ClientEnvironment::of_process();
    for place in std::iter::once(config.place().0).chain(config.wal_place()) {
        place.validate(&environment)?;
    }
    Ok(())
}

async fn checked(
    config: &Config,
    place: &Place,
    path: &str,
    environment: &ClientEnvironment,
) -> Result<Arc<dyn ObjectStore>> {
    if config.read_only {
        let objects = place.open_beside(environment).await?;
        place.check_to_read(path, environment).await?;
        return Ok(objects);
    }
    let objects = place.open(environment).await?;
    place.check(path, environment).await?;
    Ok(objects)
}
