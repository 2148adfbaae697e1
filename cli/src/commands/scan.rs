//! `opendata-log scan`.

use clap::Args;
use futures::FutureExt;
use opendata_log::{ReadOptions, Records, Visibility};

use super::Process;
use crate::arguments::{Keys, KeysArg, OutputArg, at_least_one};
use crate::connection::ConnectionArgs;
use crate::exit::{Failure, Outcome};
use crate::output::{Output, note};

/// How many records are asked for at a time.
const PAGE: u64 = 10_000;

const EXAMPLES: &str = "\
Examples:
  opendata-log scan orders
  opendata-log scan orders --last 3
  opendata-log scan orders --from 10 --to 20 --output json
  opendata-log scan --prefix orders/ --limit 100
  opendata-log scan orders --output raw | head -1";

/// Read the records of a key, or of all keys with a prefix, in order.
///
/// For people, a line has the sequence, the time, the key if there are several, and the value: text as it is, other bytes as \xff, control
/// characters escaped. Headers follow on lines of their own.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ScanArgs {
    #[command(flatten)]
    keys: KeysArg,
    #[command(flatten)]
    range: RangeArgs,
    /// The last so many records, in order; not with a prefix. At most as many as the server has in a page (10,000 by default).
    #[arg(long, value_name = "N", value_parser = at_least_one, conflicts_with_all = ["prefix", "prefix_base64", "from", "to", "limit"])]
    last: Option<u64>,
    /// No more records than this.
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    limit: Option<u64>,
    /// Only records that are on object storage, which no crash can undo.
    #[arg(long)]
    durable: bool,
    #[command(flatten)]
    output: OutputArg,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// A part of the log.
#[derive(Debug, Args)]
pub(crate) struct RangeArgs {
    /// The first sequence.
    #[arg(
        long,
        value_name = "SEQUENCE",
        default_value_t = 0,
        hide_default_value = true
    )]
    pub(crate) from: u64,
    /// The sequence to stop before.
    #[arg(long, value_name = "SEQUENCE")]
    pub(crate) to: Option<u64>,
}

impl RangeArgs {
    /// It, if it does not end before it begins.
    pub(crate) fn bounds(&self) -> Outcome<(std::ops::Bound<u64>, std::ops::Bound<u64>)> {
        use std::ops::Bound::{Excluded, Included, Unbounded};
        match self.to {
            Some(to) if to < self.from => Err(Failure::usage(format!(
                "--to {to} is before --from {}",
                self.from
            ))),
            to => Ok((Included(self.from), to.map_or(Unbounded, Excluded))),
        }
    }
}

impl ScanArgs {
    pub(crate) async fn run(self, mut process: Process) -> Outcome {
        let keys = self.keys.keys()?;
        let range = self.range.bounds()?;
        let server = self.connection.server()?;
        let page = self.limit.map_or(PAGE, |limit| limit.min(PAGE));
        let mut options = ReadOptions::new().page(page);
        if self.durable {
            options = options.visibility(Visibility::Durable);
        }
        let mut records: Records = match (&keys, self.last) {
            (Keys::One(key), Some(last)) => server.client.last_with(key.clone(), last, options),
            (Keys::One(key), None) => server.client.scan_with(key.clone(), range, options),
            (Keys::Prefix(_), _) => {
                let keys = keys.selection();
                server.client.scan_several(keys, range, options)
            }
        };
        let mut output = Output::new(self.output.output);
        let key = keys.of_unnamed();
        let mut left = self.limit.unwrap_or(u64::MAX);
        while left > 0 {
            let next = match records.next().now_or_never() {
                Some(next) => next.transpose().map_err(Failure::from),
                None => {
                    let asked = async { records.next().await.transpose() };
                    tokio::select! {
                        next = server.within(asked) => next,
                        code = process.interrupt.wait() => {
                            output.flush()?;
                            return Err(self.interrupted(&process, code, records.next_sequence(), left));
                        }
                    }
                }
            };
            let next = next.map_err(|failure| {
                self.stopped(&process, failure, records.next_sequence(), left)
            })?;
            let Some(record) = next else { break };
            output.record(&record, &key)?;
            left -= 1;
        }
        output.flush()?;
        if let Some(floor) = records.trimmed_before() {
            note(&format!(
                "records below sequence {floor} were trimmed or deleted"
            ));
        }
        if self.last.is_some() && records.more() {
            note(
                "the server ended the page early: there may be older ones of the records that were asked for",
            );
        }
        Ok(())
    }

    fn interrupted(&self, process: &Process, code: u8, next: u64, left: u64) -> Failure {
        let note = match self.resume(process, next, left) {
            Some(command) => format!("interrupted; to resume: {command}"),
            None => "interrupted".to_owned(),
        };
        Process::interrupted(code, &note)
    }

    /// A failure, of which some records were printed before.
    fn stopped(&self, process: &Process, failure: Failure, next: u64, left: u64) -> Failure {
        match self.resume(process, next, left) {
            Some(command) if next > self.range.from => failure.resumed_by(&command),
            _ => failure,
        }
    }

    fn resume(&self, process: &Process, next: u64, left: u64) -> Option<String> {
        let (next, left) = (next.to_string(), left.to_string());
        let mut added = vec!["--from", &next];
        if self.limit.is_some() {
            added.extend(["--limit", &left]);
        }
        let command = process.invocation.with(&["--from", "--limit"], &added);
        self.last.is_none().then_some(command)
    }
}
