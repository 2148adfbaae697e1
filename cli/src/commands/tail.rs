//! `opendata-log tail`.

use std::time::Duration;

use bytes::Bytes;
use clap::Args;
use futures::stream::{BoxStream, select_all, unfold};
use futures::{FutureExt, StreamExt};
use opendata_log::{Error, LogClient, ReadOptions, Records, SequencedRecord, Visibility};

use super::Process;
use crate::arguments::{Keys, KeysArg, OutputArg, at_least_one};
use crate::connection::{ConnectionArgs, Server};
use crate::exit::{Failure, Outcome};
use crate::output::{Output, note};
use crate::partitions::{Part, PartitionArg, Parts, Start};
use crate::signals::reader_left;

/// A server is waited for as long as it takes.
const PATIENCE: Duration = Duration::from_secs(10 * 365 * 24 * 3600);
/// How many records come before the new ones if nothing else is said.
const LAST: u64 = 10;
/// How many partitions are asked at a time where they end.
const AT_A_TIME: usize = 16;

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
/// none of them is. With a prefix, it begins with the records that are not durable yet. All partitions of a cluster are followed at once, each
/// in its order; a line then begins with PARTITION:SEQUENCE.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct TailArgs {
    #[command(flatten)]
    keys: KeysArg,
    /// Begin at this sequence. Where several partitions are followed, a sequence of each, such as 0:12,1:40; one that is not named begins as
    /// without this. 0 is the beginning of all.
    #[arg(long, value_name = "SEQUENCE", value_parser = Start::parse)]
    from: Option<Start>,
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
    partition: PartitionArg,
    #[command(flatten)]
    output: OutputArg,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// A record that arrived.
struct Followed {
    /// The place of its part among all.
    at: usize,
    record: SequencedRecord,
    /// Where the part goes on after it.
    next: u64,
    trimmed: Option<u64>,
}

impl TailArgs {
    pub(crate) async fn run(self, mut process: Process) -> Outcome {
        let keys = self.keys.keys()?;
        let server = self.connection.server()?;
        let client = self.connection.patient_server(PATIENCE)?.client;
        let mut output = Output::new(self.output.output);
        let key = keys.of_unnamed();
        let mut left = self.limit.unwrap_or(u64::MAX);
        let begun = async {
            let parts = self.partition.parts(&server, &keys).await?;
            let (next, shown) = self.begin(&server, &keys, &parts, &mut output).await?;
            Outcome::Ok((parts, next, shown))
        };
        let (parts, mut next, shown) = tokio::select! {
            begun = begun => begun?,
            code = process.interrupt.wait() => return Err(Process::interrupted(code, "interrupted")),
        };
        left = left.saturating_sub(shown);
        let streams = parts.all().iter().zip(&next).enumerate();
        let streams = streams.map(|(at, (part, next))| {
            let records = self.follow(&part.of(&client), &keys, *next);
            followed(at, records)
        });
        let mut records = select_all(streams);
        let mut trimmed = vec![None; next.len()];
        while left > 0 {
            let record = match records.next().now_or_never() {
                Some(record) => record,
                None => {
                    output.flush()?;
                    tokio::select! {
                        record = records.next() => record,
                        code = process.interrupt.wait() => {
                            let command = self.resume(&process, &parts, &next, left);
                            let note = format!("interrupted; to resume: {command}");
                            return Err(Process::interrupted(code, &note));
                        }
                        () = reader_left() => return Ok(()),
                    }
                }
            };
            let record = record.transpose().map_err(|error| {
                let command = self.resume(&process, &parts, &next, left);
                Failure::from(error).resumed_by(&command)
            })?;
            let Some(followed) = record else { break };
            let part: Part = parts.all()[followed.at];
            if followed.trimmed != trimmed[followed.at] {
                trimmed[followed.at] = followed.trimmed;
                output.flush()?;
                note(&part.trimmed(followed.trimmed.unwrap_or_default()));
            }
            output.record(&followed.record, &key, part.shown())?;
            next[followed.at] = followed.next.max(next[followed.at]);
            left -= 1;
        }
        output.flush()
    }

    /// The command that continues after what was printed.
    fn resume(&self, process: &Process, parts: &Parts, next: &[u64], left: u64) -> String {
        let (next, left) = (Start::shown(parts, next), left.to_string());
        let mut added = vec!["--from", &next];
        if self.limit.is_some() {
            added.extend(["--limit", &left]);
        }
        let dropped = ["--from", "--last", "--limit"];
        process.invocation.with(&dropped, &added)
    }

    /// Where each part begins, and how many records were printed that come before.
    async fn begin(
        &self,
        server: &Server,
        keys: &Keys,
        parts: &Parts,
        output: &mut Output,
    ) -> Outcome<(Vec<u64>, u64)> {
        let given = match &self.from {
            Some(start) => start.of(parts)?,
            None => vec![None; parts.all().len()],
        };
        if let (Keys::One(key), [None]) = (keys, given.as_slice()) {
            let (next, shown) = self.last(server, key, output).await?;
            return Ok((vec![next], shown));
        }
        let begins = parts
            .all()
            .iter()
            .zip(given)
            .map(|(part, given)| async move {
                if let Some(given) = given {
                    return Ok(given);
                }
                let client = part.of(&server.client);
                let status = server.within(client.status()).await?;
                Outcome::Ok(status.durable_sequence.unwrap_or(0))
            });
        let begins = futures::stream::iter(begins).buffered(AT_A_TIME);
        let begins: Vec<Outcome<u64>> = begins.collect().await;
        Ok((begins.into_iter().collect::<Outcome<_>>()?, 0))
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

    /// Prints what comes before the new records of a key. Gives where to continue, and how many it were.
    async fn last(&self, server: &Server, key: &Bytes, output: &mut Output) -> Outcome<(u64, u64)> {
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
            output.record(record, key, None)?;
            printed += 1;
        }
        Ok((next, printed))
    }
}

/// The records of the part at this place, as they arrive.
fn followed(at: usize, records: Records) -> BoxStream<'static, Result<Followed, Error>> {
    let next = move |mut records: Records| async move {
        let record = records.next().await?;
        let followed = record.map(|record| Followed {
            at,
            record,
            next: records.next_sequence(),
            trimmed: records.trimmed_before(),
        });
        Some((followed, records))
    };
    unfold(records, next).boxed()
}
