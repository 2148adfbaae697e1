//! Looks at what the partitions have stored, when nothing happens any more.

use std::sync::Arc;

use futures::TryStreamExt;
use log_adapters::objects::ClientEnvironment;
use log_app::storage;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore};
use slatedb::admin::{Admin, AdminBuilder};

use super::node::{S3_TIMEOUT_MS, config};
use super::plan::NODES;
use super::record::{AllStored, Stored};
use crate::hosts::s3;
use crate::net::SimNetwork;

/// What the partitions of a cluster have stored.
///
/// # Errors
/// Why it could not be read.
pub(super) async fn look(partitions: u32) -> Result<AllStored, String> {
    let environment = ClientEnvironment {
        variables: s3::variables(S3_TIMEOUT_MS),
        network: Some(Arc::new(SimNetwork)),
    };
    let config = config(NODES[0], partitions, None)?;
    let stores = storage::open(&config, &environment).await;
    let objects = stores.map_err(|error| error.to_string())?.objects;
    let path = config.place().1;
    let mut all = AllStored::new();
    for partition in 0..partitions {
        let stored = of_partition(&objects, &format!("{path}/p/{partition:04}")).await?;
        all.insert(partition, stored);
    }
    Ok(all)
}

async fn of_partition(objects: &Arc<dyn ObjectStore>, path: &str) -> Result<Stored, String> {
    let admin = AdminBuilder::new(path, Arc::clone(objects)).build();
    let newest = manifest(&admin, None).await?;
    let manifests = listed(objects, path, "manifest").await?;
    // The node that has the partition opened it with the first manifest of its epoch.
    let mut opened = None;
    for (id, meta) in manifests.into_iter().rev() {
        if manifest(&admin, Some(id)).await?.writer_epoch() != newest.writer_epoch() {
            break;
        }
        opened = Some(meta.last_modified);
    }
    let files = listed(objects, path, "wal").await?;
    let files = files
        .into_iter()
        .filter(|(id, _)| *id > newest.replay_after_wal_id());
    let mut stored = Stored {
        compactor_epoch: newest.compactor_epoch(),
        files: 0,
        bytes: 0,
    };
    for (_, meta) in files {
        stored.files += 1;
        if Some(meta.last_modified) >= opened {
            stored.bytes += meta.size;
        }
    }
    Ok(stored)
}

async fn manifest(admin: &Admin, id: Option<u64>) -> Result<slatedb::VersionedManifest, String> {
    let found = admin.read_manifest(id).await;
    let found = found.map_err(|error| error.to_string())?;
    found.ok_or_else(|| format!("there is no manifest {id:?}"))
}

/// The objects in a folder of a partition whose names are numbers, in their order.
async fn listed(
    objects: &Arc<dyn ObjectStore>,
    path: &str,
    folder: &str,
) -> Result<Vec<(u64, ObjectMeta)>, String> {
    let folder = Path::from(format!("{path}/{folder}"));
    let found: Vec<ObjectMeta> = objects
        .list(Some(&folder))
        .try_collect()
        .await
        .map_err(|error| error.to_string())?;
    let numbered = found.into_iter().filter_map(|meta| {
        let (number, _) = meta.location.filename()?.split_once('.')?;
        Some((number.parse().ok()?, meta))
    });
    let mut numbered: Vec<(u64, ObjectMeta)> = numbered.collect();
    numbered.sort_by_key(|(number, _)| *number);
    Ok(numbered)
}
