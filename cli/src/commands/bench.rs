//! `opendata-log bench`.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use clap::Args;
use futures::future::try_join_all;
use hdrhistogram::Histogram;
use opendata_log::{AppendOptions, BatchBuilder, LogClient, ReadOptions, partition_of};
use serde::Serialize;
use tokio::time::Instant;

use super::Process;
use crate::arguments::{OutputArg, OutputKind, at_least_one};
use crate::connection::{ConnectionArgs, Server};
use crate::exit::Outcome;
use crate::output::Output;
use crate::progress::Progress;
use crate::table::table;
use crate::text;

/// How many records a read asks for at a time.
const PAGE: u64 = 10_000;

const EXAMPLES: &str = "\
Examples:
  opendata-log bench --records 1000
  opendata-log bench --records 1000 --batch 1 --connections 8 --durable
  opendata-log bench --records 1000 --value-bytes 1000 --output json";

/// Measure a server: append records, and read them again.
///
/// The records stay in the log, under keys that begin with --prefix: delete them, or use a server of its own. This program takes a part of
/// the machine if it runs on that of the server. With --output raw: the records a second of the appends, and of the reads.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct BenchArgs {
    /// How many records are appended.
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = at_least_one)]
    records: u64,
    /// How many of them a request has.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = at_least_one)]
    batch: u64,
    /// The length of each value.
    #[arg(long, value_name = "BYTES", default_value_t = 100)]
    value_bytes: usize,
    /// How many requests are on their way at a time. Each has a key of its own.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = at_least_one)]
    connections: u64,
    /// Wait until the records are on object storage.
    #[arg(long)]
    durable: bool,
    /// What the keys begin with.
    #[arg(long, value_name = "PREFIX", default_value = "bench/")]
    prefix: String,
    /// Show no progress.
    #[arg(long, short)]
    quiet: bool,
    #[command(flatten)]
    output: OutputArg,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// What was measured of one kind of request.
struct Measured {
    records: u64,
    bytes: u64,
    took: Duration,
    /// In microseconds.
    latencies: Histogram<u64>,
}

/// What is printed for programs.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct MeasuredOut {
    request: &'static str,
    records: u64,
    records_per_second: u64,
    bytes_per_second: u64,
    p50_us: u64,
    p99_us: u64,
    max_us: u64,
}

impl BenchArgs {
    pub(crate) async fn run(self, mut process: Process) -> Outcome {
        let server = self.connection.server()?;
        let measured = tokio::select! {
            measured = self.measure(&server) => measured?,
            code = process.interrupt.wait() => {
                let prefix = text::quoted(&self.prefix);
                let note = format!("interrupted; what was appended stays under keys that begin with {prefix}");
                return Err(Process::interrupted(code, &note));
            }
        };
        self.print(&measured)
    }

    async fn measure(&self, server: &Server) -> Outcome<[Measured; 2]> {
        // Whether it answers at all.
        let keys: Vec<String> = (0..self.connections)
            .map(|number| self.key(number))
            .collect();
        let from = ends_of(server, &keys).await?;
        let done = Arc::new(AtomicU64::new(0));
        let all = self.records;
        let appends = (0..self.connections).map(|number| {
            let records = all / self.connections + u64::from(number < all % self.connections);
            self.append(&server.client, number, records, &done)
        });
        let appended = self
            .measured("appended", &done, try_join_all(appends))
            .await?;
        done.store(0, Ordering::Relaxed);
        let reads = (0..self.connections)
            .zip(from)
            .map(|(number, from)| self.read(&server.client, number, from, &done));
        let read = self.measured("read", &done, try_join_all(reads)).await?;
        Ok([appended, read])
    }

    fn key(&self, number: u64) -> String {
        format!("{}{number}", self.prefix)
    }

    async fn append(
        &self,
        client: &LogClient,
        number: u64,
        records: u64,
        done: &AtomicU64,
    ) -> Outcome<Histogram<u64>> {
        let mut latencies = histogram();
        let (key, value) = (self.key(number), vec![b'x'; self.value_bytes]);
        let mut left = records;
        while left > 0 {
            let size = left.min(self.batch);
            let mut batch = BatchBuilder::default();
            for _ in 0..size {
                batch.push(key.as_bytes(), &value, &[])?;
            }
            let batch = batch.finish();
            let options = AppendOptions::new().await_durable(self.durable);
            let began = Instant::now();
            client.append_batch(&batch, options).await?;
            latencies.saturating_record(began.elapsed().as_micros() as u64);
            done.fetch_add(size, Ordering::Relaxed);
            left -= size;
        }
        Ok(latencies)
    }

    async fn read(
        &self,
        client: &LogClient,
        number: u64,
        from: u64,
        done: &AtomicU64,
    ) -> Outcome<Histogram<u64>> {
        let mut latencies = histogram();
        let options = ReadOptions::new().page(PAGE);
        let mut records = client.scan_with(self.key(number), from.., options);
        let mut began = Instant::now();
        while let Some(record) = records.next().await {
            record?;
            let read = done.fetch_add(1, Ordering::Relaxed) + 1;
            if read.is_multiple_of(PAGE) {
                latencies.saturating_record(began.elapsed().as_micros() as u64);
                began = Instant::now();
            }
        }
        latencies.saturating_record(began.elapsed().as_micros() as u64);
        Ok(latencies)
    }

    /// Runs `work`, with its progress.
    async fn measured(
        &self,
        what: &'static str,
        done: &AtomicU64,
        work: impl Future<Output = Outcome<Vec<Histogram<u64>>>>,
    ) -> Outcome<Measured> {
        let mut progress = Progress::new(what, Some(self.records), 0, self.quiet);
        let mut every = tokio::time::interval(Duration::from_millis(200));
        tokio::pin!(work);
        let found = loop {
            tokio::select! {
                found = &mut work => break found,
                _ = every.tick() => {
                    let so_far = done.load(Ordering::Relaxed);
                    progress.at(so_far, so_far);
                }
            }
        };
        let took = progress.finish();
        let mut latencies = histogram();
        for each in found? {
            // They have the same bounds.
            let _ = latencies.add(each);
        }
        let records = done.load(Ordering::Relaxed);
        Ok(Measured {
            records,
            bytes: records * self.value_bytes as u64,
            took,
            latencies,
        })
    }

    fn print(&self, [appended, read]: &[Measured; 2]) -> Outcome {
        let mut output = Output::new(self.output.output);
        let all = [("append", appended), ("read", read)];
        match output.kind() {
            OutputKind::Json => {
                for (what, measured) in all {
                    output.json(&MeasuredOut {
                        request: what,
                        records: measured.records,
                        records_per_second: measured.rate(),
                        bytes_per_second: measured.bytes_rate(),
                        p50_us: measured.latencies.value_at_quantile(0.5),
                        p99_us: measured.latencies.value_at_quantile(0.99),
                        max_us: measured.latencies.max(),
                    })?;
                }
            }
            OutputKind::Raw => {
                for (_, measured) in all {
                    output.line(&measured.rate().to_string())?;
                }
            }
            OutputKind::Auto => {
                let rows = all.map(|(what, measured)| {
                    let at =
                        |quantile| milliseconds(measured.latencies.value_at_quantile(quantile));
                    [
                        what.to_owned(),
                        text::number(measured.records),
                        text::number(measured.rate()),
                        format!("{:.1}", measured.bytes_rate() as f64 / 1e6),
                        at(0.5),
                        at(0.99),
                        milliseconds(measured.latencies.max()),
                    ]
                });
                let header = [
                    "REQUEST",
                    "RECORDS",
                    "RECORDS/S",
                    "MB/S",
                    "P50 MS",
                    "P99 MS",
                    "MAX MS",
                ];
                output.text(&table(header, &[1, 2, 3, 4, 5, 6], rows))?;
            }
        }
        output.flush()
    }
}

impl Measured {
    fn rate(&self) -> u64 {
        self.each_second(self.records)
    }

    fn bytes_rate(&self) -> u64 {
        self.each_second(self.bytes)
    }

    fn each_second(&self, number: u64) -> u64 {
        (number as f64 / self.took.as_secs_f64().max(1e-6)) as u64
    }
}

/// Where the logs end that the keys are in: each partition of a cluster is one.
async fn ends_of(server: &Server, keys: &[String]) -> Outcome<Vec<u64>> {
    let known = server.within(server.client.cluster()).await?;
    let number = u32::try_from(known.partitions.len()).unwrap_or(u32::MAX);
    let partitions = NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
    let mut ends = BTreeMap::new();
    let mut of_keys = Vec::new();
    for key in keys {
        let partition = partition_of(key, partitions);
        let end = match ends.get(&partition) {
            Some(end) => *end,
            None => {
                let client = match partitions.get() {
                    1 => server.client.clone(),
                    _ => server.client.of_partition(partition),
                };
                let status = server.within(client.status()).await?;
                status.durable_sequence.unwrap_or(0)
            }
        };
        ends.insert(partition, end);
        of_keys.push(end);
    }
    Ok(of_keys)
}

/// Latencies up to a minute; longer ones count as that.
fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 60_000_000, 3).expect("these bounds are valid")
}

fn milliseconds(microseconds: u64) -> String {
    format!("{:.2}", microseconds as f64 / 1000.0)
}
