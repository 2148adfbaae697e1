//! `opendata-log restore`.

use bytesize::ByteSize;
use clap::Args;
use log_adapters::store::slate::backup::restore;

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
    /// The name of the backup [default: the newest].
    #[arg(long, value_name = "NAME")]
    backup: Option<String>,
    /// Restore to this empty folder or URL.
    #[arg(long, value_name = "FOLDER OR URL")]
    to: String,
    #[command(flatten)]
    pub(super) serve: ServeArgs,
}

impl RestoreArgs {
    pub(super) async fn run(&self, config: &Config) -> Result<Answer, Refusal> {
        let Self { from, to, .. } = self;
        let repository = stores::repository(config, from, Access::Read).await?;
        let cannot = |error: &log_domain::Error| {
            Refusal::new(format!(
                "cannot restore from {from} to {to}: {}",
                refusal(error)
            ))
        };
        let name = match &self.backup {
            Some(name) => name.clone(),
            None => {
                let names = repository.names().await.map_err(|error| cannot(&error))?;
                names.into_iter().next_back().ok_or_else(|| {
                    Refusal::new(format!(
                        "there is no finished backup in {from}: is it the place that `opendata-log backup --to` was given?"
                    ))
                })?
            }
        };
        let manifest = repository.manifest(&name).await;
        let manifest = manifest.map_err(|error| cannot(&error))?;
        let destination = stores::destination(config, to).await?;
        let shown = Shown::new();
        let restored = restore(&repository, &manifest, &destination, &shown).await;
        shown.finish();
        restored.map_err(|error| cannot(&error))?;
        Ok(Answer {
            text: format!(
                "restored backup {name} to {to}: {} objects, {}\n",
                manifest.objects.len(),
                ByteSize(manifest.bytes()),
            ),
            damaged: false,
        })
    }
}
