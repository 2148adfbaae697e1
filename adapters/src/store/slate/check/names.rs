//! The names of the keys of one segment, and the floors of these keys, in bounded memory.

use std::hash::{DefaultHasher, Hasher};
use std::sync::Arc;

use bytes::Bytes;
use log_domain::sequencer::PrefixFloors;
use log_domain::{Key, Result, SegmentId, Sequence};
use slatedb::DbReader;

use super::findings::Findings;
use super::peeked::{Rows, damage};
use crate::store::slate::backup::Progress;
use crate::store::slate::layout::{HEAD_BYTES, RowType, key_floors, names};

/// Stands for a key. Never 0.
pub(super) fn hash(key: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(key);
    hasher.finish() | 1
}

/// The names of the numbers from one on, and the floors of their keys; of so many numbers at most.
#[derive(Debug)]
pub(super) struct Hashes {
    first: u32,
    most: u32,
    /// 0 if there is no name.
    hashes: Vec<u64>,
    /// Those behind the last one that is not 0 are left out.
    floors: Vec<Sequence>,
}

impl Hashes {
    fn starting(first: u32, most: u32) -> Self {
        Self {
            first,
            most,
            hashes: Vec::new(),
            floors: Vec::new(),
        }
    }

    /// Where the number is, if it is one of these.
    fn place(&self, number: u32) -> Option<usize> {
        let at = number.checked_sub(self.first)?;
        (at < self.most).then_some(at as usize)
    }

    fn put(&mut self, number: u32, key: &[u8]) {
        if let Some(at) = self.place(number) {
            put(&mut self.hashes, at, hash(key));
        }
    }

    fn put_floor(&mut self, number: u32, floor: Sequence) {
        if let Some(at) = self.place(number)
            && floor > Sequence::ZERO
        {
            put(&mut self.floors, at, floor);
        }
    }

    /// What stands for the key of this number; `None` if it has no name, or is not one of these.
    pub(super) fn get(&self, number: u32) -> Option<u64> {
        let hash = self.hashes.get(self.place(number)?).copied();
        hash.filter(|hash| *hash != 0)
    }

    /// Nothing of the key with this number is read below.
    pub(super) fn floor(&self, number: u32) -> Sequence {
        let at = self.place(number);
        let floor = at.and_then(|at| self.floors.get(at).copied());
        floor.unwrap_or_default()
    }

    /// The number after these, if there can be one.
    pub(super) fn end(&self) -> Option<u32> {
        self.first.checked_add(self.most)
    }
}

fn put<T: Copy + Default>(all: &mut Vec<T>, at: usize, value: T) {
    if all.len() <= at {
        all.resize(at + 1, T::default());
    }
    all[at] = value;
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
    /// Whether a key has a floor whose number is not one of the first.
    later_have_floors: bool,
    prefixes: Arc<PrefixFloors>,
}

impl Names {
    /// Reads the name rows of a segment, with which it begins. The names of `held` numbers are held in memory; if there are more, they
    /// are read in several passes.
    pub(super) async fn read(
        rows: &mut Rows<'_>,
        (segment, held): (SegmentId, u32),
        prefixes: Arc<PrefixFloors>,
        findings: &mut Findings,
    ) -> Result<Self> {
        let mut names = Self {
            segment,
            first: Hashes::starting(0, held),
            named: 0,
            listed: 0,
            highest: None,
            later_have_floors: false,
            prefixes,
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
        let is_held = self.first.place(number).is_some();
        let found = if is_held {
            self.first.get(number)
        } else {
            let row = reader.get(names::key(self.segment, number)).await;
            let Some(row) = findings.unless_damaged(place, row.map_err(damage))? else {
                return Ok(());
            };
            // Names that cannot be read are findings already.
            let name = row.and_then(|row| names::name(&row).ok());
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
        self.first.put_floor(number, floor);
        self.later_have_floors |= !is_held && floor > Sequence::ZERO;
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

    /// The highest number that has a name.
    pub(super) fn highest(&self) -> Option<u32> {
        self.highest
    }

    /// The first names.
    pub(super) fn first(&self) -> &Hashes {
        &self.first
    }

    /// The names from the first one on that has the number `from` or a higher one, so many as are held together. `None` if there is none.
    pub(super) async fn starting(
        &self,
        reader: &DbReader,
        from: u32,
        progress: &dyn Progress,
        findings: &mut Findings,
    ) -> Result<Option<Hashes>> {
        let what = format!("segment {}, the names of keys", self.segment);
        let prefix = names::prefix(self.segment);
        let mut rows = Rows::with_prefix(reader, prefix, what, findings, progress).await?;
        let mut found: Option<Hashes> = None;
        while let Some(row) = rows.next(findings).await? {
            let Ok((number, key)) = names::decode(&row.key, &row.value) else {
                continue;
            };
            if number < from {
                continue;
            }
            let most = self.first.most;
            let hashes = found.get_or_insert_with(|| Hashes::starting(number, most));
            if hashes.place(number).is_none() {
                break;
            }
            hashes.put(number, key.as_ref());
            if self.later_have_floors {
                let floor = self.floor_of(reader, &key, findings).await?;
                hashes.put_floor(number, floor);
            }
        }
        Ok(found)
    }

    /// The highest floor of `key` and its prefixes.
    async fn floor_of(
        &self,
        reader: &DbReader,
        key: &Key,
        findings: &mut Findings,
    ) -> Result<Sequence> {
        let place = || format!("the floor of key {}", key.as_bytes().escape_ascii());
        let row = reader.get(key_floors::key(key.as_ref())).await;
        let row = findings.unless_damaged(place, row.map_err(damage))?;
        // Rows that cannot be read are findings already.
        let floor = row.flatten().and_then(|row| key_floors::floor(&row).ok());
        let of_prefixes = self.prefixes.of_key(key.as_ref());
        Ok(floor.unwrap_or_default().max(of_prefixes))
    }
}
