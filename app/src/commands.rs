//! The commands for a log that need no server: backups, restores, checks.

mod backup;
mod check;
mod progress;
mod restore;
mod stores;

use log_domain::Error;
use tokio::signal::unix::{SignalKind, signal};

pub use backup::BackupArgs;
pub use check::CheckArgs;
pub use restore::RestoreArgs;

use crate::config::{Config, LogFormat, Refusal};
use crate::serve_args::ServeArgs;

/// A command for a log.
#[derive(Debug)]
pub enum LogCommand {
    /// Backs it up, or lists or prunes its backups.
    Backup(Box<BackupArgs>),
    /// Makes a log of a backup.
    Restore(RestoreArgs),
    /// Looks for damage.
    Check(CheckArgs),
}

/// How a command ended.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// To be printed on standard output.
    pub text: String,
    /// Whether damage was found.
    pub damaged: bool,
}

impl LogCommand {
    /// This command, for the log that flags before it name.
    ///
    /// # Errors
    /// One line that names a flag that is given twice.
    pub(crate) fn with(self, before: ServeArgs) -> Result<Self, String> {
        Ok(match self {
            Self::Backup(args) => Self::Backup(Box::new(args.with(before)?)),
            Self::Restore(mut args) => {
                args.serve = before.and(args.serve)?;
                Self::Restore(args)
            }
            Self::Check(mut args) => {
                args.serve = before.and(args.serve)?;
                Self::Check(args)
            }
        })
    }

    /// The configuration of the command. It logs text, and warnings only unless it is told otherwise.
    ///
    /// # Errors
    /// What is wrong with the configuration.
    pub fn config(&self) -> Result<Config, Refusal> {
        let mut config = match self {
            Self::Backup(args) => args.config()?,
            Self::Restore(args) => args.serve.load()?,
            Self::Check(args) => args.serve.load()?,
        };
        if config.log == Config::default().log {
            config.log = "warn".into();
        }
        if config.log_format == LogFormat::Auto {
            config.log_format = LogFormat::Text;
        }
        Ok(config)
    }

    /// Runs the command.
    ///
    /// # Errors
    /// Why it did not finish, in one line.
    pub async fn run(&self, config: &Config) -> Result<Answer, Refusal> {
        match self {
            Self::Backup(args) => args.run(config).await,
            Self::Restore(args) => args.run(config).await,
            Self::Check(args) => args.run(config).await,
        }
    }
}

/// Ends when the process is told to stop.
async fn told_to_stop() {
    let terminate = signal(SignalKind::terminate());
    let interrupt = signal(SignalKind::interrupt());
    let (Ok(mut terminate), Ok(mut interrupt)) = (terminate, interrupt) else {
        // Then a signal ends the process as it is.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

/// An error with what caused it.
fn refusal(error: &Error) -> Refusal {
    let mut line = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        let text = error.to_string();
        if !line.contains(&text) {
            line = format!("{line}: {text}");
        }
        cause = error.source();
    }
    Refusal::new(line)
}
