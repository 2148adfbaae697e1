//! Reads orders, one a line: a stream of appends to make over a session. Prints what became of it.
//!
//! `openapi/tests/test_append_many.py` runs it, as it runs such a program of each other client with a layer by hand.

#![expect(clippy::print_stdout, reason = "it answers there")]

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::stream;
use opendata_log::{AppendOptions, LogClient, Record, Retry};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader, stdin};
use tokio::time::sleep;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut orders = BufReader::new(stdin()).lines();
    while let Some(line) = orders.next_line().await? {
        let outcome = append_many(&serde_json::from_str(&line)?).await?;
        println!("{outcome}");
    }
    Ok(())
}

async fn append_many(order: &Value) -> Result<Value, Box<dyn Error>> {
    let number = |name: &str| order[name].as_u64();
    let log = client(order)?;
    let (bad, records) = (number("bad"), number("records").unwrap_or(1));
    let taken = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&taken);
    let numbers = 0..number("appends").unwrap_or(u64::MAX);
    let appends = numbers.map(move |each| {
        counted.fetch_add(1, Ordering::Relaxed);
        // The server refuses so long a key.
        let key = "k".repeat(if bad == Some(each) { 10_000 } else { 1 });
        let values = each * records..(each + 1) * records;
        let each = move |value: u64| Record::new(key.clone(), value.to_string());
        values.map(each).collect::<Vec<_>>()
    });
    let durable = order["durable"].as_bool().unwrap_or(false);
    let options = AppendOptions::new().await_durable(durable);
    let mut outcomes = log.append_many(stream::iter(appends), options);
    if let Some(most) = number("outstanding") {
        outcomes = outcomes.outstanding(usize::try_from(most)?, usize::MAX);
    }
    let (mut count, mut most, mut next, mut gaps) = (0, 0, 0, 0);
    let mut failed = json!({"error": null, "unknown": false, "told": ""});
    while number("stop") != Some(count) {
        match outcomes.next().await {
            None => break,
            Some(Ok(appended)) => {
                let start = appended.start.unwrap_or(next);
                gaps += u64::from(start != next || appended.count != records);
                next = start + records;
                count += 1;
            }
            Some(Err(error)) => {
                let kind = format!("{:?}", error.kind());
                failed = json!({
                    "error": kind.split([' ', '(', '{']).next(),
                    "unknown": error.is_unknown_outcome(),
                    "told": error.to_string(),
                });
                break;
            }
        }
        most = most.max(taken.load(Ordering::Relaxed) - count);
        if let Some(pause) = number("pause") {
            sleep(Duration::from_millis(pause)).await;
        }
    }
    failed["count"] = count.into();
    failed["most"] = most.into();
    failed["gaps"] = gaps.into();
    Ok(failed)
}

fn client(order: &Value) -> Result<LogClient, Box<dyn Error>> {
    let url = order["url"].as_str().ok_or("an order has a url")?;
    let builder = LogClient::builder(url).retry(Retry {
        attempts: 100,
        pause: Duration::from_millis(50),
        ..Retry::default()
    });
    let is_producer = order["producer"].as_bool().unwrap_or(true);
    let builder = if is_producer {
        builder
    } else {
        builder.without_producers()
    };
    Ok(builder.build()?)
}
