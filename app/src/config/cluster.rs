//! The settings of a node of a cluster.

use std::path::PathBuf;
use std::time::Duration;

use log_adapters::http::WriterUrl;
use log_adapters::objects::Place;
use log_domain::cluster::{NodeName, Partitions, Rules};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::names::named;
use super::sources::Sources;
use super::{Config, Refusal};

/// How often the partitions of a node ask the object store together, as long as each asks often enough.
const POLL_OF_EACH: Duration = Duration::from_millis(150);

/// A partition asks at least this often: compactions begin within this time.
const POLL_AT_LEAST: Duration = Duration::from_secs(10);

/// Sharing the log with other nodes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Cluster {
    /// Be a node of a cluster: the log has partitions, which the nodes with the same bucket and prefix share. Needs a bucket. A log that
    /// exists does not become a cluster.
    pub enabled: bool,
    /// The number of partitions, 1 to 4096. It is stored when the cluster begins, and never changes.
    pub partitions: u32,
    /// The name of this node. It must stay the same over restarts and differ between nodes. Default: the name of the machine or pod.
    pub node: Option<String>,
    /// The URL at which other nodes and clients reach this node. Default: `host` and `port`, or the name of the machine if `host` is
    /// an address of all interfaces.
    pub advertise: Option<String>,
    /// A file with a token that the nodes accept, with the right `read`: for telling each other that a partition has moved. Without it nodes that
    /// have tokens find that out with their next heartbeat. It is read each time.
    pub token_file: Option<PathBuf>,
    /// A file, in PEM, with the authorities that signed the certificates of the nodes, in addition to those of the system.
    pub ca: Option<PathBuf>,
    /// The zone that this node is in. It is shown to operators.
    pub zone: Option<String>,
    /// How often a node tells the others that it is alive, and looks for them. It costs one PUT, one LIST and a GET for each other node.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub heartbeat: Duration,
    /// A node that has told nothing for this long is dead, and the others take its partitions over. At least twice `cluster.heartbeat`.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub dead_after: Duration,
    /// Maximum number of partitions that a node hands over at the same time. It opens up to four times as many that nobody serves.
    pub moves: usize,
}

impl Default for Cluster {
    fn default() -> Self {
        Self {
            enabled: false,
            partitions: 64,
            node: None,
            advertise: None,
            token_file: None,
            ca: None,
            zone: None,
            heartbeat: Duration::from_secs(3),
            dead_after: Duration::from_secs(10),
            moves: 4,
        }
    }
}

impl Cluster {
    /// When nodes are dead.
    pub fn rules(&self) -> Rules {
        Rules {
            heartbeat: self.heartbeat,
            dead_after: self.dead_after,
        }
    }
}

impl Config {
    /// The name of this node.
    ///
    /// # Errors
    /// When it is not one.
    pub fn node(&self) -> Result<NodeName, Refusal> {
        let name = self.cluster.node.clone();
        let name =
            name.unwrap_or_else(|| gethostname::gethostname().to_string_lossy().into_owned());
        NodeName::parse(&name).map_err(|why| Refusal(format!("{}: {why}", named("cluster.node"))))
    }

    /// The URL of this node, which listens on `port`.
    ///
    /// # Errors
    /// When it is not one.
    pub fn advertised(&self, port: u16) -> Result<String, Refusal> {
        if let Some(url) = &self.cluster.advertise {
            let url = WriterUrl::parse(url);
            let url =
                url.map_err(|why| Refusal(format!("{} {why}", named("cluster.advertise"))))?;
            return Ok(url.as_str().to_owned());
        }
        let scheme = match self.tls.certificate {
            Some(_) => "https",
            None => "http",
        };
        let host = match (self.host.is_unspecified(), self.host.is_ipv6()) {
            (true, _) => gethostname::gethostname().to_string_lossy().into_owned(),
            (false, true) => format!("[{}]", self.host),
            (false, false) => self.host.to_string(),
        };
        Ok(format!("{scheme}://{host}:{port}"))
    }

    /// The partitions of the cluster.
    ///
    /// # Errors
    /// When it cannot have as many.
    pub fn partitions(&self) -> Result<Partitions, Refusal> {
        Partitions::new(self.cluster.partitions)
            .map_err(|why| Refusal(format!("{}: {why}", named("cluster.partitions"))))
    }
}

/// Lets a partition that is idle ask the object store less often than a log of its own does, the more partitions there are. A node has most of
/// them when it is alone. Unless the settings of SlateDB say otherwise.
pub(super) fn poll_rarely(config: &mut Config, sources: &Sources) {
    if !config.cluster.enabled {
        return;
    }
    let interval = (POLL_OF_EACH * config.cluster.partitions).min(POLL_AT_LEAST);
    let rarely = |name: &str, poll: &mut Duration| {
        if !sources.given(&format!("slatedb.{name}")) {
            *poll = interval.max(*poll);
        }
    };
    let settings = &mut config.slatedb.0;
    rarely(
        "manifest_poll_interval",
        &mut settings.manifest_poll_interval,
    );
    let Some(compactor) = &mut settings.compactor_options else {
        return;
    };
    rarely(
        "compactor_options.poll_interval",
        &mut compactor.poll_interval,
    );
    if let Some(worker) = &mut compactor.worker {
        rarely(
            "compactor_options.worker.compactions_poll_interval",
            &mut worker.compactions_poll_interval,
        );
    }
}

/// Settings that contradict each other.
pub(super) fn validate(config: &Config) -> Result<(), Refusal> {
    let refuse = |message: &str| Err(Refusal(message.to_owned()));
    let Cluster {
        enabled,
        heartbeat,
        dead_after,
        moves,
        ..
    } = config.cluster;
    if heartbeat.is_zero() {
        return refuse("cluster.heartbeat must be more than 0");
    }
    if dead_after / 2 < heartbeat {
        return refuse("cluster.dead_after must be at least twice cluster.heartbeat");
    }
    if moves == 0 {
        return refuse("cluster.moves must be more than 0");
    }
    config.partitions()?;
    if !enabled {
        return Ok(());
    }
    config.node()?;
    config.advertised(config.port)?;
    if matches!(config.place().0, Place::Folder(_) | Place::Memory) {
        return refuse(
            "cluster.enabled needs a bucket, such as storage.s3.bucket (--s3-bucket): a folder or memory has one server",
        );
    }
    if config.read_only {
        return refuse(
            "cluster.enabled and read_only (--read-only) contradict each other: every node of a cluster writes",
        );
    }
    if config.storage.instance.is_some() {
        return refuse(
            "cluster.enabled and storage.instance contradict each other: the name of a node is cluster.node",
        );
    }
    if config.cache.dir.is_some() {
        return refuse(
            "cluster.enabled and cache.dir contradict each other: partitions have no cache on disk yet",
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(change: impl FnOnce(&mut Config)) -> Config {
        let mut config = Config::default();
        config.storage.s3.bucket = Some("b".into());
        config.cluster.enabled = true;
        config.cluster.node = Some("n1".into());
        change(&mut config);
        config
    }

    #[test]
    fn a_cluster_needs_a_bucket_and_excludes_what_it_cannot_do() {
        validate(&config(|_| ())).expect("accepted");
        type Change = fn(&mut Config);
        let cases: [(Change, &str); 9] = [
            (|c| c.storage.s3.bucket = None, "needs a bucket"),
            (|c| c.read_only = true, "read_only"),
            (|c| c.storage.instance = Some("x".into()), "cluster.node"),
            (|c| c.cache.dir = Some("/c".into()), "cache.dir"),
            (|c| c.cluster.partitions = 0, "1 to 4096"),
            (|c| c.cluster.node = Some("a/b".into()), "for example log-0"),
            (
                |c| c.cluster.advertise = Some("n1:8080".into()),
                "must begin with http",
            ),
            (|c| c.cluster.moves = 0, "more than 0"),
            (
                |c| c.cluster.dead_after = c.cluster.heartbeat,
                "at least twice",
            ),
        ];
        for (change, why) in cases {
            let refusal = validate(&config(change)).expect_err(why).to_string();
            assert!(refusal.contains(why), "{refusal}");
        }
    }

    #[test]
    fn a_node_is_reached_where_it_listens_if_nothing_else_is_said() {
        let url = |change: fn(&mut Config)| config(change).advertised(81).expect("a URL");
        assert_eq!(url(|_| ()), "http://127.0.0.1:81");
        assert_eq!(
            url(|c| c.host = "::1".parse().expect("an address")),
            "http://[::1]:81"
        );
        assert_eq!(
            url(|c| c.tls.certificate = Some("c".into())),
            "https://127.0.0.1:81"
        );
        assert_eq!(
            url(|c| c.cluster.advertise = Some("http://a:1/".into())),
            "http://a:1"
        );
        let of_all = url(|c| c.host = "0.0.0.0".parse().expect("an address"));
        assert!(!of_all.contains("0.0.0.0"), "{of_all}");
    }
}
