//! Reads orders, one a line: a stream of appends to make over a session. Prints what became of it.
//!
//! `openapi/tests/test_append_many.py` runs it, as it runs such a program of each other client with a layer by hand.

#![expect(clippy::print_stdout, reason = "it answers there")]

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::stream::{self, Stream, StreamExt};
use opendata_log::{AppendOptions, LogClient, Record, Retry};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader, stdin};
use tokio::time::{Instant, sleep};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut orders = BufReader::new(stdin()).lines();
    while let Some(line) = orders.next_line().await? {
        let outcome = append_many(&serde_json::from_str(&line)?).await?;
        println!("{outcome}");
    }
    Ok(())
}

/// An input waits for outcomes for so long at most.
const HELD: Duration = Duration::from_secs(5);

/// What is counted.
#[derive(Default)]
struct Counters {
    /// Appends that were taken.
    taken: AtomicU64,
    /// Outcomes.
    count: AtomicU64,
    /// Appends for which the outcomes before them did not come.
    held: AtomicU64,
}

async fn append_many(order: &Value) -> Result<Value, Box<dyn Error>> {
    let number = |name: &str| order[name].as_u64();
    let log = client(order)?;
    let records = number("records").unwrap_or(1);
    let durable = order["durable"].as_bool().unwrap_or(false);
    let options = AppendOptions::new().await_durable(durable);
    let counters = Arc::new(Counters::default());
    let (mut count, mut most, mut next, mut gaps) = (0, 0, 0, 0);
    let mut failed = json!({"error": null, "unknown": false, "told": ""});
    for _ in 0..number("calls").unwrap_or(1) {
        let mut outcomes = log.append_many(appends(order, &counters), options.clone());
        if let Some(most) = number("outstanding") {
            outcomes = outcomes.outstanding(usize::try_from(most)?, usize::MAX);
        }
        let last = number("stop").map(|stop| count + stop);
        while last != Some(count) {
            match outcomes.next().await {
                None => break,
                Some(Ok(appended)) => {
                    let start = appended.start.unwrap_or(next);
                    gaps += u64::from(start != next || appended.count != records);
                    next = start + records;
                    count += 1;
                    counters.count.store(count, Ordering::Relaxed);
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
            most = most.max(counters.taken.load(Ordering::Relaxed) - count);
            if let Some(pause) = number("pause") {
                sleep(Duration::from_millis(pause)).await;
            }
        }
    }
    failed["count"] = count.into();
    failed["most"] = most.into();
    failed["gaps"] = gaps.into();
    failed["held"] = counters.held.load(Ordering::Relaxed).into();
    Ok(failed)
}

/// The appends that are asked for, each after the pauses before it.
fn appends(order: &Value, counters: &Arc<Counters>) -> impl Stream<Item = Vec<Record>> + use<> {
    let number = |name: &str| order[name].as_u64();
    let (bad, records) = (number("bad"), number("records").unwrap_or(1));
    let length = usize::try_from(number("bytes").unwrap_or(0)).unwrap_or(usize::MAX);
    let pause = (
        order["pause_at"][0].as_u64(),
        order["pause_at"][1].as_f64().unwrap_or(0.0),
    );
    let waits = order["waits"].as_bool().unwrap_or(false);
    let numbers = stream::iter(0..number("appends").unwrap_or(u64::MAX));
    let counters = Arc::clone(counters);
    numbers.then(move |each| {
        let counters = Arc::clone(&counters);
        async move {
            if pause.0 == Some(each) {
                sleep(Duration::from_secs_f64(pause.1)).await;
            }
            if waits {
                wait_for_outcomes(each, &counters).await;
            }
            counters.taken.fetch_add(1, Ordering::Relaxed);
            // The server refuses so long a key.
            let key = "k".repeat(if bad == Some(each) { 10_000 } else { 1 });
            let values = each * records..(each + 1) * records;
            let padded = |value: u64| {
                let value = value.to_string();
                "0".repeat(length.saturating_sub(value.len())) + &value
            };
            let record = |value| Record::new(key.clone(), padded(value));
            values.map(record).collect()
        }
    })
}

async fn wait_for_outcomes(least: u64, counters: &Counters) {
    let began = Instant::now();
    while counters.count.load(Ordering::Relaxed) < least {
        if began.elapsed() > HELD {
            counters.held.fetch_add(1, Ordering::Relaxed);
            return;
        }
        sleep(Duration::from_millis(2)).await;
    }
}

fn client(order: &Value) -> Result<LogClient, Box<dyn Error>> {
    let url = order["url"].as_str().ok_or("an order has a url")?;
    let seconds =
        |name: &str, unless: f64| Duration::from_secs_f64(order[name].as_f64().unwrap_or(unless));
    let attempts = order["attempts"].as_u64().unwrap_or(100);
    let builder = LogClient::builder(url)
        .timeout(seconds("timeout", 60.0))
        .retry(Retry {
            attempts: u32::try_from(attempts)?,
            pause: Duration::from_millis(50),
            patience: seconds("patience", 300.0),
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
