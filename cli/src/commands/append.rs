//! `opendata-log append`.

mod batches;

use std::io::{IsTerminal, Read as _, stdin};

use bytes::Bytes;
use clap::Args;
use opendata_log::{AppendOptions, Appended, BatchBuilder};
use serde::Serialize;

use super::Process;
use crate::arguments::{OutputArg, OutputKind, from_base64};
use crate::connection::{ConnectionArgs, Server};
use crate::exit::{ANSWERED_WITH_ERROR, Failure, Outcome};
use crate::output::{Output, note};
use crate::text;

use batches::{Format, Next, batches};

const EXAMPLES: &str = "\
Examples:
  opendata-log append orders first
  opendata-log append orders second --durable --header content-type=text/plain
  echo third | opendata-log append orders
  printf 'a\\nb\\n' | opendata-log append orders --lines
  echo '{\"valueText\": \"paid\", \"headers\": [{\"name\": \"by\", \"valueText\": \"me\"}]}' | opendata-log append orders --json
  opendata-log append account-1 opened --if-unchanged-since 0";

/// Append to a key: one value, or what standard input has: one record, a record a line, or lines of JSON.
///
/// Many records are sent in batches, each applied whole or not at all, and exactly once: a batch whose answer is lost is sent again, and
/// the server recognizes it. Each batch is sent as soon as there are lines, so that a pipe is followed as it fills.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct AppendArgs {
    /// The key.
    #[arg(value_name = "KEY", required_unless_present = "key_base64")]
    key: Option<String>,
    /// The value. Without it, standard input.
    #[arg(value_name = "VALUE", conflicts_with_all = ["lines", "json"])]
    value: Option<String>,
    /// The key, in base64: for bytes that are no text. The only word is then the value.
    #[arg(long, value_name = "BASE64", value_parser = from_base64)]
    key_base64: Option<Bytes>,
    /// A record for each line of standard input, without its newline.
    #[arg(long, conflicts_with = "json")]
    lines: bool,
    /// A record for each line of standard input, which is an object with `value` (base64) or `valueText` and perhaps `headers`. The key is
    /// always KEY.
    #[arg(long)]
    json: bool,
    /// Wait until the records are on object storage, which no crash can undo.
    #[arg(long)]
    durable: bool,
    /// Only if no record of the key has this sequence or a higher one; otherwise exit code 5. 0: only if it has no record.
    #[arg(long, value_name = "SEQUENCE")]
    if_unchanged_since: Option<u64>,
    /// A header of each record; may be repeated. Not with --json, whose lines have their own.
    #[arg(long = "header", value_name = "NAME=VALUE", value_parser = header, conflicts_with = "json")]
    headers: Vec<(String, String)>,
    #[command(flatten)]
    output: OutputArg,
    #[command(flatten)]
    connection: ConnectionArgs,
}

fn header(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write NAME=VALUE, such as content-type=text/plain".to_owned()),
    }
}

/// What is printed for programs.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct AppendedOut {
    records_appended: u64,
    start_sequence: Option<u64>,
}

/// What was appended so far.
#[derive(Debug, Default, Clone, Copy)]
struct Done {
    records: u64,
    /// The first sequence of the first batch.
    first: Option<u64>,
    /// The sequence after the last record.
    end: Option<u64>,
    /// Whether no records of others are between.
    is_together: bool,
}

impl AppendArgs {
    pub(crate) async fn run(self, mut process: Process) -> Outcome {
        let (key, value) = self.key_and_value()?;
        let server = self.connection.server()?;
        let done = match (value, self.lines || self.json) {
            (_, true) => self.append_lines(&server, key, &mut process).await?,
            (value, false) => {
                let value = match value {
                    Some(value) => value,
                    None => not_empty(input(&mut process).await?)?,
                };
                let headers = self.headers();
                let mut batch = BatchBuilder::default();
                batch.push(&key, &value, &headers)?;
                let mut done = Done::default();
                let appended = self
                    .append(&server, &key, batch, done, &mut process)
                    .await?;
                done.add(appended);
                done
            }
        };
        let printed = self.print(&key_shown(&self), done);
        printed.map_err(|failure| {
            let records = text::count(done.records, "record");
            failure.after(format!("{records} appended; do not send again"))
        })
    }

    fn key_and_value(&self) -> Outcome<(Bytes, Option<Bytes>)> {
        let (key, value) = match (&self.key_base64, &self.key, &self.value) {
            (Some(key), value, None) => (key.clone(), value.clone()),
            (Some(_), _, Some(_)) => {
                return Err(Failure::usage(
                    "the key is given twice: as a word and with --key-base64",
                ));
            }
            (None, key, value) => (key.clone().unwrap_or_default().into(), value.clone()),
        };
        if key.is_empty() {
            return Err(Failure::usage(
                "the key must have at least one byte, such as orders",
            ));
        }
        if value.is_some() && (self.lines || self.json) {
            return Err(Failure::usage(
                "a value cannot be given together with --lines or --json",
            ));
        }
        Ok((key, value.map(Bytes::from)))
    }

    fn headers(&self) -> Vec<(&str, &[u8])> {
        let headers = self.headers.iter();
        headers
            .map(|(name, value)| (name.as_str(), value.as_bytes()))
            .collect()
    }

    /// Appends lines in batches, in their order.
    async fn append_lines(
        &self,
        server: &Server,
        key: Bytes,
        process: &mut Process,
    ) -> Outcome<Done> {
        let format = match self.json {
            true => Format::Json,
            false => Format::Lines(self.headers.clone()),
        };
        let mut done = Done::default();
        let mut batches = batches(stdin(), key.clone(), format)?;
        loop {
            let next = tokio::select! {
                next = batches.next() => next,
                code = process.interrupt.wait() => {
                    let note = format!("interrupted; {} appended", text::count(done.records, "record"));
                    return Err(Process::interrupted(code, &resume_lines(&note, batches.taken())));
                }
            };
            match next {
                Next::Batch(batch) => {
                    let appended = self.append(server, &key, batch, done, process);
                    done.add(appended.await.map_err(|failure| {
                        let before = text::count(done.records, "record");
                        failure.after(format!("{before} of the lines before were appended"))
                    })?);
                }
                Next::End => return Ok(done),
                Next::Failed(failure) => {
                    let before = text::count(done.records, "record");
                    return Err(failure.after(format!("appended {before}, and nothing after them")));
                }
            }
        }
    }

    /// Appends a batch. An interrupt that comes meanwhile leaves its outcome unknown.
    async fn append(
        &self,
        server: &Server,
        key: &Bytes,
        batch: BatchBuilder,
        done: Done,
        process: &mut Process,
    ) -> Outcome<Appended> {
        let mut options = AppendOptions::new().await_durable(self.durable);
        if let Some(since) = self.if_unchanged_since {
            // After the first batch, the last record is our own.
            options = options.if_no_record_since(key.clone(), done.end.unwrap_or(since));
        }
        let batch = batch.finish();
        let appended = server.client.append_batch(&batch, options);
        tokio::select! {
            appended = server.changed_within(appended) => appended,
            code = process.interrupt.wait() => {
                let before = text::count(done.records, "record");
                let unknown = text::count(batch.records(), "record");
                let note = format!("interrupted; appended {before}; it is not known whether {unknown} more were");
                Err(Process::interrupted(code, &note))
            }
        }
    }

    fn print(&self, key: &str, done: Done) -> Outcome {
        let mut output = Output::new(self.output.output);
        let first = done.first;
        match output.kind() {
            OutputKind::Json => output.json(&AppendedOut {
                records_appended: done.records,
                start_sequence: first,
            })?,
            OutputKind::Raw => {
                if let Some(first) = first {
                    output.line(&first.to_string())?;
                }
            }
            OutputKind::Auto => {
                let records = text::count(done.records, "record");
                let place = match (first, done.end) {
                    (Some(first), Some(end)) if end == first + 1 => format!(", sequence {first}"),
                    (Some(first), Some(end)) if done.is_together => {
                        format!(", sequences {first} to {}", end - 1)
                    }
                    (Some(first), Some(end)) => {
                        format!(
                            ", from sequence {first} to {}, with others between",
                            end - 1
                        )
                    }
                    _ => String::new(),
                };
                output.line(&format!("appended {records} to {key}{place}"))?;
            }
        }
        output.flush()
    }
}

/// What standard input had: with nothing there, a command before it in a pipe has probably failed.
fn not_empty(value: Bytes) -> Outcome<Bytes> {
    match value.is_empty() {
        true => Err(Failure::usage(
            "standard input is empty, and nothing was appended; to append an empty value, give it as '' after the key",
        )),
        false => Ok(value),
    }
}

fn key_shown(args: &AppendArgs) -> String {
    let key = args.key_base64.as_ref().map(|key| text::shown(key));
    key.unwrap_or_else(|| text::shown(args.key.clone().unwrap_or_default().as_bytes()))
}

/// How lines that were not sent are appended after all.
fn resume_lines(note: &str, taken: u64) -> String {
    let next = taken + 1;
    format!(
        "{note}, and nothing of standard input from line {next} on (`tail -n +{next}` of a file begins there)"
    )
}

/// Standard input as one value, read by a thread of its own: it may be a terminal, and never end.
async fn input(process: &mut Process) -> Outcome<Bytes> {
    if stdin().is_terminal() {
        note("reading the value from the terminal; end it with Ctrl-D");
    }
    let (tell, told) = tokio::sync::oneshot::channel();
    let read = move || {
        let mut value = Vec::new();
        let read = stdin().lock().read_to_end(&mut value);
        // Fails if the command has ended.
        drop(tell.send(read.map(|_| value)));
    };
    std::thread::Builder::new()
        .spawn(read)
        .map_err(|error| Failure::io("cannot start a thread", &error))?;
    let cannot = "cannot read standard input";
    tokio::select! {
        read = told => match read {
            Ok(Ok(value)) => Ok(value.into()),
            Ok(Err(error)) => Err(Failure::io(cannot, &error)),
            Err(_) => Err(Failure::new(ANSWERED_WITH_ERROR, cannot)),
        },
        code = process.interrupt.wait() => Err(Process::interrupted(code, "interrupted; nothing was appended")),
    }
}

impl Done {
    fn add(&mut self, appended: Appended) {
        self.is_together = match self.records {
            0 => true,
            _ => self.is_together && appended.start.is_some() && self.end == appended.start,
        };
        self.first = match self.records {
            0 => appended.start,
            _ => self.first,
        };
        self.records += appended.count;
        self.end = appended.start.map(|start| start + appended.count);
    }
}
