//! `opendata-log count`.

use clap::Args;
use futures::{StreamExt, TryStreamExt};
use opendata_log::Counted;
use serde::Serialize;

use super::Process;
use super::scan::RangeArgs;
use crate::arguments::{Keys, KeysArg, OutputArg, OutputKind};
use crate::connection::{ConnectionArgs, Server};
use crate::exit::{Failure, Outcome};
use crate::output::{Output, note};

/// How many keys of a prefix are counted at a time.
const AT_A_TIME: usize = 16;

const EXAMPLES: &str = "\
Examples:
  opendata-log count orders
  opendata-log count orders --from 10 --to 20
  opendata-log count --prefix orders/ --output json";

/// Count the records of a key, or of all keys with a prefix.
///
/// The number is exact. With a prefix, each of its keys is counted for itself, one request each.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct CountArgs {
    #[command(flatten)]
    keys: KeysArg,
    #[command(flatten)]
    range: RangeArgs,
    #[command(flatten)]
    output: OutputArg,
    #[command(flatten)]
    connection: ConnectionArgs,
}

impl CountArgs {
    pub(crate) async fn run(self, mut process: Process) -> Outcome {
        let server = self.connection.server()?;
        let counted = tokio::select! {
            counted = self.count(&server) => counted?,
            code = process.interrupt.wait() => return Err(Process::interrupted(code, "interrupted")),
        };
        let mut output = Output::new(self.output.output);
        match output.kind() {
            OutputKind::Raw => output.line(&counted.0.to_string())?,
            OutputKind::Json => output.json(&CountOut {
                count: counted.0,
                trimmed_before: counted.1,
            })?,
            OutputKind::Auto => output.line(&output.number(counted.0))?,
        }
        output.flush()?;
        if let Some(floor) = counted.1 {
            note(&format!(
                "records below sequence {floor} were trimmed or deleted"
            ));
        }
        Ok(())
    }

    /// The number, and the floor below which records may be missing.
    async fn count(&self, server: &Server) -> Outcome<(u64, Option<u64>)> {
        let range = self.range.bounds()?;
        let of_key = |key| async move {
            let counted: Counted = server.within(server.client.count(key, range)).await?;
            Outcome::Ok((counted.count, counted.trimmed_before))
        };
        let prefix = match self.keys.keys()? {
            Keys::One(key) => return of_key(key).await,
            Keys::Prefix(prefix) => prefix,
        };
        let keys = server.client.keys(prefix).map_err(Failure::from);
        let counts = keys
            .map(|key| async { of_key(key?).await })
            .buffer_unordered(AT_A_TIME);
        counts
            .try_fold((0, None), |(all, floor), (count, of_key)| async move {
                Ok((all + count, of_key.max(floor)))
            })
            .await
    }
}

/// What is printed for programs.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct CountOut {
    count: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    trimmed_before: Option<u64>,
}
