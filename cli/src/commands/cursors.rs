//! `opendata-log cursors`.

use clap::{Args, Subcommand};
use opendata_log::Cursor;

use super::Process;
use crate::arguments::{OutputArg, OutputKind};
use crate::connection::{ConnectionArgs, Server};
use crate::exit::{ANSWERED_WITH_ERROR, Failure, Outcome};
use crate::json;
use crate::output::{Output, confirm};
use crate::partitions::PartitionArg;
use crate::table::table;
use crate::text;

const EXAMPLES: &str = "\
Examples:
  opendata-log cursors set projection 2
  opendata-log cursors
  opendata-log cursors list --prefix proj --output json
  opendata-log cursors get projection --output raw
  opendata-log cursors set projection 3 --expected 2
  opendata-log cursors delete projection --yes";

const LIST_EXAMPLES: &str = "\
Examples:
  opendata-log cursors list
  opendata-log cursors list --prefix import/";

const GET_EXAMPLES: &str = "\
Examples:
  opendata-log cursors set projection 2
  opendata-log cursors get projection";

const SET_EXAMPLES: &str = "\
Examples:
  opendata-log cursors set projection 2
  opendata-log cursors set projection 3 --expected 2";

const DELETE_EXAMPLES: &str = "\
Examples:
  opendata-log cursors delete projection --yes";

/// List cursors, the named positions of consumers; read, move or delete one.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub struct CursorsArgs {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    list: ListArgs,
}

#[derive(Debug, Subcommand)]
enum Action {
    List(ListArgs),
    Get(GetArgs),
    Set(SetArgs),
    Delete(DeleteArgs),
}

/// List the cursors, in byte order, of all partitions (the default).
///
/// The lag is the number of sequences from the position to the end of the log, over all keys of its partition. With --output raw, a name a
/// line.
#[derive(Debug, Args)]
#[command(after_help = LIST_EXAMPLES)]
struct ListArgs {
    /// Only names that begin with this.
    #[arg(
        long,
        value_name = "PREFIX",
        default_value = "",
        hide_default_value = true
    )]
    prefix: String,
    #[command(flatten)]
    partition: PartitionArg,
    #[command(flatten)]
    output: OutputArg,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// Print the position of a cursor. Exit code 1 if there is none.
#[derive(Debug, Args)]
#[command(after_help = GET_EXAMPLES)]
struct GetArgs {
    /// Its name.
    name: String,
    #[command(flatten)]
    output: OutputArg,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// Move a cursor, forward or back, or create it.
#[derive(Debug, Args)]
#[command(after_help = SET_EXAMPLES)]
struct SetArgs {
    /// Its name.
    name: String,
    /// The sequence that is to be read next.
    position: u64,
    /// Only if it is there; one that does not exist is at 0. Otherwise exit code 5.
    #[arg(long, value_name = "POSITION")]
    expected: Option<u64>,
    #[command(flatten)]
    output: OutputArg,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// Delete a cursor. What it stands for begins anew.
#[derive(Debug, Args)]
#[command(after_help = DELETE_EXAMPLES)]
struct DeleteArgs {
    /// Its name.
    name: String,
    /// Without asking.
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    connection: ConnectionArgs,
}

impl CursorsArgs {
    /// Asks whether to do it, if it cannot be undone.
    pub(crate) fn confirm(&self) -> Outcome {
        match &self.action {
            Some(Action::Delete(args)) => {
                let name = text::shown(args.name.as_bytes());
                let url = args.connection.url();
                confirm(&format!("Delete the cursor {name} at {url}?"), args.yes)
            }
            _ => Ok(()),
        }
    }

    pub(crate) async fn run(self, mut process: Process) -> Outcome {
        let done = async {
            match self.action.unwrap_or(Action::List(self.list)) {
                Action::List(args) => args.run().await,
                Action::Get(args) => args.run().await,
                Action::Set(args) => args.run().await,
                Action::Delete(args) => args.run().await,
            }
        };
        tokio::select! {
            done = done => done,
            code = process.interrupt.wait() => Err(Process::interrupted(code, "interrupted")),
        }
    }
}

impl ListArgs {
    async fn run(self) -> Outcome {
        let server = self.connection.server()?;
        let client = self.partition.of(&server.client);
        let cursors = server.within(client.cursors(&self.prefix)).await?;
        print(&cursors, self.output.output, |cursor| cursor.name.clone())
    }
}

impl GetArgs {
    async fn run(self) -> Outcome {
        let server = self.connection.server()?;
        let cursor = server.within(server.client.cursor(&self.name)).await?;
        let cursor = cursor.ok_or_else(|| missing(&self.name, &server))?;
        print(&[cursor], self.output.output, |cursor| {
            cursor.position.to_string()
        })
    }
}

impl SetArgs {
    async fn run(self) -> Outcome {
        let server = self.connection.server_for_change()?;
        let moved = server
            .client
            .move_cursor(&self.name, self.position, self.expected);
        let cursor = server.repeatable_within(moved).await?;
        print(&[cursor], self.output.output, |cursor| {
            cursor.position.to_string()
        })
    }
}

impl DeleteArgs {
    async fn run(self) -> Outcome {
        let server = self.connection.server_for_change()?;
        let name = text::shown(self.name.as_bytes());
        let deleted = server.client.delete_cursor(&self.name);
        match server.repeatable_within(deleted).await? {
            true => {
                let mut output = Output::new(OutputKind::Auto);
                output.line(&format!("deleted the cursor {name}"))?;
                output.flush()
            }
            false => Err(missing(&self.name, &server)),
        }
    }
}

fn missing(name: &str, server: &Server) -> Failure {
    let name = text::shown(name.as_bytes());
    let url = server.url();
    Failure::new(
        ANSWERED_WITH_ERROR,
        format!("there is no cursor {name} at {url}"),
    )
}

fn print(cursors: &[Cursor], kind: OutputKind, raw: impl Fn(&Cursor) -> String) -> Outcome {
    let mut output = Output::new(kind);
    match kind {
        OutputKind::Json => {
            for cursor in cursors {
                output.json(&json::CursorOut::of(cursor))?;
            }
        }
        OutputKind::Raw => {
            for cursor in cursors {
                output.line(&raw(cursor))?;
            }
        }
        OutputKind::Auto => {
            let rows = cursors.iter().map(|cursor| {
                [
                    text::shown(cursor.name.as_bytes()),
                    cursor.position.to_string(),
                    text::number(cursor.lag),
                    text::time(cursor.updated_ms),
                ]
            });
            let header = ["CURSOR", "POSITION", "LAG", "MOVED"];
            output.text(&table(header, &[1, 2], rows))?;
        }
    }
    output.flush()
}
