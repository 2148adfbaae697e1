//! `opendata-log trim`.

use clap::Args;

use super::Process;
use crate::arguments::{OutputArg, OutputKind};
use crate::connection::ConnectionArgs;
use crate::exit::{Failure, Outcome};
use crate::json::FloorOut;
use crate::output::{Output, confirm};
use crate::partitions::PartitionArg;
use crate::text;

/// What an interrupt leaves.
pub(super) const MAYBE: &str = "interrupted; it is not known whether the change was made";

const EXAMPLES: &str = "\
Examples:
  opendata-log trim --before 2 --yes
  opendata-log trim --before-time 2020-01-01T00:00:00Z --yes --output json";

/// Remove the oldest records of all keys, for good.
///
/// Asks before, or needs --yes. Prints the floor of the log: the first sequence that can still be there. Needs the right `admin`. If it
/// is not known whether it was done (exit code 7), run it again: a floor never goes back. Each partition of a cluster is trimmed for itself: give
/// --partition there.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct TrimArgs {
    #[command(flatten)]
    before: Before,
    #[command(flatten)]
    partition: PartitionArg,
    /// Without asking.
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    output: OutputArg,
    #[command(flatten)]
    connection: ConnectionArgs,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Before {
    /// Remove records with lower sequences.
    #[arg(long, value_name = "SEQUENCE")]
    before: Option<u64>,
    /// Remove whole segments that are older than this time, such as 2026-01-31T00:00:00Z.
    #[arg(long, value_name = "TIME", value_parser = unix_ms)]
    before_time: Option<u64>,
}

/// A time in UTC as milliseconds since the Unix epoch.
fn unix_ms(text: &str) -> Result<u64, String> {
    let wrong = "write a time in UTC such as 2026-01-31T00:00:00Z";
    let time = humantime::parse_rfc3339_weak(text).map_err(|error| format!("{error}: {wrong}"))?;
    let since = time.duration_since(std::time::UNIX_EPOCH);
    let since = since.map_err(|_| format!("it is before 1970: {wrong}"))?;
    u64::try_from(since.as_millis()).map_err(|error| error.to_string())
}

impl TrimArgs {
    /// Asks whether to do it.
    pub(crate) fn confirm(&self) -> Outcome {
        let what = match (self.before.before, self.before.before_time) {
            (Some(before), _) => format!("below sequence {before}"),
            (None, Some(time)) => {
                let time = text::time(i64::try_from(time).unwrap_or(i64::MAX));
                format!("in segments before {time}")
            }
            (None, None) => return Err(Failure::usage("give --before or --before-time")),
        };
        let question = format!(
            "Remove all records {what} from {}the log at {}, for good?",
            self.partition.shown(),
            self.connection.url()
        );
        confirm(&question, self.yes)
    }

    pub(crate) async fn run(self, mut process: Process) -> Outcome {
        let server = self.connection.server_for_change()?;
        let client = self.partition.of(&server.client);
        let trimmed = async {
            match (self.before.before, self.before.before_time) {
                (Some(before), _) => client.trim_before(before).await,
                (_, time) => client.trim_before_time(time.unwrap_or_default()).await,
            }
        };
        let floor = tokio::select! {
            floor = server.repeatable_within(trimmed) => floor?,
            code = process.interrupt.wait() => return Err(Process::interrupted(code, MAYBE)),
        };
        print_floor(floor, self.output.output, "the log begins at sequence")
    }
}

/// Prints the floor that a trim or a deletion was answered with.
pub(super) fn print_floor(floor: u64, kind: OutputKind, what: &str) -> Outcome {
    let mut output = Output::new(kind);
    match kind {
        OutputKind::Json => output.json(&FloorOut {
            trimmed_before: floor,
        })?,
        OutputKind::Raw => output.line(&floor.to_string())?,
        OutputKind::Auto => output.line(&format!("{what} {floor}"))?,
    }
    output.flush()
}
