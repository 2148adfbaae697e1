//! The command line.

use clap::{Parser, Subcommand, ValueEnum};
use log_adapters::http::{self, DocumentFormat};
use log_adapters::store::slate::SlateStore;
use log_cli::Command as ClientCommand;

use crate::commands::{BackupArgs, CheckArgs, LogCommand, RestoreArgs};
use crate::config::{self, Refusal};
use crate::security::Security;
use crate::serve_args::ServeArgs;
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
  opendata-log --read-only --s3-bucket my-log --s3-region eu-central-1 --port 8081
                                                 reads only, alongside the server that writes the log
  opendata-log --config log.yaml                 everything from a file
  opendata-log config check --config log.yaml    check the file without opening the log
  opendata-log backup --data-dir .data --to /backups/my-log
                                                 back up a log, also while its server runs

A client of a server, at http://127.0.0.1:8080 or LOG_URL:
  opendata-log append orders first               append a record; see --help of each command
  opendata-log tail orders                       follow a key
  opendata-log export --to log.jsonl             copy a log into a file, and import it elsewhere

Every setting can also be given in the environment: LOG_ and its name, sections separated by two
underscores, for example LOG_PORT=9000 or LOG_LIMITS__KEY_BYTES=1KiB.
Flags win over the environment, the environment over the file, the file over the defaults.

Exit codes: 0 stopped as asked; 2 cannot start as configured; 3 another server took over the data;
4 stopped, but not everything acknowledged could be made durable.
Of a client: 0 done; 1 the server refused, or a file cannot be read or written; 2 wrong command line;
5 a precondition does not hold; 6 the server cannot be reached or is not ready;
7 it is not known whether the change was made; 130 interrupted by Ctrl-C.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the log over HTTP (the default).
    #[command(after_help = EXAMPLES)]
    Serve(ServeArgs),
    Backup(Box<BackupArgs>),
    Restore(RestoreArgs),
    Check(CheckArgs),
    #[command(flatten)]
    Client(ClientCommand),
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
    /// Something about a log.
    Log(LogCommand),
    /// Something as a client of a server.
    Client(ClientCommand),
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
            Some(Command::Client(command)) => {
                none_before(command.name())?;
                Asked::Client(command)
            }
            Some(Command::Backup(args)) => Asked::Log(LogCommand::Backup(args).with(before)?),
            Some(Command::Restore(args)) => Asked::Log(LogCommand::Restore(args).with(before)?),
            Some(Command::Check(args)) => Asked::Log(LogCommand::Check(args).with(before)?),
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
                let (config, _) = args.load_server()?;
                Security::open(&config).map_err(Refusal::new)?;
                storage::check_options(&config).map_err(|error| Refusal::new(error.to_string()))?;
                Ok("ok\n".to_owned())
            }
            Self::Show(args) => config::show(args.config.as_deref(), args.settings()),
            Self::Docs => Ok(config::reference()),
        }
    }
}
