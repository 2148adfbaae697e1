//! What servers say of the partitions of a log, and of the nodes that serve them.

use std::collections::BTreeSet;

use futures::future::join_all;

use crate::answers::answered;
use crate::cluster::PATH;
use crate::error::Error;
use crate::http::{Answer, Http};
use crate::partition::About;
use crate::reading::unanswered;
use crate::retry::Retry;
use crate::wire::{ClusterNode, ClusterPartition, ClusterResponse};

/// The partitions of a log, and the nodes that serve them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClusterStatus {
    /// All partitions, in order. A log that is not clustered has one.
    pub partitions: Vec<PartitionStatus>,
    /// The nodes, in byte order of their names.
    pub nodes: Vec<NodeStatus>,
}

/// A partition.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PartitionStatus {
    /// Its number, from 0.
    pub partition: u32,
    /// The name of the node that serves it.
    pub node: Option<String>,
    /// The URL of that node.
    pub url: Option<String>,
    /// What is being done with it.
    pub state: PartitionState,
    /// Its end: the sequence that its next record gets. Known by the node that serves it.
    pub tip: Option<u64>,
    /// What is below this sequence is on object storage. Known by the node that serves it.
    pub durable: Option<u64>,
}

/// What is being done with a partition, as far as the server knows that was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PartitionState {
    /// A node serves it.
    Serving,
    /// It is being opened or closed.
    Moving,
    /// No node serves it.
    Unserved,
}

/// A node.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NodeStatus {
    /// Its name.
    pub node: String,
    /// The URL at which it is reached.
    pub url: String,
    /// Its zone, if it has one.
    pub zone: Option<String>,
    /// The version of its program.
    pub version: String,
    /// Whether it is alive, as far as the server knows that was asked.
    pub alive: bool,
}

impl PartitionState {
    /// As the API names it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Serving => "serving",
            Self::Moving => "moving",
            Self::Unserved => "unserved",
        }
    }
}

/// Asks the server of the client.
pub(crate) async fn ask(http: &Http, retry: &Retry) -> Result<ClusterStatus, Error> {
    let once = || async {
        let asked = http.get(PATH, &[], false, &About::default()).await;
        let answer = asked.map_err(|lost| unanswered(lost, retry))?;
        http.cluster.told(answer.status, &answer.body);
        told(&answer)
    };
    let known = retry.until_answered(once).await;
    known.map_err(|error| error.of_request("GET", &http.url_of(PATH)))
}

/// Adds the ends that only other nodes know.
pub(crate) async fn add_ends(http: &Http, known: &mut ClusterStatus) {
    let unknown = known.partitions.iter().filter(|each| each.tip.is_none());
    let urls = unknown.filter_map(|each| http.cluster.other(each.url.as_deref()?));
    let urls: BTreeSet<String> = urls.collect();
    let asked = urls.iter().map(|url| http.map_of(url));
    for answer in join_all(asked).await.into_iter().flatten() {
        let Ok(other) = told(&answer) else { continue };
        for (mine, its) in known.partitions.iter_mut().zip(other.partitions) {
            if mine.tip.is_none() && its.tip.is_some() {
                *mine = its;
            }
        }
    }
}

fn told(answer: &Answer) -> Result<ClusterStatus, Error> {
    if answer.status == 404 {
        // A server from before there were clusters.
        let whole = ClusterPartition {
            state: PartitionState::Serving.as_str().to_owned(),
            ..ClusterPartition::default()
        };
        return Ok(ClusterStatus {
            partitions: vec![whole.into()],
            nodes: Vec::new(),
        });
    }
    let told: ClusterResponse = answered(answer)?;
    Ok(ClusterStatus {
        partitions: told.partitions.into_iter().map(Into::into).collect(),
        nodes: told.nodes.into_iter().map(Into::into).collect(),
    })
}

impl From<ClusterPartition> for PartitionStatus {
    fn from(told: ClusterPartition) -> Self {
        Self {
            partition: told.partition,
            node: told.node,
            url: told.url,
            state: match told.state.as_str() {
                "serving" => PartitionState::Serving,
                "moving" => PartitionState::Moving,
                _ => PartitionState::Unserved,
            },
            tip: told.tip,
            durable: told.durable,
        }
    }
}

impl From<ClusterNode> for NodeStatus {
    fn from(told: ClusterNode) -> Self {
        Self {
            node: told.node,
            url: told.url,
            zone: told.zone,
            version: told.version,
            alive: told.alive,
        }
    }
}
