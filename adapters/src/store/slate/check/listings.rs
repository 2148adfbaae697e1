//! Compares the listings of keys (the key rows and the key directory) with the records.

use std::sync::Arc;

use bytes::Bytes;
use log_domain::segment::SYSTEM_SEGMENT;
use log_domain::sequencer::DirectoryEntry;
use log_domain::{Key, Result, Segment, SegmentId, Sequence};
use slatedb::DbReader;

use super::findings::Findings;
use super::floors::Floors;
use super::peeked::Rows;
use super::segment::{Held, Walk};
use super::system::System;
use crate::store::slate::backup::Progress;
use crate::store::slate::directory::records_in;
use crate::store::slate::layout::{RowType, directory, keys};

/// A pass over the listings, with the records of some segments.
pub(super) struct Listings<'a> {
    pub(super) system: &'a System,
    /// The segments of this pass.
    pub(super) batch: &'a [Segment],
    /// Whether this is the first pass, which checks what does not depend on the segments.
    pub(super) is_first: bool,
    /// Where the log ends.
    pub(super) end: Sequence,
    /// Keys of a segment whose names are held in memory.
    pub(super) held: u32,
}

/// The listings, with a look ahead at their next rows.
struct Heads<'a> {
    directory: Rows<'a>,
    entry: Option<DirectoryEntry>,
    keys: Rows<'a>,
    key: Option<Key>,
    floors: Floors<'a>,
    walks: Vec<Walk<'a>>,
}

/// The segments of the pass that hold a key, and what they hold of it.
type Counts = Vec<(SegmentId, Held)>;

impl Listings<'_> {
    /// Returns how many keys and records were read. Keys are counted by the first pass.
    pub(super) async fn check(
        &self,
        reader: &DbReader,
        findings: &mut Findings,
        progress: &dyn Progress,
    ) -> Result<(u64, u64)> {
        let mut heads = self.heads(reader, findings, progress).await?;
        let (mut keys, mut records) = (0, 0);
        while let Some(key) = heads.lowest(findings).await? {
            let mut entries = Vec::new();
            while let Some(entry) = heads.entry.take_if(|entry| entry.key.as_bytes() == &key) {
                entries.push(entry);
                heads.entry = heads.next_entry(findings).await?;
            }
            let is_listed = heads
                .key
                .take_if(|listed| listed.as_bytes() == &key)
                .is_some();
            if is_listed {
                heads.key = heads.next_key(findings).await?;
            }
            let mut counts = Counts::new();
            for walk in &mut heads.walks {
                if let Some(held) = walk.take(&key) {
                    records += held.left;
                    counts.push((walk.segment().id, held));
                }
            }
            if self.is_first {
                // What is left of a deleted key is no key.
                let is_there = is_listed || !entries.is_empty();
                keys += u64::from(is_there || counts.iter().any(|(_, held)| held.left > 0));
                self.check_key(&key, is_listed, &entries, &heads, findings);
            }
            self.check_segments(&key, &entries, &counts, &heads, findings);
            let floor = heads.floors.of(&key, findings).await?;
            for entry in &entries {
                let mut walks = heads.walks.iter_mut();
                if let Some(walk) = walks.find(|walk| walk.segment().id == entry.segment)
                    && !walk.failed()
                {
                    let named = (&key, entry.number, floor);
                    walk.names.listed(reader, named, findings).await?;
                }
            }
            let floor = floor.max(self.system.floor);
            self.check_counts(reader, (&key, floor), &entries, &counts, &heads, findings)
                .await?;
        }
        for walk in &mut heads.walks {
            let id = walk.segment().id;
            let is_whole = !self.system.is_dead(id) && !heads.directory.failed();
            let checked = (self.system.numbers_of(id), is_whole);
            walk.check_order(reader, checked, findings, progress)
                .await?;
        }
        Ok((keys, records))
    }

    async fn heads<'p>(
        &self,
        reader: &DbReader,
        findings: &mut Findings,
        progress: &'p dyn Progress,
    ) -> Result<Heads<'p>> {
        let mut walks = Vec::with_capacity(self.batch.len());
        for segment in self.batch {
            let end = self.system.end_of(segment.id, self.end);
            let prefixes = Arc::clone(&self.system.prefix_floors);
            let of = (*segment, end);
            let walk = Walk::new(reader, of, self.held, prefixes, findings, progress);
            walks.push(walk.await?);
        }
        let prefix = |row: RowType| {
            let prefix = [&SYSTEM_SEGMENT.to_be_bytes()[..], &[row as u8]].concat();
            Bytes::from(prefix)
        };
        let (listed, named) = (prefix(RowType::Directory), prefix(RowType::Key));
        let what = "segment 0, the directory".to_owned();
        let directory = Rows::with_prefix(reader, listed, what, findings, progress).await?;
        let what = "segment 0, the rows of the keys".to_owned();
        let keys = Rows::with_prefix(reader, named, what, findings, progress).await?;
        let prefixes = Arc::clone(&self.system.prefix_floors);
        let mut heads = Heads {
            directory,
            entry: None,
            keys,
            key: None,
            floors: Floors::new(reader, prefixes, findings, progress).await?,
            walks,
        };
        heads.entry = heads.next_entry(findings).await?;
        heads.key = heads.next_key(findings).await?;
        Ok(heads)
    }

    /// The rows of the keys and the directory list the same keys, and only segments that exist.
    fn check_key(
        &self,
        key: &Bytes,
        is_listed: bool,
        entries: &[DirectoryEntry],
        heads: &Heads<'_>,
        findings: &mut Findings,
    ) {
        let shown = key.escape_ascii();
        if !is_listed && !entries.is_empty() && !heads.keys.failed() {
            findings.add(format!(
                "segment 0, key {shown}: it has no row in the listing of the keys"
            ));
        }
        if is_listed && entries.is_empty() && !heads.directory.failed() {
            findings.add(format!(
                "segment 0, key {shown}: the directory does not list it"
            ));
        }
        for entry in entries
            .iter()
            .filter(|entry| !self.system.has(entry.segment))
        {
            findings.add(format!(
                "segment 0, key {shown}: the directory lists it in segment {}, which does not exist",
                entry.segment
            ));
        }
    }

    /// The directory lists the segments of this pass that hold the key.
    fn check_segments(
        &self,
        key: &Bytes,
        entries: &[DirectoryEntry],
        counts: &Counts,
        heads: &Heads<'_>,
        findings: &mut Findings,
    ) {
        let shown = key.escape_ascii();
        for walk in &heads.walks {
            let id = walk.segment().id;
            let held = counts.iter().find(|(segment, _)| *segment == id);
            let is_hidden = held.is_some_and(|(_, held)| held.left == 0);
            let holds = held.is_some();
            let is_listed = entries.iter().any(|entry| entry.segment == id);
            if holds
                && !is_hidden
                && !is_listed
                && !self.system.is_dead(id)
                && !heads.directory.failed()
            {
                findings.add(format!(
                    "segment {id}, key {shown}: it has records, and the directory does not say so"
                ));
            }
            if is_listed && !holds && !walk.failed() {
                findings.add(format!(
                    "segment {id}, key {shown}: the directory says that it has records, and there are none"
                ));
            }
        }
    }

    /// What the directory says about the records before a segment is what the segments before it hold.
    async fn check_counts(
        &self,
        reader: &DbReader,
        (key, floor): (&Bytes, Sequence),
        entries: &[DirectoryEntry],
        counts: &Counts,
        heads: &Heads<'_>,
        findings: &mut Findings,
    ) -> Result<()> {
        let is_known = |id: SegmentId| {
            let walk = heads.walks.iter().find(|walk| walk.segment().id == id);
            walk.is_none_or(|walk| !walk.failed())
        };
        // Of the entry before: its segment, and what it says.
        let mut before: Option<(SegmentId, Option<u64>)> = None;
        for entry in entries {
            let is_here = self.batch.iter().any(|segment| segment.id == entry.segment);
            let expected = match before {
                _ if !is_here => None,
                // What it says includes what was removed, which cannot be counted any more.
                None if floor > Sequence::ZERO => Some(entry.earlier.unwrap_or(0)),
                None => Some(0),
                Some((_, None)) => None,
                Some((segment, _)) if !is_known(segment) => None,
                Some((segment, Some(earlier))) => {
                    let counted = counts.iter().find(|(id, _)| *id == segment);
                    let records = match counted {
                        Some((_, held)) => Some(held.records),
                        None => {
                            let key = Key::stored(key.clone());
                            let place = || {
                                format!("segment {segment}, key {}", key.as_bytes().escape_ascii())
                            };
                            let found = records_in(reader, segment, &key).await;
                            findings.unless_damaged(place, found)?
                        }
                    };
                    records.map(|records| earlier.saturating_add(records))
                }
            };
            if let (Some(expected), Some(earlier)) = (expected, entry.earlier)
                && expected != earlier
            {
                findings.add(format!(
                    "segment {}, key {}: the directory says that {earlier} records are before the segment, and there are {expected}",
                    entry.segment,
                    key.escape_ascii()
                ));
            }
            let computed = entry.earlier.or(expected);
            before = Some((entry.segment, computed));
        }
        Ok(())
    }
}

impl Heads<'_> {
    async fn next_entry(&mut self, findings: &mut Findings) -> Result<Option<DirectoryEntry>> {
        while let Some(row) = self.directory.next(findings).await? {
            // Rows that cannot be read are findings already.
            if let Ok(entry) = directory::decode(&row.key, &row.value) {
                return Ok(Some(entry));
            }
        }
        Ok(None)
    }

    async fn next_key(&mut self, findings: &mut Findings) -> Result<Option<Key>> {
        while let Some(row) = self.keys.next(findings).await? {
            // Rows that cannot be read are findings already.
            if let Ok(key) = keys::decode(&row.key, &row.value) {
                return Ok(Some(key));
            }
        }
        Ok(None)
    }

    /// The lowest key that comes next anywhere. Rows are in the order of the keys.
    async fn lowest(&mut self, findings: &mut Findings) -> Result<Option<Bytes>> {
        let entry = self.entry.as_ref().map(|entry| entry.key.as_bytes());
        let key = self.key.as_ref().map(Key::as_bytes);
        let mut lowest = entry.into_iter().chain(key).min().cloned();
        for walk in &mut self.walks {
            if let Some(held) = walk.peek(findings).await?
                && lowest.as_ref().is_none_or(|lowest| held.key < *lowest)
            {
                lowest = Some(held.key.clone());
            }
        }
        Ok(lowest)
    }
}
