//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use log_adapters::http::{self, DocumentFormat};
use log_adapters::store::slate::SlateStore;
use serde::Serialize;

use crate::config::{self, Config, Create, Refusal, environment_check};
use crate::security::Security;
use crate::storage;

/// A key-oriented, append-only log server on object storage.
///
/// Every key is an ordered stream that exists from its first record on. Data is stored in a local folder by default, or
/// in an S3 bucket, a Google Cloud Storage bucket, or an Azure Blob Storage container.
#[derive(Debug, Parser)]
#[command(name = "opendata-log", version, after_help = EXAMPLES)]
pub struct Cli {
    /// The command; `serve` by default.
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: ServeArgs,
}

const EXAMPLES: &str = "\
Examples:
  opendata-log                                   serve on http://127.0.0.1:8080, data in the folder .data
  opendata-log --in-memory --port 9000           for trials; nothing is stored
  opendata-log --s3-bucket my-log --s3-region eu-central-1 --host 0.0.0.0
                                                 data in S3; credentials from the standard AWS_* variables
  opendata-log --gcs-bucket my-log               data in Google Cloud Storage; credentials of the workload
  opendata-log --azure-account mylogs --azure-container my-log
                                                 data in Azure Blob Storage; credentials of the workload
  opendata-log --config log.yaml                 everything from a file
  opendata-log config check --config log.yaml    check the file without opening the log

Every setting can also be given in the environment: LOG_ and its name, sections separated by two
underscores, for example LOG_PORT=9000 or LOG_LIMITS__KEY_BYTES=1KiB.
Flags win over the environment, the environment over the file, the file over the defaults.

Exit codes: 0 stopped as asked; 2 cannot start as configured; 3 another server took over the data;
4 stopped, but not everything acknowledged could be made durable.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the log over HTTP (the default).
    #[command(after_help = EXAMPLES)]
    Serve(ServeArgs),
    /// Check or print the configuration without opening the log.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print the OpenAPI document of the HTTP API.
    Openapi {
        /// The format of the document.
        #[arg(long, value_enum, default_value_t = OpenapiFormat::Yaml)]
        format: OpenapiFormat,
    },
}

/// How the OpenAPI document is written.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum OpenapiFormat {
    /// As YAML.
    Yaml,
    /// As JSON.
    Json,
}

/// What to do with the configuration.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Print `ok`, or the error and exit with code 2.
    Check(ServeArgs),
    /// Print every effective value and its source.
    Show(ServeArgs),
    /// Print docs/configuration.md.
    #[command(hide = true)]
    Docs,
}

/// What was asked for.
#[derive(Debug)]
pub enum Asked {
    /// To serve.
    Serve(ServeArgs),
    /// Something about the configuration.
    Config(ConfigCommand),
    /// For the OpenAPI document.
    Openapi(OpenapiFormat),
}

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

    /// Whether to create the log if it does not exist [default: if_missing]. With `never`, the server does not start on
    /// an unmounted disk or in an emptied bucket. Set `never` once the log exists.
    #[arg(long, value_name = "WHEN", value_enum)]
    create: Option<Create>,
}

impl Cli {
    /// What was asked for. Flags of the server may stand before and after the subcommand.
    ///
    /// # Errors
    /// One line that names a flag that was given twice, or the subcommand that takes none of them.
    pub fn asked(self) -> Result<Asked, String> {
        let before = self.serve;
        let none_before = |command: &str| match before == ServeArgs::default() {
            true => Ok(()),
            false => Err(format!("{command} accepts no server flags such as --port")),
        };
        Ok(match self.command {
            Some(Command::Config(ConfigCommand::Docs)) => {
                none_before("config docs")?;
                Asked::Config(ConfigCommand::Docs)
            }
            Some(Command::Openapi { format }) => {
                none_before("openapi")?;
                Asked::Openapi(format)
            }
            Some(Command::Serve(after)) => Asked::Serve(before.and(after)?),
            Some(Command::Config(ConfigCommand::Check(after))) => {
                Asked::Config(ConfigCommand::Check(before.and(after)?))
            }
            Some(Command::Config(ConfigCommand::Show(after))) => {
                Asked::Config(ConfigCommand::Show(before.and(after)?))
            }
            None => Asked::Serve(before),
        })
    }
}

impl OpenapiFormat {
    /// The document, to be printed.
    pub fn document(self) -> String {
        http::document::<SlateStore>(match self {
            Self::Yaml => DocumentFormat::Yaml,
            Self::Json => DocumentFormat::Json,
        })
    }
}

impl ConfigCommand {
    /// The answer, to be printed.
    ///
    /// # Errors
    /// What is wrong with the configuration.
    pub fn answer(&self) -> Result<String, Refusal> {
        match self {
            Self::Check(args) => {
                let config = args.load()?;
                Security::open(&config).map_err(Refusal::new)?;
                storage::check_options(&config).map_err(|error| Refusal::new(error.to_string()))?;
                Ok("ok\n".to_owned())
            }
            Self::Show(args) => config::show(args.config.as_deref(), args.settings()),
            Self::Docs => Ok(config::reference()),
        }
    }
}

impl ServeArgs {
    /// These, and those that were given after the subcommand.
    fn and(self, after: Self) -> Result<Self, String> {
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
            create: one("--create", self.create, after.create)?,
        })
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
            storage: Storage,
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
