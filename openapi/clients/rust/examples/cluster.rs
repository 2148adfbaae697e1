//! Uses a cluster as the tests tell it to, `cluster URL`: reads orders, one a line, each of which is a list of keys or a prefix, and prints what became of it.
//! The client is the same for all orders. `openapi/tests/test_cluster.py` runs it.

#![expect(clippy::print_stdout, reason = "it answers there")]

use std::collections::BTreeMap;
use std::error::Error;
use std::num::NonZeroU32;

use opendata_log::{
    AppendOptions, LogClient, PartOutcome, Position, ReadOptions, Selection, partition_of,
};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader, stdin};

type Done<T = ()> = Result<T, Box<dyn Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Done {
    let url = std::env::args().nth(1).ok_or("usage: cluster URL")?;
    let log = LogClient::builder(&url).no_proxy().build()?;
    let mut orders = BufReader::new(stdin()).lines();
    while let Some(order) = orders.next_line().await? {
        let order: Value = serde_json::from_str(&order)?;
        if let Some(prefix) = order["prefix"].as_str() {
            println!("{}", read(&log, prefix, &order).await?);
            continue;
        }
        let partitions = order["partitions"].as_u64().ok_or("partitions")?;
        let partitions = NonZeroU32::try_from(u32::try_from(partitions)?)?;
        let mut seen = Vec::new();
        for key in order["keys"].as_array().ok_or("keys")? {
            let key = key.as_str().ok_or("a key")?;
            let found = use_key(&log, key, partition_of(key, partitions)).await;
            seen.push(found.map_err(|error| format!("{key}: {error}"))?);
        }
        println!("{}", json!(seen));
    }
    Ok(())
}

/// Everything that can be done with a key that has no records yet.
async fn use_key(log: &LogClient, key: &str, partition: u32) -> Done<Value> {
    let key = key.to_owned();
    let durable = AppendOptions::new().await_durable(true);
    log.append([(key.clone(), "0")]).await?;
    log.append_with([(key.clone(), "1")], durable).await?;
    let appends = ["2", "3"].map(|value| [(key.clone(), value)]);
    let mut outcomes = log.append_many(futures::stream::iter(appends), AppendOptions::new());
    while let Some(outcome) = outcomes.next().await {
        outcome?;
    }
    let mut scanned = 0;
    let mut records = log.scan(key.clone(), ..);
    while let Some(record) = records.next().await {
        record?;
        scanned += 1;
    }
    let mut tailed = 0;
    let mut tail = log.tail(key.clone(), 0);
    while tailed < 4 {
        tail.next().await.ok_or("an end")??;
        tailed += 1;
    }
    let mut several = log.scan_several(
        Selection::keys([key.clone()]),
        ..,
        ReadOptions::new().page(2),
    );
    let first = several.next().await.ok_or("no record")??;
    let count = log.count(key.clone(), ..).await?.count;
    let position = log.move_cursor(&key, 1, None).await?.position;
    let deleted = log.delete_cursor(&key).await?;
    let here = log.of_partition(partition);
    let mut keys = here.keys(key.clone());
    let listed = keys.next().await.ok_or("no key")??;
    let segments = here.segments(..).await?.len();
    let has_cursors = here.cursors(&key).await?.is_empty();
    let is_first = first.sequence < log.delete_key(key.clone(), None).await?;
    let is_split = split(log, &key, partition).await?;
    let known = [
        listed == key,
        segments > 0,
        deleted,
        is_first,
        has_cursors,
        is_split,
    ];
    Ok(json!([
        scanned,
        tailed,
        count,
        position,
        known.iter().all(|each| *each)
    ]))
}

/// What all keys with a prefix have, from these positions on, and where it ends.
async fn read(log: &LogClient, prefix: &str, order: &Value) -> Done<Value> {
    let number = |value: &Value| value.as_u64().ok_or("a number");
    let mut positions = Vec::new();
    for position in order["positions"].as_array().ok_or("positions")? {
        positions.push(Position {
            partition: u32::try_from(number(&position["partition"])?)?,
            next_sequence: number(&position["nextSequence"])?,
        });
    }
    let options = ReadOptions::new().page(number(&order["page"])?);
    let mut records = log.scan_unordered(prefix.to_owned(), positions, options);
    let mut values: BTreeMap<String, Vec<String>> = BTreeMap::new();
    while let Some(record) = records.next().await {
        let record = record?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let of_key = values.entry(text(&record.key.unwrap_or_default()));
        of_key.or_default().push(text(&record.value));
    }
    let positions = records.positions().iter().map(
        |position| json!({"partition": position.partition, "nextSequence": position.next_sequence}),
    );
    let positions: Vec<Value> = positions.collect();
    Ok(json!({"values": values, "positions": positions}))
}

/// Whether an append that is split by partition is told of in parts, both if it is applied and if not.
async fn split(log: &LogClient, key: &str, partition: u32) -> Done<bool> {
    // All of it is in one partition, so that no node has to pass on a part.
    let records = || [(key.to_owned(), "4"), (format!("{{{key}}}/more"), "5")];
    let durable = AppendOptions::new().await_durable(true);
    let parts = log.append_split(records(), durable).await?;
    let [part] = &parts[..] else { return Ok(false) };
    let PartOutcome::Applied { start } = part.outcome else {
        return Ok(false);
    };
    let is_there = part.partition == partition && part.count == 2 && start >= 4;
    let unwanted = AppendOptions::new().if_no_record_since(key.to_owned(), 0);
    let refused = log.append_split(records(), unwanted).await;
    let refused = refused.err().ok_or("applied against its precondition")?;
    let outcome = refused.parts().first().map(|part| &part.outcome);
    let is_refused =
        matches!(outcome, Some(PartOutcome::Refused { code, .. }) if code == "conflict");
    Ok(is_there && is_refused && refused.status() == Some(409))
}
