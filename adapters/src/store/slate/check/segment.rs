//! The records of one segment, key by key, behind the names of the keys and before their order.

use std::sync::Arc;

use bytes::{Buf, Bytes};
use log_domain::sequencer::PrefixFloors;
use log_domain::{Error, Result, Segment, Sequence};
use slatedb::{DbReader, KeyValue};

use super::findings::Findings;
use super::floors::Floors;
use super::names::{self, Names};
use super::order::{Order, Sums};
use super::peeked::Rows;
use crate::store::slate::backup::Progress;
use crate::store::slate::layout::records::{self, Row};
use crate::store::slate::layout::{HEAD_BYTES, RowType, SEQUENCE_BYTES, key};

/// What a segment holds of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) key: Bytes,
    /// Records up to its last one, with those that were removed before.
    pub(super) records: u64,
    /// Records at or above the floors of the key and its prefixes.
    pub(super) left: u64,
}

/// A walk through the records of a segment.
pub(super) struct Walk<'a> {
    segment: Segment,
    end: Sequence,
    rows: Rows<'a>,
    floors: Floors<'a>,
    /// Which keys the numbers stand for.
    pub(super) names: Names,
    /// What the order of the records must name.
    sums: Sums,
    /// A row that was read and belongs to the next key.
    ahead: Option<(Bytes, KeyValue)>,
    /// What comes next, if it has been asked for.
    next: Option<Held>,
    over: bool,
}

/// What must follow.
struct Before {
    /// The highest floor of the key and its prefixes.
    floor: Sequence,
    /// Whether the rows are at or above the floor. Those below may have gone, and then the key may have begun anew.
    is_strict: bool,
    /// What stands for the key.
    hash: u64,
    left: u64,
    records: u64,
    last: Option<Sequence>,
    time_ms: i64,
}

impl<'a> Walk<'a> {
    /// Begins at the first key of a segment that ends at `end`. The names of `held` keys are held in memory.
    pub(super) async fn new(
        reader: &DbReader,
        (segment, end): (Segment, Sequence),
        held: u32,
        prefixes: Arc<PrefixFloors>,
        findings: &mut Findings,
        progress: &'a dyn Progress,
    ) -> Result<Self> {
        let prefix = Bytes::copy_from_slice(&segment.id.to_be_bytes());
        let what = format!("segment {}", segment.id);
        let mut rows = Rows::with_prefix(reader, prefix, what, findings, progress).await?;
        let named = (segment.id, held);
        let names = Names::read(&mut rows, named, Arc::clone(&prefixes), findings).await?;
        Ok(Self {
            segment,
            end,
            rows,
            names,
            sums: Sums::new(segment.start, end),
            floors: Floors::new(reader, prefixes, findings, progress).await?,
            ahead: None,
            next: None,
            over: false,
        })
    }

    /// The segment.
    pub(super) fn segment(&self) -> &Segment {
        &self.segment
    }

    /// Whether the walk ended at damage, so that nothing is known of the keys behind it.
    pub(super) fn failed(&self) -> bool {
        self.rows.failed()
    }

    /// The next key, which stays the next one.
    pub(super) async fn peek(&mut self, findings: &mut Findings) -> Result<Option<&Held>> {
        if self.next.is_none() && !self.over {
            self.next = self.read_key(findings).await?;
            self.over = self.next.is_none();
        }
        Ok(self.next.as_ref())
    }

    /// Checks the order of the records, once all of them and the directory were read. In the active segment, so many numbers were `given`.
    /// `is_whole` says whether everything must be there that is above the floors.
    pub(super) async fn check_order(
        &mut self,
        reader: &DbReader,
        (given, is_whole): (Option<u32>, bool),
        findings: &mut Findings,
        progress: &dyn Progress,
    ) -> Result<()> {
        if self.failed() {
            return Ok(());
        }
        if is_whole {
            self.names.check_listed(findings);
        }
        let order = Order {
            segment: self.segment,
            end: self.end,
            names: &self.names,
            sums: &mut self.sums,
            given,
            is_whole,
        };
        order
            .check(&mut self.rows, reader, progress, findings)
            .await
    }

    /// Takes the next key, if it is this one.
    pub(super) fn take(&mut self, key: &Bytes) -> Option<Held> {
        self.next.take_if(|held| held.key == *key)
    }

    /// Reads all rows of a key. `None` at the end.
    async fn read_key(&mut self, findings: &mut Findings) -> Result<Option<Held>> {
        let (key, mut row) = match self.ahead.take() {
            Some(ahead) => ahead,
            None => match self.read_row(findings).await? {
                Some(first) => first,
                None => return Ok(None),
            },
        };
        let floor = self.floors.of(&key, findings).await?;
        let mut before = Before {
            floor,
            is_strict: floor <= self.segment.start,
            hash: names::hash(&key),
            left: 0,
            records: 0,
            last: None,
            time_ms: 0,
        };
        loop {
            let outcome = self.check_row(&row, &mut before);
            let place = || self.place(&key, &row.key);
            findings.unless_damaged(place, outcome)?;
            match self.read_row(findings).await? {
                Some((next, ahead)) if next == key => row = ahead,
                ahead => {
                    self.ahead = ahead;
                    break;
                }
            }
        }
        let Before { records, left, .. } = before;
        Ok(Some(Held { key, records, left }))
    }

    /// The next row that has a key. Rows that have none are findings.
    async fn read_row(&mut self, findings: &mut Findings) -> Result<Option<(Bytes, KeyValue)>> {
        while let Some(row) = self.rows.next_up_to(RowType::Records, findings).await? {
            match log_key(&row.key) {
                Some(key) => return Ok(Some((key, row))),
                None => findings.add(format!(
                    "segment {}, row {}: it is not the key of a record row",
                    self.segment.id,
                    row.key.escape_ascii()
                )),
            }
        }
        Ok(None)
    }

    /// # Errors
    /// [`Error::Corrupt`] that says what is wrong with the row. What follows is held against what can be read of it.
    fn check_row(&mut self, row: &KeyValue, before: &mut Before) -> Result<()> {
        let Row { ordinal, run } = records::decode(&row.key, &row.value)?;
        let expected = before.records;
        let (last, time_ms) = (before.last, before.time_ms);
        before.records = ordinal.saturating_add(u64::from(run.count()));
        before.last = Some(run.last());
        before.time_ms = run.timestamp_ms();
        let is_strict = before.is_strict;
        before.is_strict |= run.last() >= before.floor;
        let wrong = |why: String| Err(Error::Corrupt(why));
        if ordinal != expected && is_strict {
            return wrong(format!(
                "it says that {ordinal} records of the key are before it in the segment, and there are {expected}"
            ));
        }
        if last.is_some_and(|last| run.first() <= last) {
            return wrong(format!(
                "its first sequence {} is not above that of the row before",
                run.first()
            ));
        }
        if run.timestamp_ms() < time_ms {
            return wrong(format!(
                "it was appended at {}, before the row before, at {time_ms}",
                run.timestamp_ms()
            ));
        }
        if run.first() < self.segment.start || run.last() >= self.end {
            return wrong(format!(
                "its sequences {} to {} are not in the segment, which has those from {} up to {}",
                run.first(),
                run.last(),
                self.segment.start,
                self.end
            ));
        }
        let mut count = 0_u32;
        let mut sequence = None;
        for entry in run.entries() {
            let entry = entry?;
            let ascends = sequence.is_none_or(|before| entry.sequence > before);
            let begins = sequence.is_some() || entry.sequence == run.first();
            if !ascends || !begins {
                return wrong(format!(
                    "its record {count} has sequence {}",
                    entry.sequence
                ));
            }
            sequence = Some(entry.sequence);
            count += 1;
            if entry.sequence >= before.floor {
                before.left += 1;
                self.sums.add(before.hash, entry.sequence);
            }
        }
        if sequence != Some(run.last()) || count != run.count() {
            return wrong(format!(
                "it has {count} records up to sequence {}, and says that it has {} up to {}",
                sequence.unwrap_or_default(),
                run.count(),
                run.last()
            ));
        }
        Ok(())
    }

    fn place(&self, key: &Bytes, row: &Bytes) -> String {
        let mut last = row.slice(row.len() - SEQUENCE_BYTES..);
        format!(
            "segment {}, key {}, the row up to sequence {}",
            self.segment.id,
            key.escape_ascii(),
            last.get_u64()
        )
    }
}

/// The log key of a record row.
fn log_key(row_key: &Bytes) -> Option<Bytes> {
    let is_record = *row_key.get(HEAD_BYTES - 1)? == RowType::Records as u8;
    let rest = row_key.slice(HEAD_BYTES..);
    let is_whole = key::end(&rest)? + SEQUENCE_BYTES == rest.len();
    key::get(&rest).filter(|_| is_record && is_whole)
}
