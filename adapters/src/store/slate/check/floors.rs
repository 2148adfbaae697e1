//! The floors of keys, in the order of the keys.

use bytes::Bytes;
use log_domain::segment::SYSTEM_SEGMENT;
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
}

impl<'a> Floors<'a> {
    pub(super) async fn new(
        reader: &DbReader,
        findings: &mut Findings,
        progress: &'a dyn Progress,
    ) -> Result<Self> {
        let row = RowType::KeyFloor as u8;
        let prefix = Bytes::from([&SYSTEM_SEGMENT.to_be_bytes()[..], &[row]].concat());
        let what = "segment 0, the floors of keys".to_owned();
        let rows = Rows::with_prefix(reader, prefix, what, findings, progress).await?;
        let mut floors = Self { rows, next: None };
        floors.advance(findings).await?;
        Ok(floors)
    }

    /// The floor of `key`: 0 if it has none. Keys are asked for in their order.
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
        Ok(found.map_or(Sequence::ZERO, |(_, floor)| *floor))
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
