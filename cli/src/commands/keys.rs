//! `opendata-log keys`.

use clap::Args;

use super::Process;
use crate::arguments::{OutputArg, OutputKind, at_least_one, from_base64};
use crate::connection::ConnectionArgs;
use crate::exit::Outcome;
use crate::json;
use crate::output::Output;
use crate::partitions::PartitionArg;
use crate::text;

const EXAMPLES: &str = "\
Examples:
  opendata-log keys
  opendata-log keys --prefix orders/ --limit 10
  opendata-log keys --output json";

/// List the keys of the log, in byte order, of all partitions.
///
/// With --output raw, a key a line, as it is: use json for keys that have newlines.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct KeysArgs {
    /// Only keys that begin with this.
    #[arg(long, value_name = "PREFIX")]
    prefix: Option<String>,
    /// The same, in base64.
    #[arg(long, value_name = "BASE64", value_parser = from_base64, conflicts_with = "prefix")]
    prefix_base64: Option<bytes::Bytes>,
    /// No more keys than this.
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    limit: Option<u64>,
    #[command(flatten)]
    partition: PartitionArg,
    #[command(flatten)]
    output: OutputArg,
    #[command(flatten)]
    connection: ConnectionArgs,
}

impl KeysArgs {
    pub(crate) async fn run(self, mut process: Process) -> Outcome {
        let server = self.connection.server()?;
        let prefix = self.prefix.clone().map(Into::into);
        let prefix: bytes::Bytes = prefix
            .or_else(|| self.prefix_base64.clone())
            .unwrap_or_default();
        let mut keys = self.partition.of(&server.client).keys(prefix);
        let mut output = Output::new(self.output.output);
        let mut left = self.limit.unwrap_or(u64::MAX);
        while left > 0 {
            let asked = async { keys.next().await.transpose() };
            let key = tokio::select! {
                key = server.within(asked) => key?,
                code = process.interrupt.wait() => {
                    output.flush()?;
                    return Err(Process::interrupted(code, "interrupted"));
                }
            };
            let Some(key) = key else { break };
            match output.kind() {
                OutputKind::Json => output.json(&json::KeyOut::of(&key))?,
                OutputKind::Auto => output.line(&text::shown(&key))?,
                OutputKind::Raw => {
                    output.bytes(&key)?;
                    output.bytes(b"\n")?;
                }
            }
            left -= 1;
        }
        output.flush()
    }
}
