//! Bugs of clusters that are planted on purpose, one for each promise, to see that the checkers find them.
//!
//! As with those of one log, the server has no switches for this: what is broken is what nodes hear from and say to clients and each other, and
//! what they read in the bucket.

mod claims;
mod compactor;
mod face;
mod session;
mod store;

use clap::ValueEnum;

pub(super) use face::Face;
pub(super) use session::passed;
pub(super) use store::around;

/// A planted bug of clusters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Planted {
    /// A node that has handed a partition over goes on to acknowledge appends to it for a while.
    ServeOn,
    /// An append that is passed to another node is sent twice.
    ForwardTwice,
    /// Two nodes compute different placements, and each takes what it computed although the other one has it.
    PlaceApart,
    /// A node that was started again files keys in other partitions.
    HashAnew,
    /// A part of an append that is split is sent again although it was answered.
    SplitAgain,
    /// A node answers a scan of all partitions with a position that it had before.
    FallBack,
    /// A node that was cut off from the bucket does not notice which of its partitions others have claimed.
    MissClaims,
    /// A node that takes a partition over does not look again whether the node that it holds for dead has come back.
    StaleDeaths,
    /// The compactor of a partition goes on when the partition is handed over, and claims it again from its successor.
    CompactOn,
    /// A node that passes a session on answers an append that the node of the partition has not answered.
    AnswerUnheard,
    /// A node that passes a session on sends an append again, elsewhere, when the session ends before its answer.
    SessionAgain,
    /// The partitions of a node write data files only when they are full.
    Hoard,
}

impl Planted {
    /// As it is called on the command line.
    pub fn name(self) -> String {
        let value = self.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// The checkers that know the promise it breaks.
    pub fn promise(self) -> &'static [&'static str] {
        match self {
            Self::ServeOn => &["durable", "reuse", "order"],
            Self::ForwardTwice | Self::SplitAgain => &["once"],
            Self::PlaceApart => &["settled"],
            Self::HashAnew => &["durable", "visible"],
            Self::FallBack => &["unordered"],
            Self::MissClaims | Self::StaleDeaths => &["visible"],
            Self::CompactOn => &["compactor"],
            Self::AnswerUnheard => &["durable", "reuse"],
            Self::SessionAgain => &["refused"],
            Self::Hoard => &["backlog"],
        }
    }
}
