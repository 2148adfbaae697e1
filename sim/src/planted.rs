//! Bugs that are planted on purpose, one for each promise, to see that the checkers find them.
//!
//! The server has no switches for this. What is broken is around it: the object store that it is given, what it has stored, its
//! settings, the process that it runs in, or what it hears from and says to its clients.

mod face;
mod settings;
mod store;
mod stored;

use clap::ValueEnum;

pub use face::Face;
pub use settings::{configured, exposed};
pub use store::{around, around_backups, around_offers};
pub use stored::stored;

use crate::plan::Scenario;

/// A planted bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Planted {
    /// Appends that ask to be durable are answered as soon as they are applied.
    AcknowledgeEarly,
    /// A trim is answered before the server has written it.
    TrimEarly,
    /// What is trimmed is gone before its floor is durable, so after a crash it is missing.
    DrainEarly,
    /// When all segments were trimmed and the server is restarted, their ids are used again.
    ReuseSegment,
    /// Retention trims what has a quarter of the age.
    TrimYoung,
    /// A retention rule deletes records of keys without its prefix, too.
    RuleOthers,
    /// A retention rule deletes what has a quarter of the age.
    RuleYoung,
    /// Retention trims a log that is not too large, also where it has no limit.
    TrimSmall,
    /// A deletion of a key is answered before the server has written it.
    DeleteEarly,
    /// A key is still listed when all its records were deleted.
    ListDeleted,
    /// Readers are not told that what they ask for was trimmed.
    HideTrim,
    /// The object store says that files of the WAL are written, and writes them later.
    StoreLies,
    /// The object store overwrites what must not be overwritten, so a server that was taken over does not notice.
    StoreOverwrites,
    /// The object store hides the object that says how far the log was durable.
    HideWatermark,
    /// The object store hides the newest file of the WAL from backups.
    HideWal,
    /// A stop ends immediately and reports success.
    SkipFlush,
    /// After a crash, sequences continue after the last durable one instead of at the reserved bound.
    ReuseSequences,
    /// A fenced server continues to acknowledge.
    ServeFenced,
    /// A server that lost the log takes it back when it is started again.
    ComeBack,
    /// A batch is applied as two.
    SplitBatch,
    /// The records of a batch are applied in another order.
    ReverseBatch,
    /// The third record of a page is left out.
    DropRecord,
    /// A page of the newest records is without the last one.
    MissNewest,
    /// The first two records of a page that do not have the same headers have each other's.
    SwapHeaders,
    /// After a crash, records from before it have no headers.
    DropHeaders,
    /// `nextSequence` of a full page is one too high.
    SkipAtPageEnd,
    /// A page has only the first half of its records, as if its time were over, and does not say so.
    HideMore,
    /// A follower that waits is not woken.
    LoseWakeUp,
    /// A count that ends at the start of a segment is one too high.
    CountAtSegment,
    /// A count from below the floor has one of the records that were trimmed.
    CountTrimmed,
    /// A page is answered again, for a while, although something was appended since.
    StaleRead,
    /// An append with an unknown outcome is reported as not applied.
    SayNotApplied,
    /// Readers of what is durable see all that was applied.
    ShowUndurable,
    /// A page ends one record too late.
    IncludeEnd,
    /// The last of several keys is left out.
    DropKey,
    /// What a server knows of producers is not there after a restart: a request that is sent again is applied again.
    ApplyAgain,
    /// What is behind a request that failed in a session is applied.
    ApplyBehind,
    /// After a restart or takeover, an earlier instance of a producer is not refused.
    ForgetEpoch,
    /// A precondition is judged without the records that are placed in the same commit.
    JudgeEarly,
    /// Only the first of several preconditions is judged.
    JudgeFirst,
    /// Appends with preconditions that ask to be durable are answered as soon as they are judged.
    RejectEarly,
    /// Producers do not expire.
    KeepExpired,
    /// Producers expire after a quarter of the time.
    ExpireEarly,
    /// A request that reuses a sequence with other records is answered as a duplicate.
    IgnoreReuse,
    /// A request of a producer with an unknown outcome is reported as applied long ago.
    SayTooOld,
    /// A follower of several keys misses what was appended between its last page and its wait.
    MissBetween,
    /// A move of a cursor is answered before the server has written it.
    MoveEarly,
    /// Cursors are moved wherever they are.
    IgnoreExpected,
    /// A row with the order of the records names the keys of two records the other way round.
    SwapOrder,
    /// A read-only server shows, for a while, what it showed before.
    GoBack,
    /// A read-only server shows again what it said is trimmed.
    ShowTrimmed,
    /// A read-only server counts a record too few.
    CountShort,
    /// Followers of a read-only server that wait are not woken.
    SleepOn,
    /// A file of the WAL is sent to read-only servers before it is stored.
    OfferEarly,
    /// A read-only server says of every request without an answer of the writer that it was not sent.
    SayNotSent,
}

impl Planted {
    /// As it is called on the command line.
    pub fn name(self) -> String {
        let value = self.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// Where it is to be found: with a seed of one of these.
    pub fn scenarios(self) -> &'static [Scenario] {
        match self {
            Self::AcknowledgeEarly
            | Self::TrimEarly
            | Self::DrainEarly
            | Self::ReuseSegment
            | Self::TrimYoung
            | Self::RuleOthers
            | Self::RuleYoung
            | Self::TrimSmall
            | Self::DeleteEarly
            | Self::ListDeleted
            | Self::HideTrim
            | Self::CountTrimmed
            | Self::StoreLies
            | Self::ReuseSequences
            | Self::HideWal
            | Self::DropHeaders => &[Scenario::Crash],
            Self::StoreOverwrites | Self::ServeFenced | Self::ComeBack => &[Scenario::Fencing],
            Self::ShowUndurable => &[Scenario::Readers],
            Self::SkipFlush => &[Scenario::Shutdown],
            Self::HideWatermark => &[Scenario::Vanished],
            Self::SayNotApplied => &[Scenario::Outage],
            Self::ApplyAgain
            | Self::ApplyBehind
            | Self::ForgetEpoch
            | Self::KeepExpired
            | Self::ExpireEarly
            | Self::IgnoreReuse
            | Self::SayTooOld => &[Scenario::ExactlyOnce],
            Self::JudgeEarly | Self::JudgeFirst => &[Scenario::Registers],
            Self::MoveEarly | Self::IgnoreExpected => &[Scenario::Cursors],
            Self::GoBack
            | Self::ShowTrimmed
            | Self::CountShort
            | Self::SleepOn
            | Self::OfferEarly
            | Self::SayNotSent => &[Scenario::Replicas],
            // It shows when what a rejection rests on is lost, which is rare.
            Self::RejectEarly => &[Scenario::Registers, Scenario::Swarm],
            Self::SplitBatch
            | Self::ReverseBatch
            | Self::CountAtSegment
            | Self::DropKey
            | Self::DropRecord
            | Self::MissNewest
            | Self::SwapHeaders
            | Self::SkipAtPageEnd
            | Self::HideMore
            | Self::LoseWakeUp
            | Self::StaleRead
            | Self::IncludeEnd
            | Self::MissBetween
            | Self::SwapOrder => &[Scenario::Smoke],
        }
    }

    /// The checkers that know the promise that it breaks. One of them must find it; others may too.
    pub fn promise(self) -> &'static [&'static str] {
        match self {
            Self::AcknowledgeEarly | Self::StoreLies => &["durable"],
            // A later trim covers up what was lost.
            Self::DrainEarly => &["durable", "visible"],
            Self::TrimEarly
            | Self::DeleteEarly
            | Self::HideTrim
            | Self::TrimYoung
            | Self::RuleOthers
            | Self::RuleYoung
            | Self::TrimSmall => &["trimmed"],
            Self::ListDeleted => &["deleted", "model"],
            Self::ReuseSegment => &["segments"],
            Self::HideWal => &["backup"],
            Self::SwapOrder => &["stored"],
            Self::StoreOverwrites => &["durable", "fenced", "zombie"],
            Self::SkipFlush => &["graceful"],
            Self::HideWatermark => &["durable", "graceful", "reuse"],
            Self::ReuseSequences => &["reuse"],
            Self::ServeFenced => &["fenced"],
            Self::ComeBack => &["away"],
            Self::SplitBatch | Self::ReverseBatch => &["atomic"],
            Self::DropRecord
            | Self::MissNewest
            | Self::SkipAtPageEnd
            | Self::ShowUndurable
            | Self::IncludeEnd => &["pages"],
            Self::SwapHeaders | Self::DropHeaders => &["headers"],
            Self::LoseWakeUp => &["woken"],
            Self::MissBetween => &["several"],
            Self::CountAtSegment | Self::CountTrimmed => &["model", "counts"],
            Self::StaleRead | Self::HideMore => &["visible"],
            Self::SayNotApplied | Self::SayNotSent | Self::ApplyBehind => &["refused"],
            Self::DropKey => &["model"],
            Self::ApplyAgain
            | Self::ForgetEpoch
            | Self::KeepExpired
            | Self::ExpireEarly
            | Self::IgnoreReuse
            | Self::SayTooOld => &["exactly-once"],
            Self::JudgeEarly | Self::JudgeFirst | Self::RejectEarly => &["registers"],
            Self::MoveEarly | Self::IgnoreExpected => &["cursors"],
            Self::GoBack
            | Self::ShowTrimmed
            | Self::CountShort
            | Self::SleepOn
            | Self::OfferEarly => &["replicas"],
        }
    }
}
