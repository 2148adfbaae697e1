//! `opendata-log delete`.

use clap::Args;

use super::Process;
use super::trim::{MAYBE, print_floor};
use crate::arguments::{KeyArg, OutputArg};
use crate::connection::ConnectionArgs;
use crate::exit::Outcome;
use crate::output::confirm;
use crate::text;

const EXAMPLES: &str = "\
Examples:
  opendata-log delete customer-4711 --yes
  opendata-log delete orders --before 2 --yes";

/// Delete the records of a key, for good.
///
/// Asks before, or needs --yes. Prints the floor of the key: the first sequence that a record of it can still have. The server removes the
/// bytes from storage later. Needs the right `admin`. If it is not known whether it was done (exit code 7), run it again; without
/// --before, that also deletes what was appended meanwhile.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct DeleteArgs {
    #[command(flatten)]
    key: KeyArg,
    /// Only records with lower sequences.
    #[arg(long, value_name = "SEQUENCE")]
    before: Option<u64>,
    /// Without asking.
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    output: OutputArg,
    #[command(flatten)]
    connection: ConnectionArgs,
}

impl DeleteArgs {
    /// Asks whether to do it.
    pub(crate) fn confirm(&self) -> Outcome {
        let key = self.key.key()?;
        let shown = text::shown(&key);
        let which = match self.before {
            Some(before) => format!("the records below sequence {before}"),
            None => "all records".to_owned(),
        };
        let url = self.connection.url();
        let question = format!("Delete {which} of the key {shown} in the log at {url}, for good?");
        confirm(&question, self.yes)
    }

    pub(crate) async fn run(self, mut process: Process) -> Outcome {
        let key = self.key.key()?;
        let server = self.connection.server_for_change()?;
        let shown = text::shown(&key);
        let deleted = server.client.delete_key(key, self.before);
        let floor = tokio::select! {
            floor = server.repeatable_within(deleted) => floor?,
            code = process.interrupt.wait() => return Err(Process::interrupted(code, MAYBE)),
        };
        let what = format!("the key {shown} begins at sequence");
        print_floor(floor, self.output.output, &what)
    }
}
