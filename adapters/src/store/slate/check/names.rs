//! The names of the keys of one segment, in bounded memory.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hasher};

use bytes::Bytes;
use log_domain::{Result, SegmentId, Sequence};
use slatedb::DbReader;

use super::findings::Findings;
use super::peeked::{Rows, damage};
use crate::store::slate::backup::Progress;
use crate::store::slate::layout::{HEAD_BYTES, RowType, names};

/// Numbers whose names are held in memory, as hashes. If there are more, they are read in several passes.
const HELD: u32 = if cfg!(test) { 2 } else { 1 << 18 };

/// Stands for a key. Never 0.
pub(super) fn hash(key: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(key);
    hasher.finish() | 1
}

/// The names of the numbers from one on, [`HELD`] at most.
#[derive(Debug, Default)]
pub(super) struct Hashes {
    first: u32,
    /// 0 if there is no name.
    hashes: Vec<u64>,
}

impl Hashes {
    fn put(&mut self, number: u32, key: &[u8]) {
        let at = number.checked_sub(self.first);
        let Some(at) = at.filter(|at| *at < HELD) else {
            return;
        };
        let at = at as usize;
        if self.hashes.len() <= at {
            self.hashes.resize(at + 1, 0);
        }
        self.hashes[at] = hash(key);
    }

    /// What stands for the key of this number; `None` if it has no name, or is not one of these.
    pub(super) fn get(&self, number: u32) -> Option<u64> {
        let at = number.checked_sub(self.first)? as usize;
        let hash = self.hashes.get(at).copied();
        hash.filter(|hash| *hash != 0)
    }
}

/// Which keys the numbers of a segment stand for.
#[derive(Debug)]
pub(super) struct Names {
    segment: SegmentId,
    first: Hashes,
    /// How many names there are, and how many of them the directory lists.
    named: u64,
    listed: u64,
    /// The highest number that has a name.
    highest: Option<u32>,
    /// The floors of the keys, by number, if they are not 0.
    floors: HashMap<u32, Sequence>,
}

impl Names {
    /// Reads the name rows of a segment, with which it begins.
    pub(super) async fn read(
        rows: &mut Rows<'_>,
        segment: SegmentId,
        findings: &mut Findings,
    ) -> Result<Self> {
        let mut names = Self {
            segment,
            first: Hashes::default(),
            named: 0,
            listed: 0,
            highest: None,
            floors: HashMap::new(),
        };
        while let Some(row) = rows.next_up_to(RowType::Name, findings).await? {
            let place = || format!("segment {segment}, row {}", row.key.escape_ascii());
            if row.key.get(HEAD_BYTES - 1) != Some(&(RowType::Name as u8)) {
                findings.add(format!("{}: the type of the row is not known", place()));
                continue;
            }
            let name = names::decode(&row.key, &row.value);
            if let Some((number, key)) = findings.unless_damaged(place, name)? {
                names.first.put(number, key.as_ref());
                names.named += 1;
                names.highest = Some(number);
            }
        }
        Ok(names)
    }

    /// The directory says that the key with this number has records in the segment. Nothing of the key is read below `floor`.
    pub(super) async fn listed(
        &mut self,
        reader: &DbReader,
        (key, number, floor): (&Bytes, u32, Sequence),
        findings: &mut Findings,
    ) -> Result<()> {
        let place = || format!("segment {}, key {}", self.segment, key.escape_ascii());
        let found = if number < HELD {
            self.first.get(number)
        } else {
            let row = reader.get(names::key(self.segment, number)).await;
            let row = findings.unless_damaged(place, row.map_err(damage))?;
            // Names that cannot be read are findings already.
            let name = row.flatten().and_then(|row| names::name(&row).ok());
            name.map(|name| hash(name.as_ref()))
        };
        if found != Some(hash(key)) {
            let is = match found {
                Some(_) => "another key has it",
                None => "no key has it",
            };
            findings.add(format!(
                "{}: the directory says that its number is {number}, and {is}",
                place()
            ));
            return Ok(());
        }
        self.listed += 1;
        if floor > Sequence::ZERO {
            self.floors.insert(number, floor);
        }
        Ok(())
    }

    /// The directory was read: it should have listed all of them.
    pub(super) fn check_listed(&self, findings: &mut Findings) {
        let Self {
            segment,
            named,
            listed,
            ..
        } = self;
        if named != listed {
            findings.add(format!(
                "segment {segment}: {named} keys have a number, and the directory lists {listed} of them"
            ));
        }
    }

    /// Nothing of the key with this number is read below.
    pub(super) fn floor(&self, number: u32) -> Sequence {
        self.floors.get(&number).copied().unwrap_or_default()
    }

    /// The highest number that has a name.
    pub(super) fn highest(&self) -> Option<u32> {
        self.highest
    }

    /// The first names.
    pub(super) fn first(&self) -> &Hashes {
        &self.first
    }

    /// Where the names begin that come after the first ones, some at a time.
    pub(super) fn later(&self) -> impl Iterator<Item = u32> + use<> {
        let end = self.highest.map_or(0, |highest| highest.saturating_add(1));
        (HELD..end).step_by(HELD as usize)
    }

    /// The names from `first` on that are held together.
    pub(super) async fn starting(
        &self,
        reader: &DbReader,
        first: u32,
        progress: &dyn Progress,
        findings: &mut Findings,
    ) -> Result<Hashes> {
        let what = format!("segment {}, the names of keys", self.segment);
        let prefix = names::prefix(self.segment);
        let mut rows = Rows::with_prefix(reader, prefix, what, findings, progress).await?;
        let mut hashes = Hashes {
            first,
            hashes: Vec::new(),
        };
        while let Some(row) = rows.next(findings).await? {
            if let Ok((number, key)) = names::decode(&row.key, &row.value) {
                hashes.put(number, key.as_ref());
            }
        }
        Ok(hashes)
    }
}
