//! The parts of an append that is split by partition.

use crate::wire;

/// What became of the records of one partition, of an append that was split ([`LogClient::append_split`](crate::LogClient::append_split)).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AppendPart {
    /// The partition; 0 if the log is not clustered.
    pub partition: u32,
    /// How many of the records are in this partition.
    pub count: u64,
    /// What became of them.
    pub outcome: PartOutcome,
}

/// What became of a part.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PartOutcome {
    /// It was applied.
    Applied {
        /// The sequence of its first record; the others follow it without a gap, in their order.
        start: u64,
    },
    /// Nothing of it was applied.
    Refused {
        /// The `code` of the server.
        code: String,
        /// Why, for people.
        message: String,
    },
    /// It may have been applied, whole or not at all.
    Unknown {
        /// The `code` of the server.
        code: String,
        /// Why, for people.
        message: String,
    },
}

/// What an answer says of the parts.
pub(crate) fn of_answer(parts: Vec<wire::AppendPart>) -> Vec<AppendPart> {
    parts.into_iter().map(AppendPart::from).collect()
}

impl From<wire::AppendPart> for AppendPart {
    fn from(part: wire::AppendPart) -> Self {
        let code = part.code.unwrap_or_default();
        let message = part.message.unwrap_or_default();
        let outcome = match (part.outcome.as_str(), part.start_sequence) {
            ("applied", Some(start)) => PartOutcome::Applied { start },
            ("refused", _) => PartOutcome::Refused { code, message },
            _ => PartOutcome::Unknown { code, message },
        };
        Self {
            partition: part.partition,
            count: u64::try_from(part.count).unwrap_or(0),
            outcome,
        }
    }
}
