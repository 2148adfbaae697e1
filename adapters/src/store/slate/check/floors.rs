//! The floors of keys, in the order of the keys, and with them those of prefixes.

use std::sync::Arc;

use bytes::Bytes;
use log_domain::segment::SYSTEM_SEGMENT;
use log_domain::sequencer::PrefixFloors;
use log_domain::{Key, Result, Sequence};
use slatedb::DbReader;

use super::findings::Findings;
use super::peeked::Rows;
use crate::store::slate::backup::Progress;
use crate::store::slate::layout::{RowType, key_floors};

/// A walk through the rows of the floors, in step with one through keys.
pub(super) struct Floors<'a> {
    rows: Rows<'a>,
    next: Option<(Key, Sequence)>,
    prefixes: Arc<PrefixFloors>,
}

impl<'a> Floors<'a> {
    pub(super) async fn new(
        reader: &DbReader,
        prefixes: Arc<PrefixFloors>,
        findings: &mut Findings,
        progress: &'a dyn Progress,
    ) -> Result<Self> {
        let row = RowType::KeyFloor as u8;
        let prefix = Bytes::from([&SYSTEM_SEGMENT.to_be_bytes()[..], &[row]].concat());
        let what = "segment 0, the floors of keys".to_owned();
        let rows = Rows::with_prefix(reader, prefix, what, findings, progress).await?;
        let mut floors = Self {
            rows,
            next: None,
            prefixes,
        };
        floors.advance(findings).await?;
        Ok(floors)
    }

    /// The highest floor of `key` and its prefixes: 0 if it has none. Keys are asked for in their order.
    pub(super) async fn of(&mut self, key: &Bytes, findings: &mut Findings) -> Result<Sequence> {
        while self
            .next
            .as_ref()
            .is_some_and(|(next, _)| next.as_bytes() < key)
        {
            self.advance(findings).await?;
        }
        let found = self
            .next
            .as_ref()
            .filter(|(next, _)| next.as_bytes() == key);
        let of_key = found.map_or(Sequence::ZERO, |(_, floor)| *floor);
        Ok(of_key.max(self.prefixes.of_key(key)))
    }

    async fn advance(&mut self, findings: &mut Findings) -> Result<()> {
        self.next = None;
        while self.next.is_none()
            && let Some(row) = self.rows.next(findings).await?
        {
            // Rows that cannot be read are findings already.
            self.next = key_floors::decode(&row.key, &row.value).ok();
        }
        Ok(())
    }
}
