//! Rows of a range in order, with a look ahead at the next one.

use bytes::Bytes;
use log_domain::{Error, Result};
use slatedb::config::ScanOptions;
use slatedb::{DbIterator, DbReader, KeyValue};

use super::findings::Findings;
use crate::store::slate::backup::Progress;
use crate::store::slate::error;
use crate::store::slate::layout::{HEAD_BYTES, RowType};

/// Bytes that are read ahead.
const READ_AHEAD_BYTES: usize = 1 << 20;

/// All rows with a prefix.
pub(super) struct Rows<'a> {
    /// None after damage.
    rows: Option<DbIterator>,
    /// What the rows are, for messages.
    what: String,
    progress: &'a dyn Progress,
    /// The last row that was read.
    last: Option<Bytes>,
    /// The next row, if it was looked at and not taken.
    ahead: Option<KeyValue>,
}

impl<'a> Rows<'a> {
    /// Begins to read. Damage is a finding, and ends the rows.
    pub(super) async fn with_prefix(
        reader: &DbReader,
        prefix: Bytes,
        what: String,
        findings: &mut Findings,
        progress: &'a dyn Progress,
    ) -> Result<Self> {
        let options = ScanOptions::default()
            .with_cache_blocks(false)
            .with_read_ahead_bytes(READ_AHEAD_BYTES);
        let rows = reader.scan_prefix_with_options(prefix, .., &options).await;
        let place = || format!("{what}, at the beginning");
        let rows = findings.unless_damaged(place, rows.map_err(damage))?;
        Ok(Self {
            rows,
            what,
            progress,
            last: None,
            ahead: None,
        })
    }

    /// The next row. The rows end at damage, which is a finding.
    pub(super) async fn next(&mut self, findings: &mut Findings) -> Result<Option<KeyValue>> {
        if let Some(ahead) = self.ahead.take() {
            return Ok(Some(ahead));
        }
        let Some(rows) = &mut self.rows else {
            return Ok(None);
        };
        let row = rows.next().await.map_err(damage);
        let place = || match &self.last {
            Some(last) => format!("{}, behind row {}", self.what, last.escape_ascii()),
            None => format!("{}, at the beginning", self.what),
        };
        let Some(row) = findings.unless_damaged(place, row)? else {
            self.rows = None;
            return Ok(None);
        };
        if let Some(row) = &row {
            let bytes = row.key.len() + row.value.len();
            self.progress.advanced(bytes as u64);
            self.last = Some(row.key.clone());
        }
        Ok(row)
    }

    /// The next row, unless its type comes after this one: then it stays the next row.
    pub(super) async fn next_up_to(
        &mut self,
        last: RowType,
        findings: &mut Findings,
    ) -> Result<Option<KeyValue>> {
        self.ahead = self.next(findings).await?;
        Ok(self.ahead.take_if(|row| {
            let row_type = row.key.get(HEAD_BYTES - 1);
            row_type.is_none_or(|row_type| *row_type <= last as u8)
        }))
    }

    /// Whether the rows ended at damage, so that nothing is known of the rest.
    pub(super) fn failed(&self) -> bool {
        self.rows.is_none()
    }
}

/// A file that is gone is damage, too: a checkpoint holds all of them.
pub(super) fn damage(error: slatedb::Error) -> Error {
    let text = error.to_string();
    match text.contains("not found") {
        true => Error::Corrupt(text),
        false => error::read(error),
    }
}
