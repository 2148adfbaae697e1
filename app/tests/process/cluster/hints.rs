//! What nodes tell each other may be wrong.

use super::*;

/// How often each node is told that each partition was closed.
const TIMES: usize = 20;

/// Says to `node` that `partition` was closed by `by`.
async fn tell(node: &Server, by: &str, partition: usize) -> u16 {
    let path = format!("/-/cluster/wake?node={by}&partition={partition}");
    let told = http().post(format!("{}{path}", node.url())).send().await;
    told.expect("answered").status().as_u16()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partition_that_is_said_to_be_closed_and_is_not_stays_where_it_is() {
    let place = Place::s3();
    let [a, b] = ["a", "b"].map(|name| start(&place, name));
    until_served(&[&a, &b], &["a", "b"]).await;
    let before = cluster(&a).await["partitions"].clone();
    let load = load::Load::start(&[&a, &b]);
    for _ in 0..TIMES {
        for partition in 0..PARTITIONS {
            for (node, by) in [(&a, "b"), (&b, "a"), (&a, "a"), (&b, "nobody")] {
                assert_eq!(tell(node, by, partition).await, 204);
            }
        }
        sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(tell(&a, "b", PARTITIONS).await, 400);
    load.stop().await.check(&[&a, &b]).await;
    let after = cluster(&a).await["partitions"].clone();
    let nodes = |partitions: &Value| -> Vec<Value> {
        let partitions = partitions.as_array().expect("partitions").iter();
        partitions
            .map(|partition| partition["node"].clone())
            .collect()
    };
    assert_eq!(nodes(&before), nodes(&after));
    for node in [&a, &b] {
        let lost = "log_cluster_moves_total{direction=\"lost\"}";
        let metrics = Client::new(node).metrics().await;
        let moved = metrics.lines().find(|line| line.starts_with(lost));
        assert!(moved.is_none_or(|line| line.ends_with(" 0")), "{moved:?}");
    }
}
