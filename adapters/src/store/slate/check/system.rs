//! The system segment: state, segments, producers, cursors; and whether each row of the directory and of the keys can be read.

use std::sync::Arc;

use bytes::Bytes;
use log_domain::segment::{FIRST_SEGMENT, SYSTEM_SEGMENT, dead};
use log_domain::sequencer::PrefixFloors;
use log_domain::{PrefixFloor, Result, Segment, SegmentId, Sequence};
use slatedb::{DbReader, KeyValue};

use super::findings::Findings;
use super::peeked::Rows;
use crate::store::slate::backup::Progress;
use crate::store::slate::layout::{
    HEAD_BYTES, RowType, cursors, directory, key_floors, keys, prefix_floors, producers, purges,
    segments, state,
};

/// What the system segment says.
pub(super) struct System {
    /// In order.
    pub(super) segments: Vec<Segment>,
    /// What lies below is removed, a piece after the other.
    pub(super) floor: Sequence,
    /// Numbers given to keys of the newest segment, if that is known.
    numbers: Option<u32>,
    /// The floors of prefixes.
    pub(super) prefix_floors: Arc<PrefixFloors>,
}

impl System {
    /// Reads and checks all rows. `end` is where the log ends.
    pub(super) async fn read(
        reader: &DbReader,
        end: Sequence,
        findings: &mut Findings,
        progress: &dyn Progress,
    ) -> Result<Self> {
        let prefix = Bytes::copy_from_slice(&SYSTEM_SEGMENT.to_be_bytes());
        let what = "segment 0 (the system segment)".to_owned();
        let mut rows = Rows::with_prefix(reader, prefix, what, findings, progress).await?;
        let mut system = Self {
            segments: Vec::new(),
            floor: Sequence::ZERO,
            numbers: None,
            prefix_floors: Arc::default(),
        };
        let mut prefix_floors = Vec::new();
        let mut bound = None;
        let mut count = 0_u64;
        while let Some(row) = rows.next(findings).await? {
            count += 1;
            let place = || format!("segment 0, row {}", row.key.escape_ascii());
            let found = (&mut bound, &mut prefix_floors);
            let decoded = system.take(&row, end, found, findings);
            findings.unless_damaged(place, decoded)?;
        }
        if !rows.failed() {
            match bound {
                Some(bound) if bound < end => findings.add(format!(
                    "segment 0, state row: it says that no record has a sequence of {bound} or more, and the log ends at {end}"
                )),
                None if count > 0 => findings.add("segment 0: the state row is missing".into()),
                _ => {}
            }
        }
        system.prefix_floors = Arc::new(PrefixFloors::found(prefix_floors));
        system.check_segments(end, findings);
        Ok(system)
    }

    fn take(
        &mut self,
        row: &KeyValue,
        end: Sequence,
        (bound, prefix_floors): (&mut Option<Sequence>, &mut Vec<PrefixFloor>),
        findings: &mut Findings,
    ) -> Result<()> {
        const STATE: u8 = RowType::State as u8;
        const SEGMENT: u8 = RowType::Segment as u8;
        const PRODUCER: u8 = RowType::Producer as u8;
        const PURGE: u8 = RowType::Purge as u8;
        const CURSOR: u8 = RowType::Cursor as u8;
        const PREFIX_FLOOR: u8 = RowType::PrefixFloor as u8;
        const KEY_FLOOR: u8 = RowType::KeyFloor as u8;
        const DIRECTORY: u8 = RowType::Directory as u8;
        const KEY: u8 = RowType::Key as u8;
        match row.key.get(HEAD_BYTES - 1) {
            Some(&STATE) => {
                let state = state::decode(&row.value)?;
                *bound = Some(state.bound);
                self.floor = state.floor;
                self.numbers = Some(state.numbers);
            }
            Some(&SEGMENT) => self.segments.push(segments::decode(&row.key, &row.value)?),
            Some(&PRODUCER) => drop(producers::decode(&row.key, &row.value)?),
            Some(&CURSOR) => {
                let cursor = cursors::decode(&row.key, &row.value)?;
                if cursor.position > end {
                    findings.add(format!(
                        "segment 0, cursor {:?}: it is at {}, and the log ends at {end}",
                        cursor.name.as_str(),
                        cursor.position
                    ));
                }
            }
            Some(&DIRECTORY) => drop(directory::decode(&row.key, &row.value)?),
            Some(&KEY) => drop(keys::decode(&row.key, &row.value)?),
            Some(&PREFIX_FLOOR) => {
                prefix_floors.push(self::prefix_floors::decode(&row.key, &row.value)?);
            }
            Some(&PURGE) => drop(purges::decode(&row.key, &row.value)?),
            Some(&KEY_FLOOR) => drop(key_floors::decode(&row.key, &row.value)?),
            _ => findings.add(format!(
                "segment 0, row {}: the type of the row is not known",
                row.key.escape_ascii()
            )),
        }
        Ok(())
    }

    /// Ids and sequences ascend, ids without gaps. Rows are in the order of the ids.
    fn check_segments(&self, end: Sequence, findings: &mut Findings) {
        for pair in self.segments.windows(2) {
            let [before, after] = pair else { continue };
            if after.id != before.id + 1 {
                findings.add(format!(
                    "segment {} follows segment {}: the rows of those between are missing",
                    after.id, before.id
                ));
            }
            if after.start < before.start || after.start_time_ms < before.start_time_ms {
                findings.add(format!(
                    "segment {} begins at sequence {}, time {}, before segment {}, which begins at sequence {}, time {}",
                    after.id,
                    after.start,
                    after.start_time_ms,
                    before.id,
                    before.start,
                    before.start_time_ms
                ));
            }
        }
        if let Some(first) = self.segments.first()
            && first.id != FIRST_SEGMENT
            && first.start > self.floor
        {
            findings.add(format!(
                "segment {} is the first one, and begins at sequence {}, above the floor of the log, {}: the rows of those before it are missing",
                first.id, first.start, self.floor
            ));
        }
        if let Some(last) = self.segments.last()
            && last.start > end
        {
            findings.add(format!(
                "segment {} begins at sequence {}, and the log ends at {end}",
                last.id, last.start
            ));
        }
    }

    /// Whether this segment has no row because it was below the floor. Its files go a while after the row.
    pub(super) fn was_removed(&self, id: SegmentId) -> bool {
        let first = self.segments.first();
        first.is_some_and(|first| id < first.id && first.start <= self.floor)
    }

    /// Whether this segment is below the floor: its rows of the directory go before its own.
    pub(super) fn is_dead(&self, id: SegmentId) -> bool {
        let dead = dead(&self.segments, self.floor);
        dead.last().is_some_and(|last| id <= last.id)
    }

    /// So many numbers were given to keys of this segment, if it is the newest one.
    pub(super) fn numbers_of(&self, id: SegmentId) -> Option<u32> {
        let newest = self.segments.last().map(|segment| segment.id);
        self.numbers.filter(|_| newest == Some(id))
    }

    /// Whether there is a row for this segment.
    pub(super) fn has(&self, id: SegmentId) -> bool {
        self.position(id).is_some()
    }

    /// Where a segment ends.
    pub(super) fn end_of(&self, id: SegmentId, end: Sequence) -> Sequence {
        let next = self.position(id).and_then(|at| self.segments.get(at + 1));
        next.map_or(end, |next| next.start)
    }

    fn position(&self, id: SegmentId) -> Option<usize> {
        let found = self
            .segments
            .binary_search_by_key(&id, |segment| segment.id);
        found.ok()
    }
}
