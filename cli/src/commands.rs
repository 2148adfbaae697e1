//! The commands.

mod append;
mod bench;
mod completions;
mod count;
mod cursors;
mod delete;
mod export;
mod import;
mod keys;
mod man;
mod scan;
mod segments;
mod status;
mod tail;
mod trim;

use std::ffi::OsString;

use clap::Subcommand;

use crate::exit::{Failure, Outcome};
use crate::resume::Invocation;
use crate::signals::Interrupt;

/// A command of the client.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// One that needs a server.
    #[command(flatten)]
    OfServer(Box<OfServer>),
    /// One about this program itself.
    #[command(flatten)]
    OfProgram(OfProgram),
}

/// What needs a server.
#[derive(Debug, Subcommand)]
pub enum OfServer {
    Append(append::AppendArgs),
    Scan(scan::ScanArgs),
    Tail(tail::TailArgs),
    Count(count::CountArgs),
    Keys(keys::KeysArgs),
    Segments(segments::SegmentsArgs),
    Cursors(cursors::CursorsArgs),
    Trim(trim::TrimArgs),
    Delete(delete::DeleteArgs),
    Export(export::ExportArgs),
    Import(import::ImportArgs),
    Status(status::StatusArgs),
    Bench(bench::BenchArgs),
}

/// What is about this program itself.
#[derive(Debug, Subcommand)]
pub enum OfProgram {
    Completions(completions::CompletionsArgs),
    Man(man::ManArgs),
}

impl Command {
    /// Its name on the command line.
    pub fn name(&self) -> &'static str {
        match self {
            Self::OfProgram(OfProgram::Completions(_)) => "completions",
            Self::OfProgram(OfProgram::Man(_)) => "man",
            Self::OfServer(command) => match **command {
                OfServer::Append(_) => "append",
                OfServer::Scan(_) => "scan",
                OfServer::Tail(_) => "tail",
                OfServer::Count(_) => "count",
                OfServer::Keys(_) => "keys",
                OfServer::Segments(_) => "segments",
                OfServer::Cursors(_) => "cursors",
                OfServer::Trim(_) => "trim",
                OfServer::Delete(_) => "delete",
                OfServer::Export(_) => "export",
                OfServer::Import(_) => "import",
                OfServer::Status(_) => "status",
                OfServer::Bench(_) => "bench",
            },
        }
    }
}

/// What a command has of the process.
pub(crate) struct Process {
    /// The command line, to make others of it.
    pub(crate) invocation: Invocation,
    /// Signals.
    pub(crate) interrupt: Interrupt,
}

impl Process {
    /// The end by a signal; `note` is said on standard error.
    pub(crate) fn interrupted(code: u8, note: &str) -> Failure {
        crate::output::note(note);
        Failure::new(code, "")
    }
}

pub(crate) fn run(command: Command, program: clap::Command, arguments: Vec<OsString>) -> Outcome {
    let command = match command {
        Command::OfProgram(OfProgram::Completions(args)) => return args.run(program),
        Command::OfProgram(OfProgram::Man(args)) => return args.run(program),
        Command::OfServer(command) => *command,
    };
    // Before signals are handled: Ctrl-C is an answer, too.
    match &command {
        OfServer::Trim(args) => args.confirm()?,
        OfServer::Delete(args) => args.confirm()?,
        OfServer::Cursors(args) => args.confirm()?,
        _ => {}
    }
    // The lines of an import are parsed by a thread of their own.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure::io("cannot start threads", &error))?;
    let outcome = runtime.block_on(async {
        let process = Process {
            invocation: Invocation::new(arguments),
            interrupt: Interrupt::new()?,
        };
        run_with_server(command, process).await
    });
    // A thread that reads standard input must not keep the process.
    runtime.shutdown_background();
    outcome
}

async fn run_with_server(command: OfServer, process: Process) -> Outcome {
    match command {
        OfServer::Append(args) => args.run(process).await,
        OfServer::Scan(args) => args.run(process).await,
        OfServer::Tail(args) => args.run(process).await,
        OfServer::Count(args) => args.run(process).await,
        OfServer::Keys(args) => args.run(process).await,
        OfServer::Segments(args) => args.run(process).await,
        OfServer::Cursors(args) => args.run(process).await,
        OfServer::Trim(args) => args.run(process).await,
        OfServer::Delete(args) => args.run(process).await,
        OfServer::Export(args) => args.run(process).await,
        OfServer::Import(args) => args.run(process).await,
        OfServer::Status(args) => args.run(process).await,
        OfServer::Bench(args) => args.run(process).await,
    }
}
