//! The objects of a cluster, below its path.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt};
use log_domain::cluster::{Mark, NodeName, Partition, Partitions};
use log_domain::{Error, Result};
use object_store::path::{Path, PathPart};
use object_store::{ObjectStore, ObjectStoreExt, PutMode, UpdateVersion};

use super::{NodeState, Owner, partitions};

/// Reads and writes the objects of a cluster.
#[derive(Clone)]
pub struct ClusterObjects {
    objects: Arc<dyn ObjectStore>,
    path: String,
}

/// What a listing shows of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Differs after each time that the node wrote.
    pub mark: Mark,
    /// Differs when the node wrote something else.
    pub content: Option<String>,
}

/// A version of the object of a node, for a conditional write.
#[derive(Debug, Clone, PartialEq)]
pub struct Version(UpdateVersion);

/// What became of a write.
#[derive(Debug, Clone, PartialEq)]
pub enum Written {
    /// It was made; this is the version now.
    As(Version),
    /// Another process has written the object since, or it is gone.
    Changed,
}

impl ClusterObjects {
    /// The objects below `path`.
    pub fn new(objects: Arc<dyn ObjectStore>, path: impl Into<String>) -> Self {
        Self {
            objects,
            path: path.into(),
        }
    }

    /// How many partitions the cluster has, if it is one.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the store does not answer; [`Error::Corrupt`] when the object is not of this version.
    pub async fn partitions(&self) -> Result<Option<Partitions>> {
        let found = self.read(&self.of_partitions()).await?;
        found
            .map(|(content, _)| partitions::decode(&content))
            .transpose()
    }

    /// Begins a cluster with `wanted` partitions, unless it is there. It is created only if `create` says so.
    ///
    /// # Errors
    /// As [`ClusterObjects::partitions`]; [`Error::Invalid`] when it is there with another number, a log without partitions is, or nothing is
    /// that it would have to create.
    pub async fn begin(&self, wanted: Partitions, create: bool) -> Result<()> {
        let mut found = self.partitions().await?;
        if found.is_none() {
            self.refuse_others().await?;
            if !create {
                return Err(self.is_missing());
            }
            found = self.create(wanted).await?;
        }
        match found {
            Some(found) if found != wanted => Err(Error::invalid(format!(
                "it has {} partitions, and cluster.partitions says {}: their number never changes, because keys are filed by it",
                found.number(),
                wanted.number()
            ))),
            _ => Ok(()),
        }
    }

    /// Says that there is a cluster of `wanted` partitions. Answers what it has, if it was there.
    ///
    /// # Errors
    /// As [`ClusterObjects::partitions`].
    pub async fn create(&self, wanted: Partitions) -> Result<Option<Partitions>> {
        let content = partitions::encode(wanted)?;
        let object = self.of_partitions();
        let put = self
            .objects
            .put_opts(&object, content.into(), PutMode::Create.into());
        match put.await {
            Ok(_) => Ok(Some(wanted)),
            // Another node has begun it at the same moment; or this one has, and the answer was lost.
            Err(object_store::Error::AlreadyExists { .. }) => self.partitions().await,
            Err(error) => Err(unavailable(error)),
        }
    }

    /// Whether there is anything of a cluster: its objects, or partitions.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn has_objects(&self) -> Result<bool> {
        Ok(self.has(&self.cluster()).await? || self.has(&self.below("p")).await?)
    }

    async fn has(&self, below: &Path) -> Result<bool> {
        let found = self.objects.list(Some(below)).next().await;
        found
            .transpose()
            .map(|found| found.is_some())
            .map_err(unavailable)
    }

    fn below(&self, name: &str) -> Path {
        Path::from(self.path.as_str()).join(PathPart::from(name))
    }

    fn is_missing(&self) -> Error {
        Error::invalid(format!(
            "there is no cluster at {}, and storage.create is `never`: is it the right place, and are its data there? To begin a cluster, set \
             storage.create to `if_missing`",
            self.path
        ))
    }

    /// Refuses a log without partitions, and partitions without a cluster.
    async fn refuse_others(&self) -> Result<()> {
        if self.has(&self.below("manifest")).await? {
            return Err(Error::invalid(
                "there is a log without partitions: a log does not become a cluster. Choose another prefix, and move its records there with \
                 opendata-log export and import",
            ));
        }
        if self.has(&self.below("p")).await? {
            return Err(Error::invalid(
                "there are partitions, and the object cluster/partitions is missing, which says how many: a restore was interrupted, or is still \
                 running; delete what it left, and restore again",
            ));
        }
        Ok(())
    }

    /// What is there of each node. Objects whose names are none of nodes are ignored.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn nodes(&self) -> Result<BTreeMap<NodeName, Listed>> {
        let listed = self.objects.list(Some(&self.of_nodes()));
        let nodes = listed.try_filter_map(async |meta| {
            let name = meta.location.filename().map(NodeName::parse);
            let node = name.and_then(Result::ok).map(|name| {
                let tag = meta.e_tag.as_deref().unwrap_or_default();
                let at = meta.last_modified.timestamp_nanos_opt().unwrap_or_default();
                let mark = Mark(format!("{tag} {at} {}", meta.size));
                let content = meta.e_tag;
                (name, Listed { mark, content })
            });
            Ok(node)
        });
        nodes.try_collect().await.map_err(unavailable)
    }

    /// What a node says of itself, if it is there.
    ///
    /// # Errors
    /// As [`ClusterObjects::partitions`].
    pub async fn node(
        &self,
        node: &NodeName,
        partitions: Partitions,
    ) -> Result<Option<(NodeState, Version)>> {
        let found = self.read(&self.of_node(node)).await?;
        found
            .map(|(content, version)| Ok((NodeState::decode(&content, partitions)?, version)))
            .transpose()
    }

    /// Writes what a node says of itself: over `expected`, or as a new object.
    ///
    /// After an error the write may have been made.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn write(
        &self,
        node: &NodeName,
        state: &NodeState,
        expected: Option<&Version>,
    ) -> Result<Written> {
        self.replace(&self.of_node(node), state.encode()?, expected)
            .await
    }

    /// Which node has a partition, or had it last.
    ///
    /// # Errors
    /// As [`ClusterObjects::partitions`].
    pub async fn owner(&self, partition: Partition) -> Result<Option<(Owner, Version)>> {
        let found = self.read(&self.of_owner(partition)).await?;
        found
            .map(|(content, version)| Ok((Owner::decode(&content)?, version)))
            .transpose()
    }

    /// Writes which node has a partition: over `expected`, or as a new object. Of nodes that claim it at the same time, one succeeds.
    ///
    /// After an error the write may have been made.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn own(
        &self,
        partition: Partition,
        owner: &Owner,
        expected: Option<&Version>,
    ) -> Result<Written> {
        self.replace(&self.of_owner(partition), owner.encode()?, expected)
            .await
    }

    /// Removes the object of a node.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn remove(&self, node: &NodeName) -> Result<()> {
        match self.objects.delete(&self.of_node(node)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(unavailable(error)),
        }
    }

    /// The path of the log that a partition is.
    pub fn of_partition(&self, partition: Partition) -> String {
        format!("{}/p/{:04}", self.path, partition.number())
    }

    fn of_owner(&self, partition: Partition) -> Path {
        let number = format!("{:04}", partition.number());
        let owners = self.cluster().join(PathPart::from("owners"));
        owners.join(PathPart::from(number))
    }

    fn of_partitions(&self) -> Path {
        self.cluster().join(PathPart::from("partitions"))
    }

    fn of_nodes(&self) -> Path {
        self.cluster().join(PathPart::from("nodes"))
    }

    fn of_node(&self, node: &NodeName) -> Path {
        self.of_nodes().join(PathPart::from(node.as_str()))
    }

    fn cluster(&self) -> Path {
        Path::from(self.path.as_str()).join(PathPart::from("cluster"))
    }

    async fn replace(
        &self,
        object: &Path,
        content: Vec<u8>,
        expected: Option<&Version>,
    ) -> Result<Written> {
        let mode = match expected {
            Some(Version(version)) => PutMode::Update(version.clone()),
            None => PutMode::Create,
        };
        let put = self.objects.put_opts(object, content.into(), mode.into());
        match put.await {
            Ok(put) => Ok(Written::As(Version(put.into()))),
            Err(
                object_store::Error::AlreadyExists { .. }
                | object_store::Error::Precondition { .. }
                | object_store::Error::NotFound { .. },
            ) => Ok(Written::Changed),
            Err(error) => Err(unavailable(error)),
        }
    }

    async fn read(&self, object: &Path) -> Result<Option<(bytes::Bytes, Version)>> {
        let found = match self.objects.get(object).await {
            Ok(found) => found,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(unavailable(error)),
        };
        let version = UpdateVersion {
            e_tag: found.meta.e_tag.clone(),
            version: found.meta.version.clone(),
        };
        let content = found.bytes().await.map_err(unavailable)?;
        Ok(Some((content, Version(version))))
    }
}

fn unavailable(cause: object_store::Error) -> Error {
    Error::Unavailable {
        message: "the object store does not answer".into(),
        cause: Some(Arc::new(cause)),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use object_store::memory::InMemory;

    use super::*;
    use crate::cluster::Hold;

    fn partitions(number: u32) -> Partitions {
        Partitions::new(number).expect("in range")
    }

    fn cluster() -> (Arc<InMemory>, ClusterObjects) {
        let objects = Arc::new(InMemory::new());
        (objects.clone(), ClusterObjects::new(objects, "a/b"))
    }

    fn state(incarnation: u64) -> NodeState {
        NodeState {
            incarnation,
            url: "http://localhost:1".into(),
            zone: Some("z".into()),
            release: "1".into(),
            dead_after: Duration::ZERO,
            leaving: false,
            serving: partitions(4).all().collect(),
        }
    }

    async fn refusal(cluster: &ClusterObjects, wanted: u32) -> String {
        let begun = cluster.begin(partitions(wanted), true).await;
        begun.expect_err("refused").to_string()
    }

    #[tokio::test]
    async fn a_cluster_is_begun_once_and_keeps_its_number_of_partitions() {
        let (_, cluster) = cluster();
        assert_eq!(cluster.partitions().await.expect("asked"), None);
        let missing = cluster.begin(partitions(4), false).await;
        let missing = missing.expect_err("nothing is created").to_string();
        assert!(missing.contains("storage.create is `never`"), "{missing}");
        cluster.begin(partitions(4), true).await.expect("begun");
        let there = cluster.begin(partitions(4), false).await;
        there.expect("nothing had to be created");
        cluster.begin(partitions(4), true).await.expect("there");
        assert_eq!(
            cluster.partitions().await.expect("asked"),
            Some(partitions(4))
        );
        let refusal = refusal(&cluster, 8).await;
        assert!(
            refusal.contains("4 partitions, and cluster.partitions says 8"),
            "{refusal}"
        );
    }

    #[tokio::test]
    async fn a_log_does_not_become_a_cluster() {
        let (objects, cluster) = cluster();
        let manifest = Path::from("a/b/manifest/00000000000000000001.manifest");
        objects.put(&manifest, "x".into()).await.expect("written");
        let refusal = refusal(&cluster, 4).await;
        assert!(refusal.contains("export and import"), "{refusal}");
        assert_eq!(cluster.partitions().await.expect("asked"), None);
    }

    #[tokio::test]
    async fn nodes_write_and_find_each_other() {
        let (_, cluster) = cluster();
        let [a, b] = ["a", "b"].map(|name| NodeName::parse(name).expect("a name"));
        for (node, incarnation) in [(&a, 1), (&b, 2)] {
            let written = cluster.write(node, &state(incarnation), None).await;
            assert!(matches!(written, Ok(Written::As(_))), "{written:?}");
        }
        let nodes = cluster.nodes().await.expect("listed");
        assert_eq!(nodes.keys().collect::<Vec<_>>(), [&a, &b]);
        let found = cluster.node(&b, partitions(4)).await.expect("read");
        assert_eq!(found.expect("there").0, state(2));
        cluster.remove(&b).await.expect("removed");
        cluster.remove(&b).await.expect("gone");
        assert_eq!(cluster.nodes().await.expect("listed").len(), 1);
        assert_eq!(cluster.node(&b, partitions(4)).await.expect("asked"), None);
    }

    #[tokio::test]
    async fn the_second_process_under_a_name_is_found_by_the_first() {
        let (_, cluster) = cluster();
        let a = NodeName::parse("a").expect("a name");
        let Ok(Written::As(first)) = cluster.write(&a, &state(1), None).await else {
            panic!("written");
        };
        assert_eq!(
            cluster.write(&a, &state(2), None).await.ok(),
            Some(Written::Changed)
        );
        let found = cluster.node(&a, partitions(4)).await.expect("read");
        let (_, version) = found.expect("there");
        let second = cluster.write(&a, &state(2), Some(&version)).await;
        assert!(matches!(second, Ok(Written::As(_))), "{second:?}");
        let again = cluster.write(&a, &state(1), Some(&first)).await;
        assert_eq!(again.expect("answered"), Written::Changed);
        cluster.remove(&a).await.expect("removed");
        let gone = cluster.write(&a, &state(2), Some(&version)).await;
        assert_eq!(gone.expect("answered"), Written::Changed);
    }

    #[tokio::test]
    async fn of_nodes_that_claim_a_partition_at_the_same_time_one_has_it() {
        let (_, cluster) = cluster();
        let partition = partitions(4).get(1).expect("has it");
        let owner = |name: &str, hold| Owner {
            node: NodeName::parse(name).expect("a name"),
            incarnation: 1,
            write: 1,
            hold,
        };
        let own = async |owner: Owner, expected: Option<&Version>| {
            let written = cluster.own(partition, &owner, expected).await;
            written.expect("answered")
        };
        assert_eq!(cluster.owner(partition).await.expect("asked"), None);
        let Written::As(first) = own(owner("a", Hold::Held), None).await else {
            panic!("claimed");
        };
        assert_eq!(own(owner("b", Hold::Held), None).await, Written::Changed);
        let Written::As(released) = own(owner("a", Hold::Closed), Some(&first)).await else {
            panic!("released");
        };
        let found = cluster.owner(partition).await.expect("asked");
        assert_eq!(
            found.expect("there"),
            (owner("a", Hold::Closed), released.clone())
        );
        assert_ne!(
            own(owner("b", Hold::Held), Some(&released)).await,
            Written::Changed
        );
        assert_eq!(
            own(owner("c", Hold::Held), Some(&released)).await,
            Written::Changed
        );
    }

    #[tokio::test]
    async fn every_write_changes_the_mark() {
        let (_, cluster) = cluster();
        let a = NodeName::parse("a").expect("a name");
        let mut expected = None;
        let mut marks = Vec::new();
        for _ in 0..3 {
            let written = cluster.write(&a, &state(1), expected.as_ref()).await;
            let Ok(Written::As(version)) = written else {
                panic!("{written:?}");
            };
            expected = Some(version);
            marks.push(cluster.nodes().await.expect("listed")[&a].mark.0.clone());
        }
        marks.dedup();
        assert_eq!(marks.len(), 3);
    }

    #[test]
    fn partitions_have_paths_of_their_own() {
        let (_, cluster) = cluster();
        let last = partitions(8).all().last().expect("has some");
        assert_eq!(cluster.of_partition(last), "a/b/p/0007");
    }
}
