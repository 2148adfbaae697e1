//! The requests of one connection.

use std::time::Duration;

use bytes::Bytes;
use opendata_log::{AppendOptions, Header, LogClient, ReadOptions, Record, Result, Retry};

use crate::arguments::Arguments;
use crate::measured::Problem;
use crate::pace::Sender;

/// Longer is not waited for an answer.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(60);

/// What a request does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Appends a batch.
    Append,
    /// Reads a page of a key.
    Scan,
    /// Counts the records of a key.
    Count,
}

/// Makes requests and reads their answers. `Ok` holds how many records an answer was about.
pub(crate) struct Requests {
    client: LogClient,
    value: Bytes,
    /// The headers of every record.
    headers: Vec<Header>,
    keys: u64,
    records: u64,
    durable: bool,
    /// The key of the next record; connections begin at different ones.
    next_key: u64,
}

impl Requests {
    /// Nothing is sent yet.
    ///
    /// # Errors
    /// When the URL is none.
    pub(crate) fn new(arguments: &Arguments, connection: u64) -> Result<Self> {
        // An error is one to count, not one to hide by sending again.
        let retry = Retry {
            attempts: 1,
            patience: Duration::from_millis(1),
            ..Retry::default()
        };
        let mut client = LogClient::builder(&arguments.url)
            .no_proxy()
            .timeout(TIMEOUT)
            .retry(retry);
        if arguments.without_producers {
            client = client.without_producers();
        }
        let value_bytes = usize::try_from(arguments.value_bytes).expect("bounded by its parser");
        Ok(Self {
            client: client.build()?,
            value: vec![b'v'; value_bytes].into(),
            headers: (0..arguments.headers).map(header).collect(),
            keys: arguments.keys,
            records: arguments.records,
            durable: arguments.durable,
            next_key: connection * arguments.keys / arguments.connections,
        })
    }

    /// What it sends with.
    pub(crate) fn client(&self) -> &LogClient {
        &self.client
    }

    /// Whether the server answers a log request.
    pub(crate) async fn check(&self) -> Result<()> {
        self.client.segments(..).await.map(drop)
    }

    /// Sends a request.
    pub(crate) async fn send(&mut self, kind: Kind) -> Result<u64> {
        match kind {
            Kind::Append => self.append().await,
            Kind::Scan => self.scan().await,
            Kind::Count => self.count().await,
        }
    }

    /// Appends a batch whose records go to the keys in turn.
    async fn append(&mut self) -> Result<u64> {
        let records = (0..self.records).map(|_| self.take_key()).collect();
        self.append_records(records, self.durable).await
    }

    /// Appends a batch to one key.
    pub(crate) async fn append_to(&self, key: u64, durable: bool) -> Result<u64> {
        let records = (0..self.records).map(|_| name(key)).collect();
        self.append_records(records, durable).await
    }

    async fn append_records(&self, keys: Vec<String>, durable: bool) -> Result<u64> {
        let records = keys.into_iter().map(|key| Record {
            key: key.into(),
            value: self.value.clone(),
            headers: self.headers.clone(),
        });
        let options = AppendOptions::new().await_durable(durable);
        let appended = self.client.append_with(records, options).await?;
        Ok(appended.count)
    }

    /// Reads the first page of the next key.
    async fn scan(&mut self) -> Result<u64> {
        let (key, records) = (self.take_key(), self.records);
        let options = ReadOptions::new().page(records);
        let mut page = self.client.scan_with(key, .., options);
        for read in 0..records {
            match page.next().await {
                Some(record) => drop(record?),
                None => return Ok(read),
            }
        }
        Ok(records)
    }

    /// Counts the next key; an answer is about one number, however large.
    async fn count(&mut self) -> Result<u64> {
        let key = self.take_key();
        self.client.count(key, ..).await?;
        Ok(1)
    }

    fn take_key(&mut self) -> String {
        let key = self.next_key;
        self.next_key = (key + 1) % self.keys;
        name(key)
    }
}

impl Sender for (Requests, Kind) {
    async fn send(&mut self) -> std::result::Result<u64, Problem> {
        let (requests, kind) = self;
        Ok(requests.send(*kind).await?)
    }
}

/// A name of 8 bytes and a value of 24.
fn header(number: u64) -> Header {
    Header {
        name: format!("load-{number:03}"),
        value: Bytes::from_static(&[b'h'; 24]),
    }
}

/// The key of this number; plain in a URL.
pub(crate) fn name(key: u64) -> String {
    format!("load-{key:08}")
}
