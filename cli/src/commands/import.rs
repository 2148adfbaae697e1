//! `opendata-log import`: lines of JSON into the log, each once.
//!
//! In a cluster, each partition has batches and a cursor of its own, so that all that follows holds in each.
//!
//! A cursor of the server counts the records that were imported. It moves in the same commit as the records of each batch, from where it
//! must be: so records and count are there together or not at all, whoever is killed, and a batch that is sent twice is refused the second
//! time. Batches are acknowledged before they are durable; those that are not proven durable yet are kept, to be sent again when a crash
//! of the server takes them and the cursor back.

mod batches;
mod cursors;
mod id;
mod lines;
mod send;
mod window;

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use futures::stream::{StreamExt, iter};
use opendata_log::Retry;
use serde::Serialize;

use super::Process;
use crate::arguments::{OutputArg, OutputKind, at_least_one};
use crate::connection::{ConnectionArgs, Server};
use crate::exit::{Failure, Outcome};
use crate::output::{Output, note};
use crate::progress::{Progress, rate};
use crate::text;

use batches::Limits;
use lines::Source;
use send::{Import, Part};

/// How many partitions are asked at a time what they have.
const AT_A_TIME: usize = 16;

const EXAMPLES: &str = "\
Examples:
  opendata-log import orders.jsonl
  opendata-log import orders.jsonl --id orders-2026 --quiet
  opendata-log export --prefix orders/ | opendata-log import - --id copied";

/// Append records from lines of JSON, as `export` writes them, each line exactly once.
///
/// A line has `key` (base64) or `keyText`, `value` (base64) or `valueText`, and perhaps `headers`; `sequence` and `timestampMs` are ignored,
/// because this log gives its own. Blank lines are skipped. The order is kept, in a cluster that of each partition.
///
/// Run the same command again after an interruption, a crash of this program, or an error: it continues after what was imported. The
/// server keeps the count in the cursor import/ID, in each partition of a cluster in one import/{TAG}/ID, together with the records, so it
/// never imports a line twice. Lines may be appended to the file and are imported by the next run; lines that were imported must not
/// change. To import the same file once more, give another --id. Needs the rights `read` and `append`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ImportArgs {
    /// The file; - is standard input.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// What this import is called, on all its runs. By default it is made of the file's path and its first line, and at random for
    /// standard input.
    #[arg(long, value_name = "ID", value_parser = id::parse)]
    id: Option<String>,
    /// The most records of a batch, for servers that take fewer.
    #[arg(long, value_name = "N", default_value_t = 20_000, value_parser = at_least_one)]
    batch_records: u64,
    /// The bytes that a batch is sent with, for servers that take smaller requests.
    #[arg(long, value_name = "BYTES", default_value_t = 4 * 1024 * 1024, value_parser = at_least_one)]
    batch_bytes: u64,
    /// How long to wait for a server that goes away during the import.
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = humantime::parse_duration)]
    patience: Duration,
    /// Show no progress.
    #[arg(long, short)]
    quiet: bool,
    #[command(flatten)]
    output: OutputArg,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// What is printed for programs.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ImportedOut<'a> {
    id: &'a str,
    records_imported: u64,
    records_imported_before: u64,
}

impl ImportArgs {
    pub(crate) async fn run(self, mut process: Process) -> Outcome {
        let source = match self.file.as_path() {
            path if path == Path::new("-") => Source::Stdin,
            path => Source::File(path.to_owned()),
        };
        let id = match &self.id {
            Some(id) => id.clone(),
            None => id::of(&source)?,
        };
        let server = self.connection.server()?;
        // What is sent again is decided here, by where the cursor is.
        let once = Retry {
            attempts: 1,
            ..Retry::default()
        };
        let sender = self
            .connection
            .server_with(|builder| builder.retry(once).without_producers())?;
        let found = tokio::select! {
            found = found(&server, &id) => found?,
            code = process.interrupt.wait() => return Err(Process::interrupted(code, "interrupted")),
        };
        let before = found.iter().map(|(_, records)| records).sum();
        if before > 0 {
            let records = text::count(before, "record");
            note(&format!(
                "continuing import {id} after {records} that were imported before"
            ));
        } else if self.id.is_none() && matches!(source, Source::Stdin) {
            note(&format!(
                "to resume, give the same lines again and --id {id}"
            ));
        }
        let progress = Progress::new("imported", source.bytes(), 0, self.quiet);
        let mut import = Import {
            client: sender.client,
            parts: found
                .into_iter()
                .map(|(cursor, records)| Part::new(cursor, records))
                .collect(),
            source,
            limits: Limits {
                records: self.batch_records,
                bytes: usize::try_from(self.batch_bytes).unwrap_or(usize::MAX),
            },
            patience: self.patience.max(self.connection.timeout()),
            progress,
            before,
            read: 0,
        };
        let imported = tokio::select! {
            imported = import.run() => imported,
            code = process.interrupt.wait() => Err(Failure::new(code, "interrupted")),
        };
        let elapsed = import.progress.finish();
        match imported {
            Ok(end) => self.report(&id, before, end, elapsed),
            Err(failure) => Err(self.stopped(&process, &id, import.acknowledged(), failure)),
        }
    }

    fn report(&self, id: &str, before: u64, end: u64, elapsed: Duration) -> Outcome {
        let imported = end.saturating_sub(before);
        if imported == 0 && before > 0 {
            note("all lines were imported before; to import them once more, give another --id");
        }
        let mut output = Output::new(self.output.output);
        match output.kind() {
            OutputKind::Json => output.json(&ImportedOut {
                id,
                records_imported: imported,
                records_imported_before: before,
            })?,
            OutputKind::Raw => output.line(&imported.to_string())?,
            OutputKind::Auto => {
                let records = text::count(imported, "record");
                let all = match before {
                    0 => String::new(),
                    before => format!(", {} before", text::number(before)),
                };
                let rate = rate(imported, elapsed);
                output.line(&format!("imported {records}{all}, {rate} (id {id})"))?;
            }
        }
        output.flush()
    }

    /// What is known of an import that did not finish, and how to go on.
    fn stopped(&self, process: &Process, id: &str, acknowledged: u64, failure: Failure) -> Failure {
        let records = text::count(acknowledged, "record");
        let command = process.invocation.with(&["--id"], &["--id", id]);
        let message = format!(
            "{}; {records} are imported, perhaps more; to resume: {command}",
            failure.message
        );
        Failure::new(failure.code, message)
    }
}

/// The cursors of an import, one for each partition, and how many records each has counted.
async fn found(server: &Server, id: &str) -> Outcome<Vec<(String, u64)>> {
    let known = server.within(server.client.cluster()).await?;
    let number = u32::try_from(known.partitions.len()).unwrap_or(u32::MAX);
    let partitions = NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
    let asked = cursors::names(id, partitions)
        .into_iter()
        .map(|name| async {
            let cursor = server.within(server.client.cursor(&name)).await?;
            Outcome::Ok((name, cursor.map_or(0, |cursor| cursor.position)))
        });
    let asked = iter(asked).buffered(AT_A_TIME);
    let found: Vec<Outcome<_>> = asked.collect().await;
    found.into_iter().collect()
}
