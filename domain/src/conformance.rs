//! The conformance suite: what every implementation of the ports must do, as one function per sentence.
//!
//! It has a half for each port: [`run_readers`] checks a [`LogReader`] over a log that some [`LogWriter`] fills, and
//! [`run_writers`] checks that writer, through any reader. A store that is both runs [`run_all`], which adds what a
//! [`LogStore`] promises. Stores that keep their data over a close are opened again on the same data between the steps.

use std::future::Future;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;

use crate::follow::Followers;
use crate::run::Entry;
use crate::{
    Append, Appended, Batch, Clock, CursorMove, CursorName, CursorsQuery, Deletion, Durability,
    Error, Headers, Key, KeysQuery, Limits, LogReader, LogService, LogStore, LogWriter, PageLimit,
    Precondition, PrefixRule, PrefixRules, Record, Rejection, Scan, SealPolicy, Selection,
    Sequence, SequenceRange, Side, Trim, Visibility,
};

mod against_model;
mod cursors;
mod deleting;
mod following;
mod headers;
mod hurried;
mod newest;
mod reading;
mod retaining;
mod safe_appends;
mod sessions;
mod several;
mod trimming;
mod visibility;
mod writing;

/// The services over the writing and the reading side of a log; the same one for a store that is both.
pub type Sides<W, R> = (Arc<LogService<W>>, Arc<LogService<R>>);

/// Opens a log under test: the side that writes it, and a side that reads it.
pub trait Fixture {
    /// The writing side.
    type Writer: LogWriter;
    /// The reading side.
    type Reader: LogReader;

    /// Opens both on the data that this fixture stands for: nothing at first, later what was left there. The reader
    /// must show everything that was left.
    fn open(&self, options: Options) -> impl Future<Output = Sides<Self::Writer, Self::Reader>>;

    /// Waits until `reader` shows everything below `tip` and has this floor, both of which were acknowledged. Must fail if
    /// it never does.
    fn catch_up(
        &self,
        reader: &LogService<Self::Reader>,
        tip: Sequence,
        floor: Sequence,
    ) -> impl Future<Output = ()>;
}

/// Opens a store under test that is both sides.
pub trait StoreFixture {
    /// The store under test.
    type Store: LogStore;

    /// Opens the store on the data that this fixture stands for: nothing at first, later what was left there.
    fn open(&self, options: Options) -> impl Future<Output = Self::Store>;
}

impl<F: StoreFixture> Fixture for F {
    type Writer = F::Store;
    type Reader = F::Store;

    async fn open(&self, options: Options) -> Sides<F::Store, F::Store> {
        let store = StoreFixture::open(self, options.clone()).await;
        let service = options.service(store);
        (Arc::clone(&service), service)
    }

    /// A store shows what it acknowledged, without a wait.
    async fn catch_up(&self, reader: &LogService<F::Store>, tip: Sequence, floor: Sequence) {
        assert!(reader.watermarks().tip >= tip);
        assert!(reader.floor() >= floor);
    }
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

impl Options {
    /// The service over one side of the log.
    pub fn service<S>(&self, side: S) -> Arc<LogService<S>> {
        let (followers, limits) = (Arc::clone(&self.followers), Limits::default());
        Arc::new(LogService::new(side, followers, Arc::new(()), limits))
    }
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

/// Runs checks, each on data of its own. Boxed: without optimization, their futures together are too large for the stack of a test.
macro_rules! each {
    ($fixture:ident, $($check:path),+ $(,)?) => {
        $(Box::pin($check($fixture())).await;)+
    };
}

/// Runs every check of a store, each on data of its own from `fixture`.
pub async fn run_all<F: StoreFixture>(fixture: impl Fn() -> F) {
    Box::pin(run_readers(&fixture)).await;
    Box::pin(run_writers(&fixture)).await;
    each!(
        fixture,
        visibility::a_reader_sees_what_was_acknowledged_at_its_visibility,
        visibility::what_is_acknowledged_before_a_quiesce_is_durable_and_nothing_is_after,
        following::a_follower_hears_of_its_key_only_and_goes_on_where_it_was,
        following::a_durable_follower_hears_of_durable_records_only,
        following::a_follower_that_starts_behind_catches_up_in_pages,
        following::closing_answers_a_waiting_follower,
        several::followers_of_several_keys_hear_of_these_in_one_order,
        several::a_follower_of_several_keys_misses_nothing_whenever_it_begins,
        several::a_follower_of_several_keys_is_given_nothing_that_is_hidden,
        trimming::a_follower_is_told_what_was_trimmed_before_it_read_it,
        deleting::a_follower_is_told_what_was_deleted_before_it_read_it,
        deleting::a_follower_at_the_tip_is_given_nothing_that_was_deleted,
        retaining::a_follower_is_given_nothing_that_a_rule_has_deleted,
    );
}

/// Runs every check of a [`LogReader`], each on data of its own from `fixture`.
pub async fn run_readers<F: Fixture>(fixture: impl Fn() -> F) {
    each!(
        fixture,
        reading::keys_with_any_bytes_do_not_mix,
        reading::empty_and_large_values_come_back,
        headers::headers_come_back_with_their_records,
        reading::pages_respect_both_limits_and_lead_to_the_end,
        reading::a_start_time_selects_the_first_record_of_that_time,
        newest::the_newest_records_are_the_end_of_a_scan,
        newest::the_newest_record_is_answered_whatever_its_size,
        newest::only_a_page_with_room_left_tells_of_a_trim,
        hurried::pages_without_time_show_everything_once,
        hurried::pages_of_several_keys_without_time_show_everything_once,
        hurried::listings_without_time_show_every_key_once,
        reading::keys_are_listed_once_in_order_in_pages,
        several::several_keys_are_read_in_one_order_and_named,
        several::pages_of_several_keys_respect_both_limits_and_lead_to_the_end,
        several::readers_of_several_keys_are_told_of_floors_that_hold_for_all,
        trimming::nothing_below_the_floor_is_read_and_readers_are_told,
        deleting::deleted_records_are_not_read_and_readers_are_told,
        retaining::rules_hide_old_records_of_their_prefixes_and_readers_are_told,
        cursors::cursors_are_found_by_name_and_listed_in_pages,
    );
    for seed in 1..=4 {
        Box::pin(against_model::random_histories_equal_the_model(
            fixture(),
            seed,
        ))
        .await;
    }
}

/// Runs every check of a [`LogWriter`], each on data of its own from `fixture`.
pub async fn run_writers<F: Fixture>(fixture: impl Fn() -> F) {
    each!(
        fixture,
        writing::sequences_are_consecutive_over_all_keys_and_batches,
        writing::segments_are_sealed_by_time_and_by_bytes,
        writing::a_clean_close_loses_nothing_and_leaves_no_gap,
        writing::a_closed_store_refuses_appends_as_not_applied,
        writing::concurrent_appends_share_the_sequence_without_overlap,
        safe_appends::an_append_is_applied_only_if_its_preconditions_hold,
        safe_appends::of_appends_that_race_exactly_one_is_applied,
        safe_appends::requests_of_a_producer_are_applied_once_and_in_order,
        safe_appends::a_duplicate_gets_its_first_answer_whatever_its_preconditions_say_now,
        sessions::requests_of_a_session_are_applied_in_their_order,
        sessions::nothing_is_applied_behind_a_request_of_a_producer_that_failed,
        trimming::a_floor_stays_and_never_goes_back,
        trimming::preconditions_and_producers_after_a_trim,
        deleting::the_floor_of_a_key_stays_and_never_goes_back,
        deleting::preconditions_after_a_deletion,
        retaining::the_floor_of_a_prefix_stays_and_never_goes_back,
        cursors::a_cursor_moves_only_from_where_it_is_expected,
        cursors::cursors_move_with_their_records_or_not_at_all,
        cursors::of_consumers_that_race_exactly_one_moves_a_cursor,
    );
}

const NEVER: SealPolicy = SealPolicy {
    interval: None,
    bytes: None,
};

/// Seals segments every ten seconds.
const BY_TIME: SealPolicy = SealPolicy {
    interval: Some(Duration::from_secs(10)),
    bytes: None,
};

/// Both sides of a log that is open, and the clock that it was opened with.
struct Opened<'f, F: Fixture> {
    fixture: &'f F,
    writer: Arc<LogService<F::Writer>>,
    reader: Arc<LogService<F::Reader>>,
    clock: Arc<ManualClock>,
    /// The end of what was acknowledged.
    end: AtomicU64,
    /// The floor that was acknowledged.
    floor: AtomicU64,
}

/// How long a close may take.
const CLOSE: Duration = Duration::from_secs(60);

async fn open<F: Fixture>(fixture: &F, seal: SealPolicy) -> Opened<'_, F> {
    let clock = Arc::new(ManualClock(AtomicI64::new(1_700_000_000_000)));
    open_at(fixture, seal, clock).await
}

async fn open_at<F: Fixture>(
    fixture: &F,
    seal: SealPolicy,
    clock: Arc<ManualClock>,
) -> Opened<'_, F> {
    let options = Options {
        seal,
        clock: Arc::clone(&clock),
        followers: Arc::new(Followers::new(&Limits::default())),
    };
    let (writer, reader) = fixture.open(options).await;
    Opened {
        fixture,
        writer,
        reader,
        clock,
        end: AtomicU64::default(),
        floor: AtomicU64::default(),
    }
}

async fn reopened<'f, F: Fixture>(fixture: &'f F, log: Opened<'f, F>) -> Opened<'f, F> {
    let clock = Arc::clone(&log.clock);
    log.close().await;
    open_at(fixture, SealPolicy::default(), clock).await
}

impl<F: Fixture> Opened<'_, F> {
    async fn try_append(
        &self,
        append: impl Into<Append>,
        durability: Durability,
    ) -> crate::Result<Appended> {
        let appended = self.writer.append(append, durability).await?;
        self.end.fetch_max(appended.end().get(), Ordering::SeqCst);
        Ok(appended)
    }

    /// Appends these of a session; answers their outcomes.
    async fn append_all(&self, appends: Vec<(Append, Durability)>) -> Vec<crate::Result<Appended>> {
        let outcomes = self.writer.append_all(appends).await;
        for appended in outcomes.iter().flatten() {
            self.end.fetch_max(appended.end().get(), Ordering::SeqCst);
        }
        outcomes
    }

    /// Appends `records`; answers the sequence of the first.
    async fn append(&self, records: &[(&[u8], &[u8])], durability: Durability) -> u64 {
        let appended = self.try_append(batch(records), durability).await;
        appended.expect("appended").start.get()
    }

    async fn applied(&self, records: &[(&[u8], &[u8])]) -> u64 {
        self.append(records, Durability::Applied).await
    }

    async fn trim(&self, trim: Trim) -> crate::Result<Sequence> {
        let floor = self.writer.trim(trim).await?;
        self.floor.fetch_max(floor.get(), Ordering::SeqCst);
        Ok(floor)
    }

    /// Trims what is below `before`; answers the floor.
    async fn trimmed(&self, before: u64) -> u64 {
        let floor = self.trim(Trim::BeforeSequence(before.into())).await;
        floor.expect("trimmed").get()
    }

    /// Deletes the records of `key` below `before`; answers what is in force for it.
    async fn deleted(&self, key: &[u8], before: Option<u64>) -> u64 {
        let floor = self.writer.delete(deletion(key, before)).await;
        floor.expect("deleted").get()
    }

    /// Applies rules; answers the floors that were raised, by prefix.
    async fn ruled(&self, rules: &PrefixRules) -> Vec<(Vec<u8>, u64)> {
        let raised = self.writer.apply_rules(rules).await.expect("applied");
        let raised = raised.into_iter();
        raised
            .map(|raised| (raised.prefix.to_vec(), raised.floor.get()))
            .collect()
    }

    /// The reading side, once it shows everything that was acknowledged.
    async fn reader(&self) -> &LogService<F::Reader> {
        let end = Sequence::new(self.end.load(Ordering::SeqCst));
        let floor = Sequence::new(self.floor.load(Ordering::SeqCst));
        self.fixture.catch_up(&self.reader, end, floor).await;
        &self.reader
    }

    /// Every record of `key` that `visibility` shows, over as many pages as it takes.
    async fn read(&self, key: &[u8], visibility: Visibility) -> Vec<(u64, Bytes)> {
        let reader = self.reader().await;
        let mut scan = scan_all(key);
        scan.visibility = visibility;
        let mut records = Vec::new();
        loop {
            let page = reader.scan(&scan).await.expect("scanned");
            records.extend(entries(&page));
            scan.range = scan.range.starting_at(page.next);
            if page.complete {
                return records;
            }
        }
    }

    async fn close(self) {
        self.writer.close(CLOSE).await.expect("closed");
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

/// An append to `k` that holds if `k` has no record since then.
fn conditional(since: u64) -> Append {
    let precondition = Precondition {
        key: Key::stored(Bytes::from_static(b"k")),
        no_record_since: Sequence::new(since),
    };
    Append::new(batch(&[(b"k", b"v")]), vec![precondition], None).expect("an append")
}

/// Why [`conditional`] is rejected for records that may have been trimmed.
fn trimmed(since: u64, before: u64) -> Rejection {
    Rejection::Trimmed {
        key: Bytes::from_static(b"k"),
        no_record_since: since.into(),
        trimmed_before: before.into(),
    }
}

/// Why [`conditional`] is rejected for a record.
fn conflict(since: u64, last: u64) -> Rejection {
    Rejection::Conflict {
        key: Bytes::from_static(b"k"),
        no_record_since: since.into(),
        last: last.into(),
    }
}

fn rejected(outcome: crate::Result<Appended>) -> Rejection {
    match outcome {
        Err(Error::Rejected(why)) => *why,
        other => panic!("{other:?}"),
    }
}

/// The keys that are listed of these segments, so many in a page.
async fn listed<R: LogReader>(reader: &LogService<R>, segments: Range<u32>, page: usize) -> String {
    let mut query = all_keys(page);
    (query.start_segment, query.end_segment) = (segments.start, segments.end);
    let mut listed = Vec::new();
    loop {
        let page = reader.keys(&query).await.expect("listed");
        listed.extend(page.keys);
        match page.next_start_after {
            Some(after) => query.start_after = Some(after.as_bytes().clone()),
            None => break,
        }
    }
    let names = listed.iter();
    let names = names.map(|key| String::from_utf8_lossy(key.as_ref()));
    names.collect::<Vec<_>>().join(",")
}

fn deletion(key: &[u8], before: Option<u64>) -> Deletion {
    Deletion {
        key: stored(key),
        before: before.map(Sequence::new),
    }
}

fn scan_all(key: &[u8]) -> Scan {
    scan_of(Selection::Key(stored(key)))
}

fn stored(key: &[u8]) -> Key {
    Key::stored(Bytes::copy_from_slice(key))
}

fn scan_of(selection: Selection) -> Scan {
    Scan {
        selection,
        range: SequenceRange::ALL,
        start_time_ms: None,
        limit: PageLimit {
            records: 1_000,
            bytes: 8 << 20,
            time: None,
        },
        side: Side::Oldest,
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
            time: None,
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
