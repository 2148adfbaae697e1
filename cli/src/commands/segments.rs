//! `opendata-log segments`.

use clap::Args;

use super::Process;
use super::scan::RangeArgs;
use crate::arguments::{OutputArg, OutputKind};
use crate::connection::ConnectionArgs;
use crate::exit::Outcome;
use crate::json;
use crate::output::Output;
use crate::partitions::PartitionArg;
use crate::table::table;
use crate::text;

const EXAMPLES: &str = "\
Examples:
  opendata-log segments
  opendata-log segments --output json";

/// List the segments of the log: the windows that records are stored in, and removed by.
///
/// Each partition of a cluster has its own: give --partition there. With --output raw, the first sequence of each.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct SegmentsArgs {
    #[command(flatten)]
    range: RangeArgs,
    #[command(flatten)]
    partition: PartitionArg,
    #[command(flatten)]
    output: OutputArg,
    #[command(flatten)]
    connection: ConnectionArgs,
}

impl SegmentsArgs {
    pub(crate) async fn run(self, mut process: Process) -> Outcome {
        let range = self.range.bounds()?;
        let server = self.connection.server()?;
        let client = self.partition.of(&server.client);
        let segments = tokio::select! {
            segments = server.within(client.segments(range)) => segments?,
            code = process.interrupt.wait() => return Err(Process::interrupted(code, "interrupted")),
        };
        let mut output = Output::new(self.output.output);
        match output.kind() {
            OutputKind::Auto => {
                let rows = segments.iter().map(|segment| {
                    [
                        segment.id.to_string(),
                        segment.start_sequence.to_string(),
                        text::time(segment.start_time_ms),
                    ]
                });
                let header = ["SEGMENT", "FIRST SEQUENCE", "STARTED"];
                output.text(&table(header, &[0, 1], rows))?;
            }
            OutputKind::Json => {
                for segment in &segments {
                    output.json(&json::SegmentOut::of(segment))?;
                }
            }
            OutputKind::Raw => {
                for segment in &segments {
                    output.line(&segment.start_sequence.to_string())?;
                }
            }
        }
        output.flush()
    }
}
