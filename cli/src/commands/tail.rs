//! `opendata-log tail`.

use std::time::Duration;

use clap::Args;
use futures::FutureExt;
use opendata_log::{LogClient, ReadOptions, Records, Visibility};

use super::Process;
use crate::arguments::{Keys, KeysArg, OutputArg, at_least_one};
use crate::connection::{ConnectionArgs, Server};
use crate::exit::{Failure, Outcome};
use crate::output::{Output, note};
use crate::signals::reader_left;

/// A server is waited for as long as it takes.
const PATIENCE: Duration = Duration::from_secs(10 * 365 * 24 * 3600);
/// How many records come before the new ones if nothing else is said.
const LAST: u64 = 10;

const EXAMPLES: &str = "\
Examples:
  opendata-log tail orders
  opendata-log tail orders --last 100 --output json
  opendata-log tail orders --from 0 --limit 3
  opendata-log tail --prefix orders/";

/// Follow a key, or all keys with a prefix: the last 10 records of a key, and then each new one as it arrives.
///
/// It continues through restarts of the server, without a gap and without a repetition, until it is interrupted; then it says the
/// command that resumes it. Records that are lost in a crash of the server before they were durable may have been shown; with --durable
/// none of them is. With a prefix, it begins with the records that are not durable yet.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct TailArgs {
    #[command(flatten)]
    keys: KeysArg,
    /// Begin at this sequence.
    #[arg(long, value_name = "SEQUENCE")]
    from: Option<u64>,
    /// Begin with the last so many records; not with a prefix.
    #[arg(long, value_name = "N", conflicts_with_all = ["prefix", "prefix_base64", "from"])]
    last: Option<u64>,
    /// End after so many records.
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

impl TailArgs {
    pub(crate) async fn run(self, mut process: Process) -> Outcome {
        let keys = self.keys.keys()?;
        let server = self.connection.server()?;
        let client = self.connection.patient_server(PATIENCE)?.client;
        let mut output = Output::new(self.output.output);
        let key = keys.of_unnamed();
        let mut left = self.limit.unwrap_or(u64::MAX);
        let mut next = match self.from {
            Some(from) => from,
            None => {
                let last = self.last(&server, &keys, &mut output);
                tokio::select! {
                    last = last => {
                        let (next, shown) = last?;
                        left = left.saturating_sub(shown);
                        next
                    }
                    code = process.interrupt.wait() => return Err(Process::interrupted(code, "interrupted")),
                }
            }
        };
        let mut records = self.follow(&client, &keys, next);
        let mut trimmed = None;
        while left > 0 {
            let record = match records.next().now_or_never() {
                Some(record) => record,
                None => {
                    output.flush()?;
                    tokio::select! {
                        record = records.next() => record,
                        code = process.interrupt.wait() => {
                            let command = self.resume(&process, next, left);
                            let note = format!("interrupted; to resume: {command}");
                            return Err(Process::interrupted(code, &note));
                        }
                        () = reader_left() => return Ok(()),
                    }
                }
            };
            let record = record.transpose().map_err(|error| {
                let command = self.resume(&process, next, left);
                Failure::from(error).resumed_by(&command)
            })?;
            let Some(record) = record else { break };
            if records.trimmed_before() != trimmed {
                trimmed = records.trimmed_before();
                let floor = trimmed.unwrap_or_default();
                output.flush()?;
                note(&format!(
                    "records below sequence {floor} were trimmed or deleted"
                ));
            }
            output.record(&record, &key)?;
            next = records.next_sequence().max(next);
            left -= 1;
        }
        output.flush()
    }

    /// The command that continues after what was printed.
    fn resume(&self, process: &Process, next: u64, left: u64) -> String {
        let (next, left) = (next.to_string(), left.to_string());
        let mut added = vec!["--from", &next];
        if self.limit.is_some() {
            added.extend(["--limit", &left]);
        }
        let dropped = ["--from", "--last", "--limit"];
        process.invocation.with(&dropped, &added)
    }

    fn follow(&self, client: &LogClient, keys: &Keys, from: u64) -> Records {
        let options = self.options();
        match keys {
            Keys::One(key) => client.tail_with(key.clone(), from, options),
            Keys::Prefix(_) => client.tail_several(keys.selection(), from, options),
        }
    }

    fn options(&self) -> ReadOptions {
        match self.durable {
            true => ReadOptions::new().visibility(Visibility::Durable),
            false => ReadOptions::new(),
        }
    }

    /// Prints what comes before the new records. Gives where to continue, and how many it were.
    async fn last(&self, server: &Server, keys: &Keys, output: &mut Output) -> Outcome<(u64, u64)> {
        let Keys::One(key) = keys else {
            let status = server.within(server.client.status()).await?;
            return Ok((status.durable_sequence.unwrap_or(0), 0));
        };
        let wanted = self.last.unwrap_or(LAST);
        let shown = wanted.min(self.limit.unwrap_or(u64::MAX));
        // Where the key ends is known with its last record.
        let asked = wanted.max(1);
        let mut records = server.client.last_with(key.clone(), asked, self.options());
        let mut found = Vec::new();
        while let Some(record) = server
            .within(async { records.next().await.transpose() })
            .await?
        {
            found.push(record);
        }
        let skipped = match wanted {
            0 => found.len(),
            _ => 0,
        };
        let mut next = records.next_sequence();
        let mut printed = 0;
        for record in found.iter().skip(skipped) {
            if printed == shown {
                next = record.sequence;
                break;
            }
            output.record(record, key)?;
            printed += 1;
        }
        Ok((next, printed))
    }
}
