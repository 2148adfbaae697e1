//! The conformance suite: what every [`LogStore`] must do, as one function per sentence.
//!
//! A store's tests implement [`Fixture`] and call [`run_all`]. A store that keeps its data over a close is opened
//! again on the same data between the steps.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use bytes::Bytes;

use crate::follow::Followers;
use crate::run::Entry;
use crate::{
    Batch, Clock, Durability, Error, Headers, Key, KeysQuery, Limits, LogService, LogStore,
    PageLimit, Record, Scan, SealPolicy, SequenceRange, Visibility,
};

mod against_model;
mod basics;
mod following;
mod headers;
mod safe_appends;

/// Opens the store under test.
pub trait Fixture {
    /// The store under test.
    type Store: LogStore;

    /// Opens the store on the data that this fixture stands for: nothing at first, later what was left there.
    fn open(&self, options: Options) -> impl Future<Output = Self::Store>;
}

/// What a store is opened with.
#[derive(Clone)]
pub struct Options {
    /// When segments are sealed.
    pub seal: SealPolicy,
    /// What the store must take its time from.
    pub clock: Arc<ManualClock>,
    /// What the store must report its commits to.
    pub followers: Arc<Followers>,
}

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// Moves the clock by `duration`.
    pub fn advance(&self, duration: Duration) {
        self.0
            .fetch_add(duration.as_millis() as i64, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now_ms(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// Runs every check, each on data of its own from `fixture`.
pub async fn run_all<F: Fixture>(fixture: impl Fn() -> F) {
    basics::sequences_are_consecutive_over_all_keys_and_batches(fixture()).await;
    basics::a_reader_sees_what_was_acknowledged_at_its_visibility(fixture()).await;
    basics::keys_with_any_bytes_do_not_mix(fixture()).await;
    basics::empty_and_large_values_come_back(fixture()).await;
    headers::headers_come_back_with_their_records(fixture()).await;
    basics::pages_respect_both_limits_and_lead_to_the_end(fixture()).await;
    basics::a_start_time_selects_the_first_record_of_that_time(fixture()).await;
    basics::segments_are_sealed_by_time_and_by_bytes(fixture()).await;
    basics::keys_are_listed_once_in_order_in_pages(fixture()).await;
    basics::a_clean_close_loses_nothing_and_leaves_no_gap(fixture()).await;
    basics::a_closed_store_refuses_appends_as_not_applied(fixture()).await;
    basics::concurrent_appends_share_the_sequence_without_overlap(fixture()).await;
    following::a_follower_hears_of_its_key_only_and_goes_on_where_it_was(fixture()).await;
    following::a_durable_follower_hears_of_durable_records_only(fixture()).await;
    following::a_follower_that_starts_behind_catches_up_in_pages(fixture()).await;
    following::closing_answers_a_waiting_follower(fixture()).await;
    safe_appends::an_append_is_applied_only_if_its_preconditions_hold(fixture()).await;
    safe_appends::of_appends_that_race_exactly_one_is_applied(fixture()).await;
    safe_appends::requests_of_a_producer_are_applied_once_and_in_order(fixture()).await;
    safe_appends::a_duplicate_gets_its_first_answer_whatever_its_preconditions_say_now(fixture())
        .await;
    for seed in 1..=4 {
        against_model::random_histories_equal_the_model(fixture(), seed).await;
    }
}

/// A store with the service over it, and what it was opened with.
struct Opened<S> {
    service: Arc<LogService<S>>,
    clock: Arc<ManualClock>,
}

/// How long a close may take.
const CLOSE: Duration = Duration::from_secs(60);

async fn open<F: Fixture>(fixture: &F, seal: SealPolicy) -> Opened<F::Store> {
    let clock = Arc::new(ManualClock(AtomicI64::new(1_700_000_000_000)));
    open_at(fixture, seal, clock).await
}

async fn open_at<F: Fixture>(
    fixture: &F,
    seal: SealPolicy,
    clock: Arc<ManualClock>,
) -> Opened<F::Store> {
    let limits = Limits::default();
    let followers = Arc::new(Followers::new(&limits));
    let options = Options {
        seal,
        clock: Arc::clone(&clock),
        followers: Arc::clone(&followers),
    };
    let store = fixture.open(options).await;
    let service = LogService::new(store, followers, Arc::new(()), limits);
    Opened {
        service: Arc::new(service),
        clock,
    }
}

impl<S: LogStore> Opened<S> {
    /// Appends `records`; answers the sequence of the first.
    async fn append(&self, records: &[(&[u8], &[u8])], durability: Durability) -> u64 {
        let appended = self.service.append(batch(records), durability).await;
        appended.expect("appended").start.get()
    }

    async fn applied(&self, records: &[(&[u8], &[u8])]) -> u64 {
        self.append(records, Durability::Applied).await
    }

    /// Every record of `key` that `visibility` shows, over as many pages as it takes.
    async fn read(&self, key: &[u8], visibility: Visibility) -> Vec<(u64, Bytes)> {
        let mut scan = scan_all(key);
        scan.visibility = visibility;
        let mut records = Vec::new();
        loop {
            let page = self.service.scan(&scan).await.expect("scanned");
            records.extend(entries(&page));
            scan.range = scan.range.starting_at(page.next);
            if page.complete {
                return records;
            }
        }
    }

    async fn close(self) {
        self.service.close(CLOSE).await.expect("closed");
    }
}

fn batch(records: &[(&[u8], &[u8])]) -> Batch {
    let limits = Limits::default();
    let records = records.iter().map(|(key, value)| {
        Record::parse(
            Bytes::copy_from_slice(key),
            Bytes::copy_from_slice(value),
            &limits,
        )
    });
    let records = records.collect::<Result<Vec<_>, Error>>();
    Batch::new(records.expect("within the limits"), &limits).expect("a batch")
}

fn scan_all(key: &[u8]) -> Scan {
    Scan {
        key: Key::stored(Bytes::copy_from_slice(key)),
        range: SequenceRange::ALL,
        start_time_ms: None,
        limit: PageLimit {
            records: 1_000,
            bytes: 8 << 20,
        },
        visibility: Visibility::Memory,
    }
}

fn all_keys(records: usize) -> KeysQuery {
    KeysQuery {
        start_segment: 0,
        end_segment: u32::MAX,
        prefix: Bytes::new(),
        start_after: None,
        limit: PageLimit {
            records,
            bytes: 8 << 20,
        },
    }
}

fn entries(page: &crate::Page) -> Vec<(u64, Bytes)> {
    let entries = with_headers(page).into_iter();
    entries
        .map(|entry| (entry.sequence.get(), entry.value))
        .collect()
}

fn with_headers(page: &crate::Page) -> Vec<Entry> {
    let entries = page.runs.iter().flat_map(|run| run.entries());
    entries.map(|entry| entry.expect("not damaged")).collect()
}
