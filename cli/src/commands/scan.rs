//! `opendata-log scan`.

use clap::Args;
use futures::FutureExt;
use opendata_log::{LogClient, ReadOptions, Records, Visibility};

use super::Process;
use crate::arguments::{Keys, KeysArg, OutputArg, at_least_one};
use crate::connection::{ConnectionArgs, Server};
use crate::exit::{Failure, Outcome};
use crate::output::{Output, note};
use crate::partitions::{Part, PartitionArg, Parts};

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
/// characters escaped. Headers follow on lines of their own. The partitions of a cluster are read one after another, each in its order; a
/// line then begins with PARTITION:SEQUENCE.
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
    partition: PartitionArg,
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
        self.range.bounds()?;
        let server = self.connection.server()?;
        let parts = tokio::select! {
            parts = self.partition.parts(&server, &keys) => parts?,
            code = process.interrupt.wait() => return Err(Process::interrupted(code, "interrupted")),
        };
        parts.take_sequence("--from", Some(self.range.from))?;
        parts.take_sequence("--to", self.range.to)?;
        let mut output = Output::new(self.output.output);
        let mut left = self.limit.unwrap_or(u64::MAX);
        for (at, part) in parts.all().iter().enumerate() {
            let records = self.read(&part.of(&server.client), &keys)?;
            let place = Place {
                server: &server,
                parts: &parts,
                at,
            };
            left = self
                .print(&mut process, &mut output, &keys, place, records, left)
                .await?;
            if left == 0 {
                break;
            }
        }
        Ok(())
    }

    fn read(&self, client: &LogClient, keys: &Keys) -> Outcome<Records> {
        let range = self.range.bounds()?;
        let page = self.limit.map_or(PAGE, |limit| limit.min(PAGE));
        let mut options = ReadOptions::new().page(page);
        if self.durable {
            options = options.visibility(Visibility::Durable);
        }
        Ok(match (keys, self.last) {
            (Keys::One(key), Some(last)) => client.last_with(key.clone(), last, options),
            (Keys::One(key), None) => client.scan_with(key.clone(), range, options),
            (Keys::Prefix(_), _) => client.scan_several(keys.selection(), range, options),
        })
    }

    /// Prints what is read in one place, and no more than `left` records. Gives how many are left after it.
    async fn print(
        &self,
        process: &mut Process,
        output: &mut Output,
        keys: &Keys,
        place: Place<'_>,
        mut records: Records,
        mut left: u64,
    ) -> Outcome<u64> {
        let (key, part) = (keys.of_unnamed(), place.part());
        while left > 0 {
            let next = match records.next().now_or_never() {
                Some(next) => next.transpose().map_err(Failure::from),
                None => {
                    let asked = async { records.next().await.transpose() };
                    tokio::select! {
                        next = place.server.within(asked) => next,
                        code = process.interrupt.wait() => {
                            output.flush()?;
                            let next = records.next_sequence();
                            return Err(self.interrupted(process, code, place, next, left));
                        }
                    }
                }
            };
            let next = next.map_err(|failure| {
                self.stopped(process, failure, place, records.next_sequence(), left)
            })?;
            let Some(record) = next else { break };
            output.record(&record, &key, part.shown())?;
            left -= 1;
        }
        output.flush()?;
        if let Some(floor) = records.trimmed_before() {
            note(&part.trimmed(floor));
        }
        if self.last.is_some() && records.more() {
            note(
                "the server ended the page early: there may be older ones of the records that were asked for",
            );
        }
        Ok(left)
    }

    fn interrupted(
        &self,
        process: &Process,
        code: u8,
        place: Place<'_>,
        next: u64,
        left: u64,
    ) -> Failure {
        let note = match self.resume(process, place, next, left) {
            Some(command) => format!("interrupted; to resume: {command}"),
            None => "interrupted".to_owned(),
        };
        Process::interrupted(code, &note)
    }

    /// A failure, of which some records were printed before.
    fn stopped(
        &self,
        process: &Process,
        failure: Failure,
        place: Place<'_>,
        next: u64,
        left: u64,
    ) -> Failure {
        match self.resume(process, place, next, left) {
            Some(command) if next > self.range.from || place.at > 0 => failure.resumed_by(&command),
            _ => failure,
        }
    }

    fn resume(&self, process: &Process, place: Place<'_>, next: u64, left: u64) -> Option<String> {
        let mut added = place.parts.options_from(place.at, next);
        if self.limit.is_some() {
            added.extend(["--limit".to_owned(), left.to_string()]);
        }
        let added: Vec<&str> = added.iter().map(String::as_str).collect();
        let command = process.invocation.with(&["--from", "--limit"], &added);
        let command = command + &place.parts.after(place.at);
        self.last.is_none().then_some(command)
    }
}

/// Where a scan is.
#[derive(Clone, Copy)]
struct Place<'a> {
    server: &'a Server,
    parts: &'a Parts,
    at: usize,
}

impl Place<'_> {
    fn part(self) -> Part {
        self.parts.all()[self.at]
    }
}
