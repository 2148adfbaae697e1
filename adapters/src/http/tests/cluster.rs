//! Two nodes of a cluster: one serves partition 1, of two, and the other one nothing.

use futures::{FutureExt, StreamExt, stream};
use log_domain::cluster::{NodeName, Partition, Partitions};
use parking_lot::Mutex;
use poem::http::{Request as Sent, Response as Got};
use prost::Message;
use tokio::sync::watch;

use super::forwarding::writers::At;
use super::session::{DELIMITED, Session};
use super::*;
use crate::http::{
    ClusterStatus, Lost, NodeParts, PartitionMap, PartitionRoutes, PartitionState, PartitionStatus,
    Place, Streamed, Writer, proto,
};

mod full_streams;
mod passed;
mod split;
mod unordered;

/// A key of partition 1, and one of partition 0.
const ONE: &str = "a";
const ZERO: &str = "mailbox/é";

/// What a node knows.
struct Map {
    /// A partition that is here.
    here: Mutex<Option<(u32, PartitionRoutes)>>,
    there: Option<Arc<dyn Writer>>,
    changes: watch::Sender<()>,
    stopping: watch::Sender<bool>,
}

impl Map {
    fn new(there: Option<Arc<dyn Writer>>) -> Arc<Self> {
        Arc::new(Self {
            here: Mutex::default(),
            there,
            changes: watch::Sender::default(),
            stopping: watch::Sender::default(),
        })
    }
}

fn partitions() -> Partitions {
    Partitions::new(2).expect("two")
}

impl PartitionMap for Map {
    fn partitions(&self) -> Partitions {
        partitions()
    }

    fn place(&self, partition: Partition) -> Place {
        match (&*self.here.lock(), &self.there) {
            (Some((number, here)), _) if partition.number() == *number => Place::Here(here.clone()),
            (_, Some(there)) => Place::There {
                url: "http://there".to_owned(),
                node: Arc::clone(there),
            },
            _ => Place::Nowhere,
        }
    }

    fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    fn moved(&self, _partition: Partition, _from: &str, _to: Option<&str>) {}

    fn stopping(&self) -> BoxFuture<'static, ()> {
        let mut stopping = self.stopping.subscribe();
        async move {
            let _stops = stopping.wait_for(|stops| *stops).await;
        }
        .boxed()
    }

    fn status(&self) -> ClusterStatus {
        let partitions = partitions().all().map(|partition| PartitionStatus {
            partition,
            node: None,
            state: PartitionState::Unserved,
            watermarks: None,
        });
        ClusterStatus {
            partitions: partitions.collect(),
            nodes: Vec::new(),
        }
    }

    fn has_written(&self, _node: NodeName) {}

    fn gives_up(&self, _partition: Partition) {}
}

/// A node, and with it the log of partition 1, which it serves if `serves` says so.
fn node(map: &Arc<Map>, serves: bool) -> Server {
    node_with(map, serves, None)
}

/// The same, which authorizes requests.
fn node_with(map: &Arc<Map>, serves: bool, authorizer: Option<Arc<dyn Authorizer>>) -> Server {
    node_of(1, map, serves, authorizer)
}

/// The same, with the log of this partition.
fn node_of(
    partition: u32,
    map: &Arc<Map>,
    serves: bool,
    authorizer: Option<Arc<dyn Authorizer>>,
) -> Server {
    let mut options = HttpOptions::default();
    options.forward.timeout = Duration::from_millis(200);
    let limits = Limits::default();
    let meter = SdkMeterProvider::default().meter("test");
    let api = HttpApi::starting(&meter, authorizer, options);
    let partitions_api = api.open_cluster::<MemoryStore>(
        &limits,
        NodeParts {
            map: Arc::clone(map) as Arc<_>,
            readiness: Arc::new(Ready(Ok(()))),
            render_metrics: Arc::new(String::new),
            meter: meter.clone(),
        },
    );
    let followers = Arc::new(Followers::new(&limits));
    let memory = Memory::new(SealPolicy::default(), ProducerPolicy::default());
    let store = MemoryStore::open(memory, Arc::new(SystemClock), Arc::clone(&followers) as _);
    let number = partition;
    let partition = partitions().get(number).expect("a partition");
    let service = LogService::new(store, followers, Arc::new(()), limits);
    let service = Arc::new(service.as_partition(partition, partitions()));
    if serves {
        *map.here.lock() = Some((number, partitions_api.routes(Arc::clone(&service))));
    }
    Server {
        endpoint: Arc::new(api.endpoint(Side::Only).boxed()),
        service,
    }
}

/// A node that serves nothing, and the log of the one that serves partition 1.
fn two_nodes() -> (Server, Arc<Map>, Arc<LogService<MemoryStore>>) {
    let serving = node(&Map::new(None), true);
    let service = Arc::clone(&serving.service);
    let map = Map::new(Some(Arc::new(At(serving))));
    (node(&map, false), map, service)
}

/// A frame that appends a record to each of these keys.
fn frame(keys: &[&str]) -> Vec<u8> {
    let records = keys.iter().map(|key| proto::Record {
        key: Some(Bytes::copy_from_slice(key.as_bytes())),
        value: Some("v".into()),
        headers: Vec::new(),
    });
    let request = proto::AppendRequest {
        records: records.collect(),
        ..Default::default()
    };
    request.encode_length_delimited_to_vec()
}

#[tokio::test]
async fn a_session_goes_to_the_partition_of_its_first_frame_that_has_one() {
    let (node, _, log) = two_nodes();
    let mut session = Session::open(&node).await;
    session.send(frame(&[ONE, ZERO]));
    let (code, message) = session.refusal().await;
    assert_eq!(code, "spans_partitions");
    assert!(message.contains("in different partitions"), "{message}");
    session.send(frame(&[ONE]));
    assert_eq!(session.start().await, 0);
    session.send([frame(&[ONE]), frame(&[ZERO]), frame(&["{a}/b"])].concat());
    assert_eq!(session.start().await, 1);
    assert_eq!(session.refusal().await.0, "invalid_argument");
    assert_eq!(session.start().await, 2);
    session.end();
    assert_eq!(session.answer().await, None);
    assert_eq!(log.watermarks().tip, Sequence::new(3));
}

#[tokio::test]
async fn a_session_ends_with_what_is_wrong_with_a_frame_after_all_before_it_are_answered() {
    let (node, ..) = two_nodes();
    for bad_first in [true, false] {
        let mut session = Session::open(&node).await;
        if !bad_first {
            session.send(frame(&[ONE]));
            session.start().await;
        }
        session.send(vec![0xff; 11]);
        assert_eq!(session.refusal().await.0, "invalid_argument");
        assert_eq!(session.answer().await, None);
    }
}

#[tokio::test]
async fn a_session_that_is_passed_on_ends_when_the_node_stops_with_all_it_read_answered() {
    let (node, map, log) = two_nodes();
    let mut session = Session::open(&node).await;
    session.send(frame(&[ONE]));
    session.start().await;
    map.stopping.send_replace(true);
    assert_eq!(session.answer().await, None);
    assert_eq!(log.watermarks().tip, Sequence::new(1));
}

#[tokio::test]
async fn a_session_of_a_partition_that_nobody_serves_is_told_so_in_time() {
    let node = node(&Map::new(None), false);
    let mut session = Session::open(&node).await;
    session.send(frame(&[ONE]));
    let (code, message) = session.refusal().await;
    assert_eq!(code, "unavailable");
    assert!(message.contains("nothing was applied"), "{message}");
    assert_eq!(session.answer().await, None);
}

/// A node that takes a session and then breaks off.
struct Breaks;

impl Writer for Breaks {
    fn send(&self, _: Sent<Bytes>) -> BoxFuture<'_, std::result::Result<Got<Bytes>, Lost>> {
        std::future::pending().boxed()
    }

    fn stream(&self, _: Sent<Bytes>) -> BoxFuture<'_, std::result::Result<Got<Streamed>, Lost>> {
        std::future::pending().boxed()
    }

    fn exchange(
        &self,
        request: Sent<Streamed>,
    ) -> BoxFuture<'_, std::result::Result<Got<Streamed>, Lost>> {
        async {
            let mut frames = request.into_body();
            let answers = stream::once(async move {
                frames.next().await;
                Err("the connection is gone".to_owned())
            });
            Ok(Got::new(answers.boxed()))
        }
        .boxed()
    }
}

#[tokio::test]
async fn a_session_whose_node_is_lost_breaks_off_because_nobody_knows_what_became_of_it() {
    let node = node(&Map::new(Some(Arc::new(Breaks))), false);
    let frames = Body::from_bytes(frame(&[ONE]).into());
    let request = post("/api/v1/log/session", &[DELIMITED]).body(frames);
    let answer = node.response(request).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let received = answer.into_body().into_bytes().await;
    received.expect_err("an answer without an end");
}

#[tokio::test]
async fn the_parameter_partition_names_one_of_the_cluster_or_the_only_one_of_a_log() {
    let (node, ..) = two_nodes();
    node.append(ONE, &["v"]).await;
    let keys = node.get("/api/v1/log/keys?partition=1&format=text").await;
    assert_eq!(keys.json()["keys"][0]["keyText"], ONE);
    for path in ["segments", "keys?partition=2", "keys?partition=x"] {
        let refused = node.get(&format!("/api/v1/log/{path}")).await;
        let message = refused.error(400, "invalid_argument");
        assert!(message.starts_with("partition: "), "{message}");
    }
    let single = memory_server();
    let all = single.get("/api/v1/log/keys?partition=0").await;
    assert_eq!(all.status, StatusCode::OK);
    let refused = single.get("/api/v1/log/segments?partition=1").await;
    let message = refused.error(400, "invalid_argument");
    assert!(message.contains("is not clustered"), "{message}");
}

#[tokio::test]
async fn every_node_says_which_partitions_there_are() {
    let (node, ..) = two_nodes();
    let status = node.get("/api/v1/cluster").await.json();
    let states = status["partitions"].as_array().expect("partitions").iter();
    let states: Vec<_> = states.map(|partition| &partition["state"]).collect();
    assert_eq!(states, ["unserved", "unserved"]);
    node.get("/api/v1/cluster?nope=1")
        .await
        .error(400, "invalid_argument");
}

#[tokio::test]
async fn with_tokens_a_node_is_told_of_news_only_by_who_may_read() {
    let tokens: Arc<dyn Authorizer> = Arc::new(NamedRights);
    let node = node_with(&Map::new(None), false, Some(tokens));
    let wake = |headers: &[(&str, &str)]| post("/-/cluster/wake?node=b", headers).finish();
    let refused = node.send(wake(&[])).await;
    refused.error(401, "unauthenticated");
    let told = node.send(wake(&[("authorization", "Bearer read")])).await;
    assert_eq!(told.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_stream_that_is_passed_on_goes_on_behind_the_last_event() {
    let (node, ..) = two_nodes();
    node.append(ONE, &["0", "1", "2"]).await;
    let uri = format!("/api/v1/log/stream?key={ONE}&end_seq=3");
    let events = node.send(get(&uri, &[("last-event-id", "0")])).await;
    let text = String::from_utf8_lossy(&events.body);
    let ids: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("id:"))
        .map(str::trim)
        .collect();
    assert_eq!(ids, ["1", "2"], "{text}");
}

#[tokio::test]
async fn a_node_refuses_methods_before_it_asks_for_the_partition() {
    let (node, ..) = two_nodes();
    for path in ["append", "keys", "segments", "session"] {
        let uri = format!("/api/v1/log/{path}");
        let refused = node.send(request(Method::PATCH, &uri, &[]).finish()).await;
        refused.error(405, "method_not_allowed");
    }
}

#[tokio::test]
async fn a_listing_of_all_partitions_takes_the_defaults_of_generated_clients() {
    let map = Map::new(None);
    let node = node(&map, true);
    let with_default = node.get("/api/v1/log/keys?start_segment=0&limit=32").await;
    // Nobody serves partition 0, and that is what it says.
    with_default.error(503, "unavailable");
    let refused = node.get("/api/v1/log/keys?start_segment=1").await;
    let message = refused.error(400, "invalid_argument");
    assert!(message.contains("one partition"), "{message}");
}
