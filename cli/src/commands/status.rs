//! `opendata-log status`.

use clap::Args;
use opendata_log::Status;
use serde::Serialize;

use super::Process;
use crate::arguments::{OutputArg, OutputKind};
use crate::connection::ConnectionArgs;
use crate::exit::{Failure, Outcome, UNREACHABLE};
use crate::output::Output;
use crate::table::table;
use crate::text;

const EXAMPLES: &str = "\
Examples:
  opendata-log status
  opendata-log status --output json
  opendata-log status --output raw";

/// Show whether the server is ready, and how far its log is durable.
///
/// With --output raw: `ready`, `not ready`, or `unknown` if the server does not say it at this address. Exit code 6 if it cannot be
/// reached or is not ready.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct StatusArgs {
    #[command(flatten)]
    output: OutputArg,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// What is printed for programs.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct StatusOut<'a> {
    url: &'a str,
    ready: Option<bool>,
    durable_sequence: Option<u64>,
    segments: Option<usize>,
}

impl StatusArgs {
    pub(crate) async fn run(self, mut process: Process) -> Outcome {
        let server = self.connection.server()?;
        let status = tokio::select! {
            status = server.within(server.client.status()) => status?,
            code = process.interrupt.wait() => return Err(Process::interrupted(code, "interrupted")),
        };
        let ready = match status.ready {
            Some(true) => "ready",
            Some(false) => "not ready",
            None => "unknown",
        };
        let mut output = Output::new(self.output.output);
        match output.kind() {
            OutputKind::Raw => output.line(ready)?,
            OutputKind::Json => output.json(&StatusOut {
                url: server.url(),
                ready: status.ready,
                durable_sequence: status.durable_sequence,
                segments: status.segments.as_ref().map(Vec::len),
            })?,
            OutputKind::Auto => output.text(&rows(server.url(), ready, &status))?,
        }
        output.flush()?;
        if status.ready == Some(false) {
            let reason = status.reason.as_deref().unwrap_or("it gives no reason");
            let url = server.url();
            let message = format!("the server at {url} is not ready: {reason}");
            return Err(Failure::new(UNREACHABLE, message));
        }
        Ok(())
    }
}

fn rows(url: &str, ready: &str, status: &Status) -> String {
    let mut rows = vec![
        ["server".to_owned(), url.to_owned()],
        ["state".to_owned(), ready.to_owned()],
    ];
    if let Some(durable) = status.durable_sequence {
        let durable = format!("below sequence {durable}");
        rows.push(["durable".to_owned(), durable]);
    }
    if let Some(segments) = &status.segments {
        let since = segments.last().map_or_else(String::new, |last| {
            format!(", the last since {}", text::time(last.start_time_ms))
        });
        rows.push(["segments".to_owned(), format!("{}{since}", segments.len())]);
    }
    // The header is of no use here.
    let table = table(["", ""], &[], rows);
    table.trim_start_matches('\n').to_owned()
}
