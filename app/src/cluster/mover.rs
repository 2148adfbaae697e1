//! Opens partitions, and hands them over.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, join_all, try_join_all};
use log_adapters::cluster::{ClusterObjects, Hold, Owner, Version, Written};
use log_adapters::http::{PartitionApi, PartitionMap};
use log_adapters::store::slate::{Caches, Claim, MergeSlots};
use log_adapters::telemetry::{Metrics, MoveCounter};
use log_domain::cluster::{Moves, Partition};
use log_domain::{Error, Result, Stopped};

use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

use super::Opening;
use super::table::Table;
use super::teller::Teller;
use crate::config::Config;
use crate::log::{Log, LogParts, PartitionParts};
use crate::storage::Stores;

/// A node that was handed a partition serves it within this time, or it is not waited for.
const TAKEN: Duration = Duration::from_secs(5);

/// What is in memory is written within this time before a partition is handed over, or the next node reads the WAL.
const PREPARED: Duration = Duration::from_secs(5);

/// A node that says that it gives up a partition gives up its claim within this time, or the partition is tried again later.
const RELEASED: Duration = Duration::from_secs(1);

/// A write of a claim that had no answer is made within this time, or never.
const DOUBTED: Duration = Duration::from_secs(60);

/// How soon to look again whether it has.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// What moves partitions.
pub(super) struct Mover {
    pub(super) config: Config,
    pub(super) objects: ClusterObjects,
    pub(super) opening: Opening,
    /// How many partitions were opened.
    pub(super) openings: AtomicU64,
    /// See [`Owner::write`].
    pub(super) writes: AtomicU64,
    pub(super) caches: Caches,
    pub(super) merges: MergeSlots,
    pub(super) metrics: Metrics,
    pub(super) moves: MoveCounter,
    pub(super) table: Arc<Table>,
    pub(super) teller: Arc<Teller>,
    pub(super) api: PartitionApi,
    /// See [`ClusterParts::incarnation`](super::ClusterParts::incarnation).
    pub(super) incarnation: u64,
    /// Partitions that this node may have claimed without holding them, and since when.
    pub(super) in_doubt: Mutex<BTreeMap<Partition, Instant>>,
}

/// A partition that this node has claimed.
struct Claimed {
    claim: Version,
    /// From a node that is dead or has left.
    taken_over: bool,
    /// The node before has closed it.
    writer_has_closed: bool,
}

impl Mover {
    /// Begins these moves. Each goes on by itself.
    pub(super) fn begin(self: &Arc<Self>, moves: &Moves) {
        if *moves != Moves::default() {
            tracing::debug!(?moves, "moving partitions");
        }
        for partition in &moves.hand_over {
            if let Some(log) = self.table.leaves(*partition) {
                let (mover, partition) = (Arc::clone(self), *partition);
                tokio::spawn(async move { mover.hand_over(partition, log).await });
            }
        }
        for partition in &moves.open {
            if self.table.opens(*partition) {
                let is_given_up = self.table.hints().take_free(*partition);
                let (mover, partition) = (Arc::clone(self), *partition);
                tokio::spawn(async move { mover.open(partition, is_given_up).await });
            }
        }
    }

    /// The logs were closed without being handed over.
    pub(super) fn ended(&self) {
        for partition in self.table.serving() {
            self.table.released(partition);
        }
    }

    /// Closes a partition, which is served until its data are written, and tells the node on which it is placed.
    async fn hand_over(&self, partition: Partition, log: Arc<Log>) {
        let within = self.config.shutdown.timeout;
        let prepared = timeout(within.min(PREPARED), log.service().prepare_close());
        if !matches!(prepared.await, Ok(Ok(()))) {
            tracing::debug!(%partition, "the next node reads the WAL of a partition");
        }
        drop(log);
        let Some((log, claim)) = self.table.closes(partition) else {
            // It was lost meanwhile.
            return;
        };
        // The next node looks at the log while this one ends its writes and gives up its claim.
        self.teller.gives_up(partition).await;
        let hold = match log.service().quiesce(within).await {
            Ok(()) => {
                tracing::info!(%partition, "handed a partition over");
                Hold::Closed
            }
            // It is given up all the same: what the next node finds is what is durable.
            Err(why) => {
                tracing::error!(%partition, %why, "a partition was given up before all of it was durable");
                Hold::Free
            }
        };
        self.moves.handed_over();
        self.release(partition, claim, hold).await;
        // The next node may have stopped waiting for the claim.
        self.teller.gives_up(partition).await;
        // The next one is handed over when this one is served again, or somebody else has to see to that.
        let _served_or_not = timeout(TAKEN, self.table.handed_over(partition)).await;
        // Now that the next node has opened it, the storage engine finds that it is not its own any more, and writes nothing.
        if let Err(why) = log.service().close(within).await {
            tracing::debug!(%partition, %why, "a partition that was handed over did not close cleanly");
        }
        self.table.released(partition);
    }

    /// Opens a partition, unless another node that is alive has it. `is_given_up`: that node says that it gives it up.
    async fn open(self: Arc<Self>, partition: Partition, is_given_up: bool) {
        let began = Instant::now();
        match self.opened(partition, is_given_up).await {
            Ok(Some((log, claim))) => {
                let log = Arc::new(log);
                if !self.serve(partition, &log, claim).await {
                    let within = self.config.shutdown.timeout;
                    let quiesced = log.service().quiesce(within).await;
                    let closed = log.service().close(within).await;
                    tracing::warn!(%partition, ?quiesced, ?closed, "a partition was opened that this node may not have any more; it is tried again");
                    self.doubt(partition);
                    self.table.released_quietly(partition);
                    return;
                }
                let (tip, took) = (log.service().watermarks().tip, began.elapsed());
                let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
                tracing::info!(%partition, %tip, took_ms, "serving a partition");
                self.keep(partition, log).await;
            }
            Ok(None) => self.table.released_quietly(partition),
            Err(why) => {
                tracing::warn!(%partition, %why, "a partition could not be opened; it is tried again");
                self.table.released_quietly(partition);
            }
        }
    }

    /// Serves a partition that is open, unless its claim has to be renewed and cannot: others may have held this node for dead since it was made.
    async fn serve(&self, partition: Partition, log: &Arc<Log>, mut claim: Version) -> bool {
        let routes = self.api.routes(Arc::clone(log.service()));
        loop {
            let (log, routes) = (Arc::clone(log), routes.clone());
            if self.table.serves(partition, log, routes, claim) {
                return true;
            }
            let Ok(Some(renewed)) = self.renewed(partition).await else {
                return false;
            };
            claim = renewed;
        }
    }

    async fn opened(
        &self,
        partition: Partition,
        is_given_up: bool,
    ) -> Result<Option<(Log, Version)>> {
        let (tell, claim) = oneshot::channel();
        let claim = claim.map(|claim| claim.map_err(|_| Error::unavailable("not claimed")));
        let opening = self.open_log(partition, claim.boxed());
        let claiming = async {
            let claimed = self.claim(partition, is_given_up).await;
            if let Ok(Some(claimed)) = &claimed {
                // The opening may have failed already.
                let _ = tell.send(Claim {
                    writer_has_closed: claimed.writer_has_closed,
                });
            }
            claimed
        };
        let (claimed, opened) = futures::join!(claiming, opening);
        let Some(Claimed {
            claim, taken_over, ..
        }) = claimed?
        else {
            return Ok(None);
        };
        match opened {
            Ok(log) => {
                match taken_over {
                    true => self.moves.taken_over(),
                    false => self.moves.opened(),
                }
                Ok(Some((log, claim)))
            }
            Err(why) => {
                self.release(partition, claim, Hold::Free).await;
                Err(why)
            }
        }
    }

    /// Claims a partition, unless another node that is alive has it, or claims it at the same moment. One that says that it gives it up is given
    /// time to give its claim up.
    async fn claim(&self, partition: Partition, is_given_up: bool) -> Result<Option<Claimed>> {
        let until = Instant::now() + RELEASED;
        while is_given_up && Instant::now() < until {
            let claimed = self.claim_now(partition, is_given_up).await?;
            if claimed.is_some() {
                return Ok(claimed);
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        self.claim_now(partition, false).await
    }

    /// As [`claim`](Self::claim), without waiting. `is_given_up`: the node that has it says so, and is alive.
    async fn claim_now(&self, partition: Partition, is_given_up: bool) -> Result<Option<Claimed>> {
        let last = self.objects.owner(partition).await?;
        let taken_over = last.as_ref().filter(|(owner, _)| self.is_of_another(owner));
        if let Some((owner, _)) = taken_over {
            if is_given_up {
                return Ok(None);
            }
            if !self.is_gone(owner).await? {
                tracing::debug!(%partition, node = %owner.node, "another node that is alive has a partition");
                return Ok(None);
            }
            tracing::warn!(%partition, node = %owner.node, "taking a partition over from a node that is dead or has left");
        }
        let version = last.as_ref().map(|(_, version)| version);
        let before = last.as_ref().map(|(owner, _)| owner.hold);
        let owner = self.owner(Hold::Held);
        match self.objects.own(partition, &owner, version).await {
            Ok(Written::As(claim)) => {
                self.in_doubt.lock().remove(&partition);
                Ok(Some(Claimed {
                    claim,
                    taken_over: taken_over.is_some(),
                    writer_has_closed: before == Some(Hold::Closed),
                }))
            }
            // By another node; or by this one, if the answer to its write was lost and the client wrote again.
            Ok(Written::Changed) => {
                self.doubt(partition);
                Ok(None)
            }
            Err(why) => {
                self.doubt(partition);
                Err(why)
            }
        }
    }

    /// Whether another node has the partition by this claim, if it is alive.
    fn is_of_another(&self, owner: &Owner) -> bool {
        owner.node != *self.table.node() && owner.hold == Hold::Held
    }

    /// Gives up a claim, unless another node has claimed the partition since.
    async fn release(&self, partition: Partition, claim: Version, hold: Hold) {
        if let Err(why) = self.replaced(partition, Some(claim), hold).await {
            tracing::warn!(%partition, %why, "it could not be recorded that a partition is free; it is tried again");
            self.doubt(partition);
        }
    }

    /// Replaces the claim of this process, which was `known` or has been renewed since. Answers the new version, or nothing if the claim is that of
    /// another process.
    async fn replaced(
        &self,
        partition: Partition,
        mut known: Option<Version>,
        hold: Hold,
    ) -> Result<Option<Version>> {
        loop {
            let claim = match known.take() {
                Some(claim) => claim,
                None => {
                    let owner = self.objects.owner(partition).await?;
                    match owner.filter(|(owner, _)| self.is_own(owner)) {
                        Some((_, claim)) => claim,
                        None => return Ok(None),
                    }
                }
            };
            let owner = self.owner(hold);
            match self.objects.own(partition, &owner, Some(&claim)).await? {
                Written::As(claim) => return Ok(Some(claim)),
                Written::Changed => {}
            }
        }
    }

    /// It is not known whether this node has a claim of `partition`, which it does not hold.
    fn doubt(&self, partition: Partition) {
        self.in_doubt.lock().insert(partition, Instant::now());
    }

    /// Gives up claims that this node may have and does not use: as long as it has them, no other node opens the partition.
    pub(super) async fn settle(&self) {
        let in_doubt = self.in_doubt.lock().clone();
        let settled = in_doubt.into_iter().map(async |(partition, since)| {
            let has_settled = matches!(self.has_settled(partition).await, Ok(true));
            // What is not there yet may still be on its way.
            if has_settled && since.elapsed() >= DOUBTED {
                let mut in_doubt = self.in_doubt.lock();
                if in_doubt.get(&partition) == Some(&since) {
                    in_doubt.remove(&partition);
                }
            }
        });
        join_all(settled).await;
    }

    async fn has_settled(&self, partition: Partition) -> Result<bool> {
        let owner = self.objects.owner(partition).await?;
        let own = owner.filter(|(owner, _)| self.is_own(owner));
        let Some((_, claim)) = own else {
            return Ok(true);
        };
        // It holds the partition by now: this claim may be the one that it holds it by.
        if self.table.held().contains_key(&partition) {
            return Ok(false);
        }
        let owner = self.owner(Hold::Free);
        let released = self.objects.own(partition, &owner, Some(&claim)).await?;
        Ok(released != Written::Changed)
    }

    fn owner(&self, hold: Hold) -> Owner {
        Owner {
            node: self.table.node().clone(),
            incarnation: self.incarnation,
            write: self.writes.fetch_add(1, Ordering::Relaxed),
            hold,
        }
    }

    /// Whether this process has the partition by this claim.
    fn is_own(&self, owner: &Owner) -> bool {
        let is_of_process =
            owner.node == *self.table.node() && owner.incarnation == self.incarnation;
        is_of_process && owner.hold == Hold::Held
    }

    async fn open_log(
        &self,
        partition: Partition,
        claim: BoxFuture<'static, Result<Claim>>,
    ) -> Result<Log> {
        let of = self.table.partitions();
        let stores = &self.opening.stores;
        let seed = self.opening.seed;
        // Two writers with equal seeds break fencing, and a partition may come back.
        let opening = self.openings.fetch_add(1, Ordering::Relaxed);
        let parts = LogParts {
            stores: Stores {
                objects: Arc::clone(&stores.objects),
                wal: stores.wal.clone(),
            },
            clock: Arc::clone(&self.opening.clock),
            seed: seed.map(|seed| seed.wrapping_add(opening)),
            writer: None,
            feed: None,
            partition: Some(PartitionParts {
                partition,
                of,
                path: self.objects.of_partition(partition),
                claim,
                caches: self.caches.of_log(partition.number().into()),
                merges: self.merges.clone(),
            }),
        };
        Log::open(&self.config, parts, &self.metrics).await
    }

    /// Whether the process that claimed a partition is gone: dead, or its object is removed, which it does when it has closed its partitions. One
    /// that this node has not seen yet is not gone.
    ///
    /// It is looked for after its claim was read. A node that comes back writes its object before it renews its claims: so either it is found
    /// here, or its claim has changed since, and is not taken.
    async fn is_gone(&self, owner: &Owner) -> Result<bool> {
        let node = &owner.node;
        if let Some(last) = self.table.last_of_dead(node) {
            let listed = self.objects.nodes().await?;
            return Ok(listed.get(node).is_none_or(|now| now.mark == last));
        }
        let found = self.objects.node(node, self.table.partitions()).await?;
        let is_there = found.is_some_and(|(state, _)| state.incarnation == owner.incarnation);
        Ok(!is_there)
    }

    /// Renews the claims of the partitions that this node serves. Those that another node has claimed are not served any more.
    ///
    /// # Errors
    /// [`Error::Unavailable`](log_domain::Error::Unavailable) when that is not known of all.
    pub(super) async fn renew_claims(&self) -> Result<()> {
        let served = self.table.to_renew();
        let renewed = served.iter().map(async |(partition, log)| {
            match self.renewed(*partition).await? {
                Some(claim) => self.table.renewed(*partition, log, claim),
                None => {
                    tracing::warn!(%partition, "another node has claimed a partition");
                    self.moves.lost();
                    log.service().dismiss_followers();
                    // Its log stops when that node opens it.
                    self.table.lost(*partition, log);
                }
            }
            Ok(())
        });
        try_join_all(renewed).await.map(drop)
    }

    /// The claim of this node, renewed, if it is still its own.
    async fn renewed(&self, partition: Partition) -> Result<Option<Version>> {
        self.replaced(partition, None, Hold::Held).await
    }

    /// Gives a partition up when its log has stopped by itself, and only it.
    async fn keep(&self, partition: Partition, log: Arc<Log>) {
        let why = tokio::select! {
            biased;
            // This node closes it, or has lost it.
            () = self.table.until_not_served(partition, &log) => return,
            why = log.broken() => why,
        };
        match why {
            Stopped::Closing => return,
            Stopped::Fenced => {
                tracing::warn!(%partition, "another node has taken a partition over")
            }
            Stopped::Failed => {
                tracing::error!(%partition, "a partition failed; it is opened again")
            }
        }
        self.moves.lost();
        log.service().dismiss_followers();
        self.doubt(partition);
        self.table.lost(partition, &log);
    }
}
