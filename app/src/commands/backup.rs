//! `opendata-log backup`, `backup list` and `backup prune`.

use std::fmt::Write;

use bytesize::ByteSize;
use clap::{Args, Subcommand};
use log_adapters::clock::SystemClock;
use log_adapters::objects::Place;
use log_adapters::store::slate::backup::{
    BackupManifest, Finished, Pruned, Repository, Source, back_up, prune, verify,
};

use super::progress::Shown;
use super::stores::{self, Access};
use super::{Answer, refusal, told_to_stop};
use crate::config::{Config, Refusal};
use crate::serve_args::ServeArgs;

const EXAMPLES: &str = "\
Examples:
  opendata-log backup --data-dir /data --to /backups/my-log
  opendata-log backup --config log.yaml --to s3://my-backups/my-log --verify
  opendata-log backup --s3-bucket my-log --to 's3://my-backups/my-log?region=eu-west-1'
  opendata-log backup list --to s3://my-backups/my-log
  opendata-log backup prune --to s3://my-backups/my-log --keep 7

The log is named as its server names it: by flags, LOG_* variables or the file of --config. The server keeps
running. It needs not be on this machine if the log is in a bucket. For a log in a folder, run the command as the
user of the server.
--to takes a folder, s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or az://ACCOUNT/CONTAINER/PREFIX. Buckets are
reached with the credentials and the endpoint of the log's. Each log needs a place of its own for its backups.
Of a cluster (cluster.enabled) all partitions are backed up, one after the other, each consistent in itself.
Deleted records stay in backups until those are pruned.

Exit codes: 0 done; 1 --verify found damage; 2 failed: run the command again, it resumes.";

/// Back up the log, also while its server runs.
///
/// A backup contains every record that was durable when it began. The first one copies the whole log, later ones copy
/// only what is new. A backup that was interrupted is not listed, and the next one resumes it.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub struct BackupArgs {
    /// List or prune backups.
    #[command(subcommand)]
    command: Option<BackupCommand>,
    /// Back up to this folder or URL.
    #[arg(long, value_name = "FOLDER OR URL")]
    to: Option<String>,
    /// Read the whole backup again, with what earlier ones copied, and compare checksums.
    #[arg(long)]
    verify: bool,
    #[command(flatten)]
    serve: ServeArgs,
}

/// What to do with backups.
#[derive(Debug, Subcommand)]
pub(super) enum BackupCommand {
    /// List the finished backups, the oldest first.
    List {
        /// The folder or URL of the backups.
        #[arg(long, value_name = "FOLDER OR URL")]
        to: String,
        /// How buckets are reached.
        #[command(flatten)]
        serve: ServeArgs,
    },
    /// Delete old backups, and the objects that no other backup needs.
    Prune {
        /// The folder or URL of the backups.
        #[arg(long, value_name = "FOLDER OR URL")]
        to: String,
        /// Keep this many backups, the newest.
        #[arg(long, value_name = "NUMBER")]
        keep: usize,
        /// How buckets are reached.
        #[command(flatten)]
        serve: ServeArgs,
    },
}

impl BackupArgs {
    pub(super) fn with(mut self, before: ServeArgs) -> Result<Self, String> {
        let serve = match &mut self.command {
            Some(BackupCommand::List { serve, .. } | BackupCommand::Prune { serve, .. }) => serve,
            None => &mut self.serve,
        };
        *serve = before.and(std::mem::take(serve))?;
        Ok(self)
    }

    pub(super) fn config(&self) -> Result<Config, Refusal> {
        match &self.command {
            Some(BackupCommand::List { serve, .. } | BackupCommand::Prune { serve, .. }) => {
                serve.load()
            }
            None => self.serve.load(),
        }
    }

    pub(super) async fn run(&self, config: &Config) -> Result<Answer, Refusal> {
        match &self.command {
            Some(BackupCommand::List { to, .. }) => list(config, to).await,
            Some(BackupCommand::Prune { to, keep, .. }) => prune_at(config, to, *keep).await,
            None => self.back_up(config).await,
        }
    }

    async fn back_up(&self, config: &Config) -> Result<Answer, Refusal> {
        let Some(to) = &self.to else {
            return Err(Refusal::new(
                "backup needs a place for backups, for example --to /backups/my-log or --to s3://my-backups/my-log".into(),
            ));
        };
        refuse_data_folder(config, to)?;
        let sources = stores::sources(config).await?;
        let repositories = stores::repositories(config, to, Access::Write, sources.of).await?;
        if repositories.of != sources.of {
            return Err(Refusal::new(format!(
                "{to} has backups of a cluster, and this is a log: each needs a place of its own for its backups"
            )));
        }
        let mut all = Answer::default();
        for ((of, source), (_, repository)) in sources.each.iter().zip(&repositories.each) {
            let one = self
                .back_up_one(source, repository, &format!("{to}{of}"))
                .await?;
            all.text.push_str(&one.text);
            all.damaged |= one.damaged;
        }
        Ok(all)
    }

    /// Backs up a log, or a partition, to what messages call `to`.
    async fn back_up_one(
        &self,
        source: &Source,
        repository: &Repository,
        to: &str,
    ) -> Result<Answer, Refusal> {
        let shown = Shown::new();
        let finished = back_up(source, repository, &SystemClock, &shown, told_to_stop()).await;
        let damage = match &finished {
            Ok(finished) if self.verify => verify(repository, &finished.manifest, &shown).await,
            _ => Ok(Vec::new()),
        };
        shown.finish();
        let finished = finished.map_err(|error| {
            Refusal::new(format!("cannot back up to {to}: {}", refusal(&error)))
        })?;
        let damage = damage.map_err(|error| {
            let name = &finished.manifest.name;
            Refusal::new(format!(
                "cannot verify backup {name} in {to}: {}",
                refusal(&error)
            ))
        })?;
        let mut text = summary(&finished, to);
        match damage.len() {
            0 if self.verify => text.push_str("verified: every object is as it was copied\n"),
            0 => {}
            many => {
                for line in damage {
                    // Writing to a string does not fail.
                    let _ = writeln!(text, "damaged: {line}");
                }
                let _ = writeln!(
                    text,
                    "{many} objects of this backup are damaged, perhaps of earlier ones too. Delete them and run the command again: \
                     what the log still has is copied again"
                );
                return Ok(Answer {
                    text,
                    damaged: true,
                });
            }
        }
        Ok(Answer {
            text,
            damaged: false,
        })
    }
}

fn summary(finished: &Finished, to: &str) -> String {
    let Finished {
        manifest,
        copied,
        copied_bytes,
    } = finished;
    format!(
        "backup {} in {to}: {} objects, {}; copied {copied} objects, {}\n",
        manifest.name,
        manifest.objects.len(),
        ByteSize(manifest.bytes()),
        ByteSize(*copied_bytes),
    )
}

async fn list(config: &Config, to: &str) -> Result<Answer, Refusal> {
    let repositories = stores::repositories(config, to, Access::Read, None).await?;
    let mut text = String::new();
    for (of, repository) in &repositories.each {
        let manifests = repository.manifests().await;
        let manifests = manifests.map_err(|error| refusal(&error))?;
        manifests
            .iter()
            .for_each(|manifest| listed(manifest, of, &mut text));
    }
    Ok(Answer {
        text,
        damaged: false,
    })
}

/// Adds the line of a backup, of a log or of a partition that is called `of`.
fn listed(manifest: &BackupManifest, of: &str, text: &mut String) {
    let durable = manifest.durable.map_or(String::new(), |durable| {
        // The stored watermark, which is behind what is durable.
        format!(", at least every record below sequence {durable}")
    });
    // Writing to a string does not fail.
    let _ = writeln!(
        text,
        "{}{of}  {} objects, {}{durable}",
        manifest.name,
        manifest.objects.len(),
        ByteSize(manifest.bytes()),
    );
}

async fn prune_at(config: &Config, to: &str, keep: usize) -> Result<Answer, Refusal> {
    let repositories = stores::repositories(config, to, Access::Write, None).await?;
    let (mut text, mut backups, mut objects) = (String::new(), 0, 0);
    for (of, repository) in &repositories.each {
        let pruned = prune(repository, keep, &SystemClock).await;
        let Pruned { forgotten, deleted } = pruned.map_err(|error| refusal(&error))?;
        for name in &forgotten {
            let _ = writeln!(text, "deleted backup {name}{of}");
        }
        backups += forgotten.len();
        objects += deleted;
    }
    let _ = writeln!(text, "deleted {backups} backups and {objects} objects");
    Ok(Answer {
        text,
        damaged: false,
    })
}

/// A backup in the data folder would go with the log.
fn refuse_data_folder(config: &Config, to: &str) -> Result<(), Refusal> {
    let (Place::Folder(data), Place::Folder(backups)) =
        (config.place().0, config.location(to)?.place)
    else {
        return Ok(());
    };
    let is_below = match (data.path.canonicalize(), std::path::absolute(&backups.path)) {
        (Ok(data), Ok(backups)) => {
            let real = backups.canonicalize().unwrap_or(backups);
            real.starts_with(data)
        }
        _ => false,
    };
    match is_below {
        true => Err(Refusal::new(format!(
            "{to} is in the data folder of the log, so it would be lost with it: use another folder, best on another disk"
        ))),
        false => Ok(()),
    }
}
