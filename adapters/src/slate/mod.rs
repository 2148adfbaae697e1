//! The SlateDB store: the log on an object store.
//!
//! The walk of an append: [`SlateStore::append`] → `queue` → `writer` → `group` → `layout` → SlateDB, and back when
//! `flush` says how far it is durable. The walk of a read: [`SlateStore::scan`] → `read` → `layout`.

mod error;
mod flush;
mod group;
mod key_table;
pub(crate) mod layout;
mod open;
mod queue;
mod read;
mod seqnum;
pub mod settings;
mod shared;
mod writer;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use log_domain::segment::overlapping;
use log_domain::{
    Appended, Batch, Durability, Error, Key, KeysPage, KeysQuery, LogStore, Page, Result, Scan,
    Segment, SequenceRange, Stopped, Watermarks,
};
use slatedb::Db;
use slatedb::config::{CloseOptions, FlushType};
use tokio::sync::OnceCell;

pub use open::{Options, Parts};
use queue::Queue;
use read::Reader;
use shared::Shared;

/// A [`LogStore`] in a SlateDB database.
pub struct SlateStore {
    db: Db,
    shared: Arc<Shared>,
    queue: Queue,
    close_timeout: Duration,
    check_timeout: Duration,
    closed: OnceCell<Result<()>>,
}

impl SlateStore {
    /// What a read of now sees.
    fn view(&self) -> (Watermarks, Arc<Vec<Segment>>) {
        let watermarks = self.shared.watermarks();
        (watermarks, self.shared.segments())
    }

    async fn close_now(&self) -> Result<()> {
        self.queue.close().await?;
        self.shared.stop(Stopped::Closing);
        if self.shared.stopped() != Some(Stopped::Closing) {
            return Err(self.shared.refusal());
        }
        // Everything is in the WAL already; flushing memtables too would only make the stop slow.
        let options = CloseOptions::default().with_flush_type(Some(FlushType::Wal));
        self.db
            .close_with_options(options)
            .await
            .map_err(error::read)
    }
}

impl LogStore for SlateStore {
    async fn append(&self, batch: Batch, durability: Durability) -> Result<Appended> {
        self.queue.append(batch, durability, &self.shared).await
    }

    async fn scan(&self, scan: &Scan) -> Result<Page> {
        let (watermarks, segments) = self.view();
        let reader = Reader {
            db: &self.db,
            segments: &segments,
            watermarks,
        };
        reader.scan(scan).await
    }

    async fn keys(&self, query: &KeysQuery) -> Result<KeysPage> {
        let (watermarks, segments) = self.view();
        let reader = Reader {
            db: &self.db,
            segments: &segments,
            watermarks,
        };
        reader.keys(query).await
    }

    async fn segments(&self, range: SequenceRange) -> Result<Vec<Segment>> {
        Ok(overlapping(&self.shared.segments(), range.start(), range.end()).to_vec())
    }

    async fn count(&self, key: &Key, range: SequenceRange) -> Result<u64> {
        let (watermarks, segments) = self.view();
        let reader = Reader {
            db: &self.db,
            segments: &segments,
            watermarks,
        };
        reader.count(key, range).await
    }

    fn watermarks(&self) -> Watermarks {
        self.shared.watermarks()
    }

    async fn check(&self) -> Result<()> {
        if self.shared.stopped().is_some() {
            return Err(self.shared.refusal());
        }
        match tokio::time::timeout(self.check_timeout, self.db.refresh_manifest()).await {
            Ok(answer) => answer.map_err(error::read),
            Err(_) => Err(Error::unavailable(format!(
                "the object store did not answer within {} ms",
                self.check_timeout.as_millis()
            ))),
        }
    }

    async fn stopped(&self) -> Stopped {
        match self.shared.until_stopped().await {
            Stopped::Closing => std::future::pending().await,
            why => why,
        }
    }

    async fn close(&self) -> Result<()> {
        let close = async {
            match tokio::time::timeout(self.close_timeout, self.close_now()).await {
                Ok(outcome) => outcome,
                Err(_) => {
                    let Watermarks { tip, durable } = self.shared.watermarks();
                    self.shared.stop(Stopped::Closing);
                    Err(Error::unavailable(format!(
                        "the object store did not take everything within {} ms: {} acknowledged records from \
                         sequence {durable} on are not durable",
                        self.close_timeout.as_millis(),
                        tip.get() - durable.get(),
                    )))
                }
            }
        };
        self.closed.get_or_init(|| close).await.clone()
    }
}
