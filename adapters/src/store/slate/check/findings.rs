//! What a check found, in bounded memory.

use log_domain::{Error, Result};

use super::Report;

/// Findings that are told, each in a line. Of more, the number is told.
const TOLD: usize = 100;

/// What a check found.
#[derive(Debug, Default)]
pub(super) struct Findings {
    told: Vec<String>,
    more: u64,
}

impl Findings {
    /// Something is wrong.
    pub(super) fn add(&mut self, line: String) {
        match self.told.len() < TOLD {
            true => self.told.push(line),
            false => self.more += 1,
        }
    }

    /// Takes damage that was found at `place`, and hands on everything else that went wrong. `None` for damage.
    pub(super) fn unless_damaged<T>(
        &mut self,
        place: impl FnOnce() -> String,
        outcome: Result<T>,
    ) -> Result<Option<T>> {
        match outcome {
            Ok(value) => Ok(Some(value)),
            Err(Error::Corrupt(why)) => {
                self.add(format!("{}: {why}", place()));
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.told.is_empty()
    }

    pub(super) fn into_report(self, report: Report) -> Report {
        Report {
            findings: self.told,
            more: self.more,
            ..report
        }
    }
}
