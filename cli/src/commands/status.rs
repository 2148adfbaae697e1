//! `opendata-log status`.

use clap::Args;
use opendata_log::{ClusterStatus, Status};
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

/// Show whether the server is ready, and how far its log is durable; of a cluster, its nodes and partitions.
///
/// Each node is asked for the ends of the partitions that it serves; `-` is what cannot be found out. With --output json, a cluster has `nodes`
/// and `partitions` in place of `durableSequence` and `segments`.
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
    #[serde(flatten)]
    cluster: Option<ClusterOut<'a>>,
}

/// Of a cluster.
#[derive(Debug, Serialize)]
struct ClusterOut<'a> {
    nodes: Vec<NodeOut<'a>>,
    partitions: Vec<PartitionOut<'a>>,
}

#[derive(Debug, Serialize)]
struct NodeOut<'a> {
    node: &'a str,
    url: &'a str,
    zone: Option<&'a str>,
    version: &'a str,
    alive: bool,
}

#[derive(Debug, Serialize)]
struct PartitionOut<'a> {
    partition: u32,
    node: Option<&'a str>,
    url: Option<&'a str>,
    state: &'static str,
    tip: Option<u64>,
    durable: Option<u64>,
}

impl StatusArgs {
    pub(crate) async fn run(self, mut process: Process) -> Outcome {
        let server = self.connection.server()?;
        let asked = async {
            let status = server.within(server.client.status()).await?;
            // One that is not ready need not know it yet.
            let cluster = match status.ready {
                Some(false) => None,
                _ => Some(server.within(server.client.cluster_with_ends()).await?),
            };
            Outcome::Ok((status, cluster.filter(|known| known.partitions.len() > 1)))
        };
        let (status, cluster) = tokio::select! {
            asked = asked => asked?,
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
                cluster: cluster.as_ref().map(ClusterOut::of),
            })?,
            OutputKind::Auto => {
                output.text(&rows(server.url(), ready, &status))?;
                if let Some(cluster) = &cluster {
                    output.text(&tables(cluster))?;
                }
            }
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

/// The nodes and the partitions.
fn tables(cluster: &ClusterStatus) -> String {
    let nodes = cluster.nodes.iter().map(|node| {
        let state = if node.alive { "alive" } else { "dead" };
        [
            text::shown(node.node.as_bytes()),
            state.to_owned(),
            shown(node.zone.as_deref()),
            text::shown(node.version.as_bytes()),
            text::shown(node.url.as_bytes()),
        ]
    });
    let partitions = cluster.partitions.iter().map(|partition| {
        let number = |number: Option<u64>| number.map_or_else(|| "-".to_owned(), text::number);
        [
            partition.partition.to_string(),
            shown(partition.node.as_deref()),
            partition.state.as_str().to_owned(),
            number(partition.tip),
            number(partition.durable),
        ]
    });
    let nodes = table(["NODE", "STATE", "ZONE", "VERSION", "URL"], &[], nodes);
    let header = ["PARTITION", "NODE", "STATE", "END", "DURABLE BELOW"];
    let partitions = table(header, &[0, 3, 4], partitions);
    format!("\n{nodes}\n{partitions}")
}

fn shown(word: Option<&str>) -> String {
    word.map_or_else(|| "-".to_owned(), |word| text::shown(word.as_bytes()))
}

impl<'a> ClusterOut<'a> {
    fn of(cluster: &'a ClusterStatus) -> Self {
        let nodes = cluster.nodes.iter().map(|node| NodeOut {
            node: &node.node,
            url: &node.url,
            zone: node.zone.as_deref(),
            version: &node.version,
            alive: node.alive,
        });
        let partitions = cluster.partitions.iter().map(|partition| PartitionOut {
            partition: partition.partition,
            node: partition.node.as_deref(),
            url: partition.url.as_deref(),
            state: partition.state.as_str(),
            tip: partition.tip,
            durable: partition.durable,
        });
        Self {
            nodes: nodes.collect(),
            partitions: partitions.collect(),
        }
    }
}
