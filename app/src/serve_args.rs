//! The flags of settings, which the server and the commands for its log share.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use log_adapters::http::Setting;

use crate::config::{self, Config, Create, Refusal, environment_check};

/// Settings with a command line flag. All others are set in the file or the environment.
#[derive(Debug, Clone, Default, PartialEq, Args)]
pub struct ServeArgs {
    /// Read settings from this file (.yaml, .yml or .toml; /dev/stdin is read as YAML).
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Listen on this address [default: 127.0.0.1, reachable from this machine only].
    #[arg(long, value_name = "ADDRESS")]
    host: Option<String>,

    /// Listen on this port; 0 selects a free port [default: 8080].
    #[arg(long, value_name = "PORT")]
    port: Option<String>,

    /// Store data in this folder [default: .data].
    #[arg(long, value_name = "FOLDER")]
    data_dir: Option<PathBuf>,

    /// Store data in memory only. It is lost when the server stops.
    #[arg(long)]
    in_memory: bool,

    /// Store data in this S3 bucket.
    #[arg(long, value_name = "BUCKET")]
    s3_bucket: Option<String>,

    /// The bucket's region [default: AWS_REGION].
    #[arg(long, value_name = "REGION")]
    s3_region: Option<String>,

    /// The prefix of all object names in the bucket [default: log].
    #[arg(long, value_name = "PREFIX")]
    s3_prefix: Option<String>,

    /// Store data in this Google Cloud Storage bucket.
    #[arg(long, value_name = "BUCKET")]
    gcs_bucket: Option<String>,

    /// The prefix of all object names in the bucket [default: log].
    #[arg(long, value_name = "PREFIX")]
    gcs_prefix: Option<String>,

    /// Store data in this Azure storage account.
    #[arg(long, value_name = "ACCOUNT")]
    azure_account: Option<String>,

    /// Store data in this container of the storage account.
    #[arg(long, value_name = "CONTAINER")]
    azure_container: Option<String>,

    /// The prefix of all object names in the container [default: log].
    #[arg(long, value_name = "PREFIX")]
    azure_prefix: Option<String>,

    /// Take over the log even if the server that fenced this one has not released it (use this if that server
    /// will not be started again), and take over a folder even if another server is still running on it.
    #[arg(long)]
    take_over: bool,

    /// Only read the log, which another server writes: from the bucket or folder alone, which needs no right to write.
    #[arg(long)]
    read_only: bool,

    /// With --read-only: forward appends and other changes to the server at this URL, which writes the log.
    #[arg(long, value_name = "URL")]
    writer_url: Option<String>,

    /// Whether to create the log if it does not exist [default: if_missing]. With `never`, the server does not start on
    /// an unmounted disk or in an emptied bucket. Set `never` once the log exists.
    #[arg(long, value_name = "WHEN", value_enum)]
    create: Option<Create>,
}

impl ServeArgs {
    /// These, and those that were given after the subcommand.
    pub(crate) fn and(self, after: Self) -> Result<Self, String> {
        fn one<T>(flag: &str, before: Option<T>, after: Option<T>) -> Result<Option<T>, String> {
            match (before, after) {
                (Some(_), Some(_)) => Err(format!(
                    "{flag} is given twice: before and after the subcommand"
                )),
                (before, after) => Ok(before.or(after)),
            }
        }
        Ok(Self {
            config: one("--config", self.config, after.config)?,
            host: one("--host", self.host, after.host)?,
            port: one("--port", self.port, after.port)?,
            data_dir: one("--data-dir", self.data_dir, after.data_dir)?,
            in_memory: self.in_memory || after.in_memory,
            s3_bucket: one("--s3-bucket", self.s3_bucket, after.s3_bucket)?,
            s3_region: one("--s3-region", self.s3_region, after.s3_region)?,
            s3_prefix: one("--s3-prefix", self.s3_prefix, after.s3_prefix)?,
            gcs_bucket: one("--gcs-bucket", self.gcs_bucket, after.gcs_bucket)?,
            gcs_prefix: one("--gcs-prefix", self.gcs_prefix, after.gcs_prefix)?,
            azure_account: one("--azure-account", self.azure_account, after.azure_account)?,
            azure_container: one(
                "--azure-container",
                self.azure_container,
                after.azure_container,
            )?,
            azure_prefix: one("--azure-prefix", self.azure_prefix, after.azure_prefix)?,
            take_over: self.take_over || after.take_over,
            read_only: self.read_only || after.read_only,
            writer_url: one("--writer-url", self.writer_url, after.writer_url)?,
            create: one("--create", self.create, after.create)?,
        })
    }

    /// The configuration of a server: as [`ServeArgs::load`]; and its settings as they are shown.
    ///
    /// # Errors
    /// Those, and that of [`Config::may_serve`].
    pub fn load_server(&self) -> Result<(Config, Vec<Setting>), Refusal> {
        let (config, settings) = config::load_shown(self.config.as_deref(), self.settings())?;
        environment_check::check_stores(&config)?;
        config.may_serve()?;
        Ok((config, settings))
    }

    /// The configuration: file, environment, and what was given here.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn load(&self) -> Result<Config, Refusal> {
        let config = Config::load(self.config.as_deref(), self.settings())?;
        environment_check::check_stores(&config)?;
        Ok(config)
    }

    /// What was given, as a part of the configuration.
    pub fn settings(&self) -> impl Serialize + use<> {
        #[derive(Serialize)]
        struct Given {
            #[serde(skip_serializing_if = "Option::is_none")]
            host: Option<String>,
            #[serde(skip_serializing_if = "Option::is_none")]
            port: Option<String>,
            #[serde(skip_serializing_if = "Option::is_none")]
            read_only: Option<bool>,
            #[serde(skip_serializing_if = "Option::is_none")]
            reader: Option<Reader>,
            storage: Storage,
        }
        #[derive(Serialize)]
        struct Reader {
            writer_url: String,
        }
        #[derive(Serialize)]
        struct Storage {
            #[serde(skip_serializing_if = "Option::is_none")]
            data_dir: Option<PathBuf>,
            #[serde(skip_serializing_if = "Option::is_none")]
            in_memory: Option<bool>,
            #[serde(skip_serializing_if = "Option::is_none")]
            take_over: Option<bool>,
            #[serde(skip_serializing_if = "Option::is_none")]
            create: Option<Create>,
            s3: S3,
            gcs: Gcs,
            azure: Azure,
        }
        #[derive(Serialize)]
        struct S3 {
            #[serde(skip_serializing_if = "Option::is_none")]
            bucket: Option<String>,
            #[serde(skip_serializing_if = "Option::is_none")]
            region: Option<String>,
            #[serde(skip_serializing_if = "Option::is_none")]
            prefix: Option<String>,
        }
        #[derive(Serialize)]
        struct Gcs {
            #[serde(skip_serializing_if = "Option::is_none")]
            bucket: Option<String>,
            #[serde(skip_serializing_if = "Option::is_none")]
            prefix: Option<String>,
        }
        #[derive(Serialize)]
        struct Azure {
            #[serde(skip_serializing_if = "Option::is_none")]
            account: Option<String>,
            #[serde(skip_serializing_if = "Option::is_none")]
            container: Option<String>,
            #[serde(skip_serializing_if = "Option::is_none")]
            prefix: Option<String>,
        }
        Given {
            host: self.host.clone(),
            port: self.port.clone(),
            read_only: self.read_only.then_some(true),
            reader: self
                .writer_url
                .clone()
                .map(|writer_url| Reader { writer_url }),
            storage: Storage {
                data_dir: self.data_dir.clone(),
                in_memory: self.in_memory.then_some(true),
                take_over: self.take_over.then_some(true),
                create: self.create,
                s3: S3 {
                    bucket: self.s3_bucket.clone(),
                    region: self.s3_region.clone(),
                    prefix: self.s3_prefix.clone(),
                },
                gcs: Gcs {
                    bucket: self.gcs_bucket.clone(),
                    prefix: self.gcs_prefix.clone(),
                },
                azure: Azure {
                    account: self.azure_account.clone(),
                    container: self.azure_container.clone(),
                    prefix: self.azure_prefix.clone(),
                },
            },
        }
    }
}
