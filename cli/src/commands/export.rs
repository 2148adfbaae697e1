//! `opendata-log export`.

mod file;

use std::ops::Bound::{self, Excluded, Included, Unbounded};
use std::path::PathBuf;

use clap::Args;
use futures::FutureExt;
use opendata_log::{LogClient, ReadOptions, Records, Visibility};

use super::Process;
use crate::arguments::{Keys, from_base64};
use crate::connection::{ConnectionArgs, PATIENCE, Server};
use crate::exit::{ANSWERED_WITH_ERROR, Failure, Outcome};
use crate::json;
use crate::output::note;
use crate::partitions::{Part, PartitionArg, Parts};
use crate::progress::{Progress, rate};
use crate::text;

use file::{LastLine, Target};

/// How many records are asked for at a time.
const PAGE: u64 = 10_000;

const EXAMPLES: &str = "\
Examples:
  opendata-log export > log.jsonl
  opendata-log export --prefix orders/ --to exported.jsonl
  opendata-log export --from 2 --before 4
  opendata-log export --to whole.jsonl
  opendata-log export --to whole.jsonl --resume";

/// Write records as lines of JSON, to standard output or a file: the whole log, a key, or all keys with a prefix.
///
/// A line has `sequence`, `key`, `value`, `timestampMs` and, if there are any, `headers`; bytes are base64. `import` reads such lines.
/// The records come in the order of the log, up to its end at the time. An export continues through restarts of the server; a file that is
/// not complete is continued with --resume, after its last whole line.
///
/// The partitions of a cluster come one after another, each in its order, so the order of each key is kept; `import` appends them to a log
/// of any number of partitions. To go on with an export later, give each partition a file of its own.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ExportArgs {
    /// Only this key.
    #[arg(value_name = "KEY", conflicts_with_all = ["prefix", "prefix_base64", "key_base64"])]
    key: Option<String>,
    /// The key, in base64: for bytes that are no text.
    #[arg(long, value_name = "BASE64", value_parser = from_base64)]
    key_base64: Option<bytes::Bytes>,
    /// Only keys that begin with this.
    #[arg(long, value_name = "PREFIX", conflicts_with = "key_base64")]
    prefix: Option<String>,
    /// The same, in base64.
    #[arg(long, value_name = "BASE64", value_parser = from_base64, conflicts_with_all = ["key_base64", "prefix"])]
    prefix_base64: Option<bytes::Bytes>,
    /// Write to this file, which must not exist yet.
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
    /// Continue the file after its last whole line. Give the same keys and the same server as before.
    #[arg(long, requires = "to", conflicts_with = "from")]
    resume: bool,
    /// The first sequence.
    #[arg(long, value_name = "SEQUENCE")]
    from: Option<u64>,
    /// The sequence to stop before.
    #[arg(long, value_name = "SEQUENCE")]
    before: Option<u64>,
    /// Only records that are on object storage, which no crash can undo.
    #[arg(long)]
    durable: bool,
    /// Show no progress.
    #[arg(long, short)]
    quiet: bool,
    #[command(flatten)]
    partition: PartitionArg,
    #[command(flatten)]
    connection: ConnectionArgs,
}

impl ExportArgs {
    pub(crate) async fn run(self, mut process: Process) -> Outcome {
        let keys = self.keys()?;
        let server = self.connection.server()?;
        let client = self.connection.patient_server(PATIENCE)?.client;
        // The first answer comes soon, or not at all.
        let asked = async {
            let parts = self.partition.parts(&server, &keys).await?;
            let end = match parts.all() {
                [one] => self.end_of(&server, *one).await?,
                _ => None,
            };
            Outcome::Ok((parts, end))
        };
        let (parts, end) = tokio::select! {
            asked = asked => asked?,
            code = process.interrupt.wait() => return Err(Process::interrupted(code, "interrupted")),
        };
        parts.take_sequence("--from", self.from)?;
        parts.take_sequence("--before", self.before)?;
        let (mut target, last) = Target::open(self.to.as_deref(), self.resume, &keys)?;
        let first = last.as_ref().map_or(0, |last| parts.place_of(&last.key));
        if let Some(last) = &last {
            self.is_from(&server, parts.all()[first], &keys, last)
                .await?;
        }
        let after = last.map(|last| last.sequence + 1);
        let from = after.or(self.from).unwrap_or(0);
        if self.before.is_some_and(|before| before < from) {
            target.finish()?;
            return Ok(());
        }
        let progress = Progress::new("exported", end, from, self.quiet || !target.is_file());
        let mut export = Running {
            args: &self,
            keys,
            parts,
            target,
            progress,
            written: 0,
        };
        for at in first..export.parts.all().len() {
            let from = if at == first { from } else { 0 };
            export.write(&client, &mut process, at, from).await?;
        }
        export.target.finish()?;
        let elapsed = export.progress.finish();
        if !self.quiet {
            let records = text::count(export.written, "record");
            let (what, to) = (export.keys.shown(), export.target.shown());
            let rate = rate(export.written, elapsed);
            note(&format!("exported {records} of {what} to {to}, {rate}"));
        }
        Ok(())
    }

    /// Where an export of one part ends, as far as it is known.
    async fn end_of(&self, server: &Server, part: Part) -> Outcome<Option<u64>> {
        let client = part.of(&server.client);
        let status = server.within(client.status()).await?;
        Ok(self.before.or(status.durable_sequence))
    }

    fn keys(&self) -> Outcome<Keys> {
        let key = self.key.clone().map(Into::into);
        let key: Option<bytes::Bytes> = key.or_else(|| self.key_base64.clone());
        let prefix = self.prefix.clone().map(Into::into);
        let prefix: Option<bytes::Bytes> = prefix.or_else(|| self.prefix_base64.clone());
        match key {
            Some(key) if key.is_empty() => Err(Failure::usage(
                "the key must have at least one byte, such as orders",
            )),
            Some(key) => Ok(Keys::One(key)),
            None => Ok(Keys::Prefix(prefix.unwrap_or_default())),
        }
    }

    /// Whether the server has the record that a file ends with.
    ///
    /// # Errors
    /// When it has another one, or none and has not trimmed it: the file is of another log.
    async fn is_from(&self, server: &Server, part: Part, keys: &Keys, last: &LastLine) -> Outcome {
        let at = last.sequence;
        let client = part.of(&server.client);
        let mut records = self.read(&client, keys, (Included(at), Included(at)));
        let found = server.within(async { records.next().await.transpose() });
        let (found, key) = (found.await?, keys.of_unnamed());
        let mut line = String::new();
        match &found {
            Some(record) => json::push_record(record, &key, part.shown(), &mut line),
            None if records.trimmed_before().is_some() => return Ok(()),
            None => (),
        }
        if line.as_bytes() == last.line {
            return Ok(());
        }
        let has = if found.is_some() {
            "another"
        } else {
            "no such"
        };
        let (file, url) = (
            self.to.as_deref().unwrap_or("".as_ref()),
            self.connection.url(),
        );
        Err(Failure::new(
            ANSWERED_WITH_ERROR,
            format!(
                "{}: its last record has sequence {at}, and {url} has {has} record there: give the server that the file was exported from",
                file.display()
            ),
        ))
    }

    fn end(&self) -> Bound<u64> {
        self.before.map_or(Unbounded, Excluded)
    }

    fn read(&self, client: &LogClient, keys: &Keys, range: (Bound<u64>, Bound<u64>)) -> Records {
        let mut options = ReadOptions::new().page(PAGE);
        if self.durable {
            options = options.visibility(Visibility::Durable);
        }
        match keys {
            Keys::One(key) => client.scan_with(key.clone(), range, options),
            Keys::Prefix(_) => client.scan_several(keys.selection(), range, options),
        }
    }

    /// The command that continues after what was written of the part at this place.
    fn resume(&self, process: &Process, parts: &Parts, at: usize, next: u64) -> String {
        match &self.to {
            Some(_) if self.resume => process.invocation.with(&[], &[]),
            Some(_) => process.invocation.with(&["--from"], &["--resume"]),
            None => {
                let added = parts.options_from(at, next);
                let added: Vec<&str> = added.iter().map(String::as_str).collect();
                process.invocation.with(&["--from"], &added) + &parts.after(at)
            }
        }
    }
}

/// An export that runs.
struct Running<'a> {
    args: &'a ExportArgs,
    keys: Keys,
    parts: Parts,
    target: Target,
    progress: Progress,
    /// How many records were written.
    written: u64,
}

impl Running<'_> {
    /// Writes the part at this place, from a sequence on.
    async fn write(
        &mut self,
        client: &LogClient,
        process: &mut Process,
        at: usize,
        from: u64,
    ) -> Outcome {
        let part = self.parts.all()[at];
        let range = (Included(from), self.args.end());
        let mut records = self.args.read(&part.of(client), &self.keys, range);
        let key = self.keys.of_unnamed();
        let (mut line, mut next) = (String::new(), from);
        loop {
            let record = match records.next().now_or_never() {
                Some(record) => record,
                None => tokio::select! {
                    record = records.next() => record,
                    code = process.interrupt.wait() => {
                        self.target.finish()?;
                        self.progress.finish();
                        let command = self.args.resume(process, &self.parts, at, next);
                        let note = format!("interrupted; to resume: {command}");
                        return Err(Process::interrupted(code, &note));
                    }
                },
            };
            let record = record.transpose().map_err(|error| {
                let command = self.args.resume(process, &self.parts, at, next);
                Failure::from(error).resumed_by(&command)
            })?;
            let Some(record) = record else { break };
            line.clear();
            json::push_record(&record, &key, part.shown(), &mut line);
            self.target.write(line.as_bytes())?;
            self.written += 1;
            next = record.sequence + 1;
            self.progress.at(next, self.written);
        }
        if let Some(floor) = records.trimmed_before() {
            note(&part.trimmed(floor));
        }
        Ok(())
    }
}
