//! `opendata-log restore`.

use std::fmt::Write;

use bytesize::ByteSize;
use clap::Args;
use log_adapters::store::slate::backup::{Repository, restore};

use super::progress::Shown;
use super::stores::{self, Access};
use super::{Answer, refusal};
use crate::config::{Config, Refusal};
use crate::serve_args::ServeArgs;

const EXAMPLES: &str = "\
Examples:
  opendata-log restore --from /backups/my-log --to /restored
  opendata-log --data-dir /restored

  opendata-log restore --from s3://my-backups/my-log --backup 2026-11-26T21-53-35.000Z --to s3://my-new-log/log
  opendata-log --s3-bucket my-new-log --s3-prefix log

--to takes an empty folder, which then is a data folder, or s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or
az://ACCOUNT/CONTAINER/PREFIX below which nothing is; PREFIX is `log` if it is left out. The write-ahead log is
restored with the data: start the server without storage.wal. The restored log is a log of its own: its backups
need another place than those of the first one.

Exit codes: 0 done; 2 failed: what was restored is no log yet; delete it before you try again.";

/// Make a log of a backup.
///
/// Each object is compared with its checksum. The server that is started on the restored log appends behind its last record.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct RestoreArgs {
    /// The folder or URL of the backups, the --to of `opendata-log backup`.
    #[arg(long, value_name = "FOLDER OR URL")]
    from: String,
    /// The name of the backup [default: the newest]. Of a cluster: of each partition the last one up to this name, which begins with a time.
    #[arg(long, value_name = "NAME")]
    backup: Option<String>,
    /// Restore to this empty folder or URL.
    #[arg(long, value_name = "FOLDER OR URL")]
    to: String,
    #[command(flatten)]
    pub(super) serve: ServeArgs,
}

impl RestoreArgs {
    /// The name of the backup that is meant: of a partition, the last one up to `--backup`, because those of partitions have different names.
    async fn name(
        &self,
        repository: &Repository,
        of: &str,
        is_partition: bool,
    ) -> Result<String, Refusal> {
        let from = &self.from;
        if let Some(name) = self.backup.as_ref().filter(|_| !is_partition) {
            return Ok(name.clone());
        }
        let names = repository.names().await.map_err(|error| {
            Refusal::new(format!(
                "cannot restore from {from}{of}: {}",
                refusal(&error)
            ))
        })?;
        let is_meant = |name: &String| self.backup.as_ref().is_none_or(|last| name <= last);
        names.into_iter().rfind(is_meant).ok_or_else(|| {
            Refusal::new(format!(
                "there is no finished backup in {from}{of}: is it the place that `opendata-log backup --to` was given?"
            ))
        })
    }

    pub(super) async fn run(&self, config: &Config) -> Result<Answer, Refusal> {
        let Self { from, to, .. } = self;
        let repositories = stores::repositories(config, from, Access::Read, None).await?;
        let cannot = |error: &log_domain::Error| {
            Refusal::new(format!(
                "cannot restore from {from} to {to}: {}",
                refusal(error)
            ))
        };
        // Before anything is written: whether there is a backup of each.
        let (mut manifests, mut is_known) = (Vec::new(), false);
        for (of, repository) in &repositories.each {
            let name = self.name(repository, of, repositories.of.is_some()).await?;
            is_known |= self.backup.as_ref().is_none_or(|asked| *asked == name);
            let manifest = repository.manifest(&name).await;
            manifests.push(manifest.map_err(|error| cannot(&error))?);
        }
        if !is_known && repositories.of.is_some() {
            let asked = self.backup.as_deref().unwrap_or_default();
            return Err(Refusal::new(format!(
                "no partition has a backup {asked} in {from}: see opendata-log backup list"
            )));
        }
        let (destinations, cluster) = stores::destinations(config, to, repositories.of).await?;
        let mut text = String::new();
        let all = repositories.each.iter().zip(&manifests);
        for (((of, repository), manifest), (_, destination)) in all.zip(&destinations.each) {
            let shown = Shown::new();
            let restored = restore(repository, manifest, destination, &shown).await;
            shown.finish();
            restored.map_err(|error| cannot(&error))?;
            // Writing to a string does not fail.
            let _ = writeln!(
                text,
                "restored backup {} to {to}{of}: {} objects, {}",
                manifest.name,
                manifest.objects.len(),
                ByteSize(manifest.bytes()),
            );
        }
        // Last, so that no node begins partitions that are still to be restored.
        if let Some(partitions) = repositories.of {
            let created = cluster.create(partitions).await;
            created.map_err(|error| cannot(&error))?;
        }
        Ok(Answer {
            text,
            damaged: false,
        })
    }
}
