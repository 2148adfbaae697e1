//! The ports of the domain. Adapters implement them; the conformance suite checks the implementations.

use std::future::Future;
use std::time::Duration;

use crate::{
    Append, Appended, Counted, Credentials, Cursor, CursorMove, CursorName, CursorsPage,
    CursorsQuery, Deletion, Denied, Durability, Error, Key, KeysPage, KeysQuery, Page, PrefixFloor,
    PrefixRules, Result, Right, Run, Scan, Segment, SegmentId, Sequence, SequenceRange,
    StoredSegment, Trim, Watermarks,
};

/// The reading side of a log store.
///
/// Reads are prefix-consistent: a reader that sees a sequence, of any key, sees all earlier ones. A read shows everything
/// below the watermark of its visibility ([`LogReader::watermarks`]) at the time of the call; how soon a watermark
/// includes what a writer elsewhere acknowledged is up to the implementation, which bounds every wait of a caller.
///
/// No read shows a record below the floor of the log ([`LogReader::floor`]), of a prefix of its key ([`LogReader::prefix_floor`]) or of
/// its key at the time of the call, and one whose range begins below says so, with the highest of them. A read of several keys says so
/// only of floors that hold for all of them: that of the log, and those of prefixes ([`crate::Selection::covering_floor`]).
pub trait LogReader: Send + Sync + 'static {
    /// One page of a key or of several: the first records of a range, or, of one key, the last.
    ///
    /// # Errors
    /// [`crate::Error::Unavailable`] or [`crate::Error::Corrupt`].
    fn scan(&self, scan: &Scan) -> impl Future<Output = Result<Page>> + Send;

    /// One page of the distinct keys that have records in a range of segments, at or above these floors.
    ///
    /// # Errors
    /// As [`LogReader::scan`].
    fn keys(&self, query: &KeysQuery) -> impl Future<Output = Result<KeysPage>> + Send;

    /// The segments that overlap the part of `range` at or above the floor, in order. Where a segment begins does not
    /// change if the floor lies in it.
    ///
    /// # Errors
    /// As [`LogReader::scan`].
    fn segments(&self, range: SequenceRange) -> impl Future<Output = Result<Vec<Segment>>> + Send;

    /// Exactly how many applied records of `key` lie in `range`, without reading them.
    ///
    /// # Errors
    /// As [`LogReader::scan`].
    fn count(
        &self,
        key: &Key,
        range: SequenceRange,
    ) -> impl Future<Output = Result<Counted>> + Send;

    /// The cursor of this name, as it was moved last: as durable as what it was moved with. `None` if there is none. A reader that
    /// sees a cursor also sees the records of the append that moved it there, and the other way round.
    ///
    /// # Errors
    /// As [`LogReader::scan`].
    fn cursor(&self, name: &CursorName) -> impl Future<Output = Result<Option<Cursor>>> + Send;

    /// One page of the cursors, in byte order of their names.
    ///
    /// # Errors
    /// As [`LogReader::scan`].
    fn cursors(&self, query: &CursorsQuery) -> impl Future<Output = Result<CursorsPage>> + Send;

    /// The current tip and durable watermark.
    fn watermarks(&self) -> Watermarks;

    /// The floor in force, which is durable: 0 for a log that was never trimmed. It never goes back. Must be quick.
    fn floor(&self) -> Sequence;

    /// The highest floor in force of the prefixes of `key`, which is durable: 0 without one. Must be quick.
    fn prefix_floor(&self, key: &Key) -> Sequence;

    /// The current state of the store, for operators.
    fn status(&self) -> Status;

    /// Whether the store answers.
    ///
    /// # Errors
    /// Says why not, in words for an operator: [`Stopped::error`] once it has stopped.
    fn check(&self) -> impl Future<Output = Result<()>> + Send;

    /// Resolves when the store has stopped by itself; pends for as long as it serves and after a close.
    fn stopped(&self) -> impl Future<Output = Stopped> + Send;
}

/// The writing side of a log store. A log has one writer.
///
/// An implementation keeps the numbered invariants of `docs/architecture.md`: one sequence for the whole log, from 0,
/// never reused; batches atomic and in one segment; what was acknowledged as durable is never lost. The
/// implementation bounds every wait of a caller.
pub trait LogWriter: Send + Sync + 'static {
    /// Applies `append` atomically, and returns when it is as durable as requested. The producer is checked first:
    /// a duplicate of an applied request gets the first result and is not applied again. Then the cursors and the preconditions are
    /// checked against every earlier command. Cursors move with the records, or nothing of the append is applied.
    ///
    /// # Errors
    /// MUST be [`crate::Error::OutcomeUnknown`] when the records may have been applied. Every other error promises
    /// that they were not: [`crate::Error::Rejected`], returned once its cause is as durable as requested for the append, so
    /// that a crash cannot undo it; [`crate::Error::Overloaded`] immediately when the queue or the table of producers is full,
    /// [`crate::Error::Unavailable`] when the append did not get its turn in time or the store is closed,
    /// [`crate::Error::Fenced`] once another writer is known to have taken over.
    fn append(
        &self,
        append: Append,
        durability: Durability,
    ) -> impl Future<Output = Result<Appended>> + Send;

    /// Applies the requests of a session, each atomic by itself, in their order, and returns one outcome for each once all of them are as durable
    /// as requested. Behind one that ends the session ([`Append::ends_session`]) nothing is applied. A session has one such call at
    /// a time.
    ///
    /// # Errors
    /// Each outcome is as of [`LogWriter::append`]. Where the queue has no room for all of them, none is applied.
    fn append_all(
        &self,
        appends: Vec<(Append, Durability)>,
    ) -> impl Future<Output = Vec<Result<Appended>>> + Send {
        async move {
            let mut outcomes = Vec::with_capacity(appends.len());
            let mut has_ended = false;
            for (append, durability) in appends {
                let outcome = match has_ended {
                    true => Err(Error::behind_failed()),
                    false => self.append(append.clone(), durability).await,
                };
                has_ended |= append.ends_session(&outcome);
                outcomes.push(outcome);
            }
            outcomes
        }
    }

    /// Raises the floor of the log to what `trim` asks for, if that is higher, and returns the floor in force once it is
    /// durable. From then on no read shows anything below it, also after a crash. What producers have sent stays known.
    ///
    /// # Errors
    /// [`crate::Error::Invalid`] for a position beyond the tip or in the future. MUST be [`crate::Error::TrimUnknown`] when the
    /// floor may have been written; every other error promises that it was not.
    fn trim(&self, trim: Trim) -> impl Future<Output = Result<Sequence>> + Send;

    /// Raises the floor of a key to what `deletion` asks for, if that is higher, and returns what is in force for the key once it is
    /// durable: the highest one of its floor, those of its prefixes and that of the log. From then on no read shows a record of the key
    /// below it, also after a crash, and the key is listed only where it has others. The bytes are removed later
    /// ([`Status::purges`]).
    ///
    /// # Errors
    /// As [`LogWriter::trim`], with [`crate::Error::DeletionUnknown`]; [`crate::Error::Overloaded`] when the bytes of too many keys
    /// are still to be removed.
    fn delete(&self, deletion: Deletion) -> impl Future<Output = Result<Sequence>> + Send;

    /// Raises the floors of the prefixes of `rules` to what is due now, and returns those that hide more than before once they are
    /// durable. From then on no read shows a record below them, also after a crash, and keys are listed only where they have others.
    /// Rules that are gone lower no floor.
    ///
    /// # Errors
    /// [`crate::Error::Overloaded`] when there is no room for floors of more prefixes; those for which there is were raised. After any
    /// other error, floors may have been raised: apply the rules again.
    fn apply_rules(
        &self,
        rules: &PrefixRules,
    ) -> impl Future<Output = Result<Vec<PrefixFloor>>> + Send;

    /// Moves a cursor, or creates it, and returns it once that is durable.
    ///
    /// # Errors
    /// [`crate::Error::Rejected`] when it is not where it is expected, [`crate::Error::Invalid`] for a position beyond the tip,
    /// [`crate::Error::Overloaded`] when there are too many cursors or the queue is full. MUST be [`crate::Error::CursorUnknown`] when
    /// it may have been moved; every other error promises that it was not.
    fn move_cursor(&self, wanted: CursorMove) -> impl Future<Output = Result<Cursor>> + Send;

    /// Deletes a cursor, and returns whether there was one once it is durable that there is none.
    ///
    /// # Errors
    /// MUST be [`crate::Error::CursorUnknown`] when it may have been deleted; every other error promises that it was not.
    fn delete_cursor(&self, name: &CursorName) -> impl Future<Output = Result<bool>> + Send;

    /// The segments that overlap what is at or above the floor, in order, and how much is stored of each.
    fn stored(&self) -> Vec<StoredSegment>;

    /// What is left to the next writer.
    fn backlog(&self) -> Backlog {
        Backlog::default()
    }

    /// Prepares a store that goes on to be opened by the next writer: stores its [`backlog`](LogWriter::backlog) so that it need not be read
    /// piece by piece.
    ///
    /// # Errors
    /// [`crate::Error::Unavailable`] when it could not be done. Nothing is lost by that; the next writer takes longer.
    fn prepare_close(&self) -> impl Future<Output = Result<()>> + Send {
        std::future::ready(Ok(()))
    }

    /// Makes all acknowledged records durable, and writes nothing after that: the next writer may open the store, also before this one is
    /// [closed](LogWriter::close). Later appends are rejected as unavailable. A second call returns the result of the first.
    ///
    /// # Errors
    /// As [`close`](LogWriter::close).
    fn quiesce(&self, within: Duration) -> impl Future<Output = Result<()>> + Send {
        self.close(within)
    }

    /// Makes all acknowledged records durable and closes the store. Later appends are rejected as unavailable. A second
    /// call returns the result of the first.
    ///
    /// # Errors
    /// [`crate::Error::Fenced`], or [`crate::Error::Unavailable`] when it could not be done `within` the time.
    fn close(&self, within: Duration) -> impl Future<Output = Result<()>> + Send;
}

/// Both sides of one log, as a server needs them.
///
/// A read MUST see every append that was acknowledged before it, for its visibility, without a wait.
pub trait LogStore: LogReader + LogWriter {}

impl<S: LogReader + LogWriter> LogStore for S {}

/// The state of a store, for operators and metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Status {
    /// The tip and the durable watermark.
    pub watermarks: Watermarks,
    /// Age of the oldest record that is not durable yet; zero if all are durable.
    pub durable_lag: Duration,
    /// Appends that wait or are being written.
    pub queued_requests: u64,
    /// Their bytes: keys, values and headers.
    pub queued_bytes: u64,
    /// How many segments there are.
    pub segments: u64,
    /// How many of them are below the floor, and have not been removed yet.
    pub dead_segments: u64,
    /// Keys with deleted records whose bytes have not been removed yet.
    pub purges: u64,
    /// For how long the first of them has been waiting.
    pub oldest_purge: Duration,
    /// How many cursors there are.
    pub cursors: u64,
    /// The segment that is appended to; 0 before the first append.
    pub active_segment: SegmentId,
    /// Of a store that only reads: the age of the state that it shows. `None` for a writer, which shows the newest.
    pub lag: Option<Duration>,
    /// Of a store that only reads: how many sequences the writer has made durable that it does not show yet. `None` as long as the writer does
    /// not tell; 0 for a writer.
    pub lag_sequences: Option<u64>,
    /// Why it takes no more appends, if it does not.
    pub stopped: Option<Stopped>,
}

/// What the next writer of a log would have to read piece by piece, and this one keeps in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Backlog {
    /// The pieces: files of the WAL.
    pub pieces: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Why a store no longer takes appends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// It is being closed.
    Closing,
    /// Another writer took over.
    Fenced,
    /// Its engine failed.
    Failed,
}

impl Stopped {
    /// What to tell a caller of a store that has stopped.
    pub fn error(self) -> Error {
        match self {
            Self::Fenced => Error::Fenced,
            Self::Failed => Error::unavailable("the storage engine has failed"),
            Self::Closing => Error::unavailable("the server is shutting down"),
        }
    }

    /// The same for an append, which was not applied.
    pub fn refusal(self) -> Error {
        match self.error() {
            Error::Unavailable { message, cause } => Error::Unavailable {
                message: format!("{message}; the batch was not applied"),
                cause,
            },
            fenced => fenced,
        }
    }
}

/// Receives the commits of a store, in order, each once.
///
/// Called on the write path, so an implementation must be quick and must not block.
pub trait CommitListener: Send + Sync + 'static {
    /// Whether [`CommitListener::applied`] needs the runs of commits.
    fn is_listening(&self) -> bool;

    /// A commit is readable, and `tip` is the new tip. `runs` are all its records, or `None` if there was no listener
    /// when it was made: listeners that registered since must read it from the store.
    fn applied(&self, runs: Option<&[(Key, Run)]>, tip: Sequence);

    /// Everything below `watermark` is durable.
    fn durable(&self, watermark: Sequence);

    /// There will be no more commits.
    fn stopped(&self, why: Stopped);
}

/// A wall clock.
pub trait Clock: Send + Sync + 'static {
    /// Milliseconds since the Unix epoch. It may step back; a store keeps its timestamps monotonic.
    fn now_ms(&self) -> i64;
}

/// Counts what the service does.
pub trait Telemetry: Send + Sync + 'static {
    /// Records and bytes (keys, values and headers) that were appended and acknowledged.
    fn appended(&self, records: u64, bytes: u64);

    /// Records and bytes (as encoded) that were handed to readers.
    fn scanned(&self, records: u64, bytes: u64);

    /// A group commit was applied.
    fn committed(&self, commit: CommitStats);

    /// Segments below the floor, and the bytes of their data files, that are stored no longer.
    fn dropped(&self, segments: u64, bytes: u64);
}

/// One group commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommitStats {
    /// Appends that were merged into it.
    pub appends: u64,
    /// Their records.
    pub records: u64,
    /// How long the first of them had waited for its turn.
    pub waited: Duration,
}

/// Counts nothing.
impl Telemetry for () {
    fn appended(&self, _records: u64, _bytes: u64) {}
    fn scanned(&self, _records: u64, _bytes: u64) {}
    fn committed(&self, _commit: CommitStats) {}
    fn dropped(&self, _segments: u64, _bytes: u64) {}
}

/// Authorizes requests.
///
/// Asked once for each request, before anything of its body is read, so it must be quick and must not block.
pub trait Authorizer: Send + Sync + 'static {
    /// Checks that `credentials` grant `right`.
    ///
    /// Comparisons of secrets must take constant time.
    ///
    /// # Errors
    /// [`Denied`] if not.
    fn authorize(
        &self,
        credentials: Credentials<'_>,
        right: Right,
    ) -> std::result::Result<(), Denied>;
}
