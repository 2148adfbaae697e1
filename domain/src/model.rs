//! The reference model: the simplest implementation of [`crate::LogStore`]'s semantics, without durability.
//!
//! It is the oracle of the property tests and of the simulation, and the core of the `memory` store.

mod cursors;
mod producers;

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;

use crate::page::{KeysBuilder, NewestBuilder, PageBuilder};
use crate::run::RunBuilder;
use crate::segment::{EMPTIED_AFTER, overlapping};
use crate::trim::{beyond, in_the_future};
use crate::{
    Append, Appended, Counted, Deletion, Error, Headers, Key, KeysPage, KeysQuery, Limits, Page,
    Precondition, PrefixFloor, PrefixRules, ProducerPolicy, Rejection, Result, Run, Scan,
    SealPolicy, Segment, SegmentId, Selection, Sequence, SequenceRange, Side, Trim,
};
use cursors::Cursors;
use producers::Producers;

/// A whole log in memory.
#[derive(Debug, Clone)]
pub struct Model {
    next: Sequence,
    /// Nothing below it is there for readers.
    floor: Sequence,
    /// The same, key by key.
    key_floors: BTreeMap<Key, Sequence>,
    /// The same for all keys with a prefix.
    prefix_floors: BTreeMap<Bytes, Sequence>,
    last_time_ms: i64,
    policy: SealPolicy,
    /// Bytes of keys, values and headers in the newest segment.
    segment_bytes: u64,
    segments: Vec<Segment>,
    streams: BTreeMap<Key, Vec<Stored>>,
    producers: Producers,
    cursors: Cursors,
}

#[derive(Debug, Clone)]
struct Stored {
    sequence: Sequence,
    segment: SegmentId,
    timestamp_ms: i64,
    value: Bytes,
    headers: Headers,
}

impl Model {
    /// A new log, with the default policy for producers.
    pub fn new(policy: SealPolicy) -> Self {
        Self::with_producers(policy, ProducerPolicy::default())
    }

    /// A new log.
    pub fn with_producers(policy: SealPolicy, producers: ProducerPolicy) -> Self {
        Self {
            producers: Producers::new(producers),
            cursors: Cursors::new(Limits::default().cursors),
            next: Sequence::ZERO,
            floor: Sequence::ZERO,
            key_floors: BTreeMap::new(),
            prefix_floors: BTreeMap::new(),
            last_time_ms: 0,
            policy,
            segment_bytes: 0,
            segments: Vec::new(),
            streams: BTreeMap::new(),
        }
    }

    /// The sequence that the next record gets.
    pub fn tip(&self) -> Sequence {
        self.next
    }

    /// Continues at `next`, as a log does after a crash; never goes back.
    pub fn resume_at(&mut self, next: Sequence) {
        self.next = self.next.max(next);
    }

    /// The floor of the log.
    pub fn floor(&self) -> Sequence {
        self.floor
    }

    /// Trims the log at `now_ms`. Returns the floor, which never goes back.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a position beyond the tip or in the future.
    pub fn trim(&mut self, trim: Trim, now_ms: i64) -> Result<Sequence> {
        let asked = match trim {
            Trim::BeforeSequence(before) if before <= self.next => before,
            Trim::BeforeTime(time) if time > now_ms.max(self.last_time_ms) => {
                return Err(in_the_future(time, now_ms.max(self.last_time_ms)));
            }
            Trim::BeforeTime(time) => self.before_time(time),
            Trim::BeforeSequence(before) => return Err(beyond(before, self.next)),
        };
        self.floor = self.floor.max(asked);
        let newest = self.segments.last();
        if self.floor == self.next
            && newest.is_some_and(|s| {
                let age_ms = now_ms.saturating_sub(s.start_time_ms);
                s.start < self.floor && age_ms >= EMPTIED_AFTER.as_millis() as i64
            })
        {
            // Nothing is left of it, so it can go.
            self.begin_segment(self.last_time_ms);
        }
        Ok(self.floor)
    }

    /// Deletes records of a key. Returns what is in force for the key, which never goes back.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a position beyond the tip.
    pub fn delete(&mut self, deletion: &Deletion) -> Result<Sequence> {
        let asked = deletion.floor(self.next)?;
        let floor = self.key_floors.entry(deletion.key.clone()).or_default();
        *floor = asked.max(*floor);
        Ok(self.floor_of(&deletion.key))
    }

    /// Raises the floor of a prefix, which never goes back. It is not beyond the tip.
    pub fn raise(&mut self, raised: &PrefixFloor) {
        let floor = self.prefix_floors.entry(raised.prefix.clone());
        let floor = floor.or_default();
        *floor = raised.floor.max(*floor);
    }

    /// Raises the floors of the prefixes of `rules` at `now_ms`, and returns those that hide more than before.
    pub fn apply_rules(&mut self, rules: &PrefixRules, now_ms: i64) -> Vec<PrefixFloor> {
        let mut raised = Vec::new();
        for rule in rules.all() {
            let age_ms = i64::try_from(rule.max_age.as_millis()).unwrap_or(i64::MAX);
            let floor = self.before_time(now_ms.saturating_sub(age_ms));
            // What is hidden of the prefix is hidden of a key with that name.
            if floor > self.floor_of_prefixes(&rule.prefix).max(self.floor) {
                raised.push(PrefixFloor {
                    prefix: rule.prefix.clone(),
                    floor,
                });
            }
        }
        raised.iter().for_each(|floor| self.raise(floor));
        raised
    }

    /// The highest floor of the prefixes of `key`.
    pub fn floor_of_prefixes(&self, key: &[u8]) -> Sequence {
        let prefixes = self.prefix_floors.iter();
        let of_key = prefixes.filter(|(prefix, _)| key.starts_with(prefix));
        let floors = of_key.map(|(_, floor)| *floor);
        floors.max().unwrap_or_default()
    }

    /// Below it, all records are older than this, and it is the start of a segment or the tip.
    fn before_time(&self, time_ms: i64) -> Sequence {
        if self.last_time_ms < time_ms {
            return self.next;
        }
        let older = self.segments.iter().rev();
        let mut older = older.skip_while(|segment| segment.start_time_ms >= time_ms);
        older.next().map_or(Sequence::ZERO, |segment| segment.start)
    }

    /// The highest one of the floors of the log, of `key`, and of its prefixes.
    pub fn floor_of(&self, key: &Key) -> Sequence {
        let of_key = self.key_floors.get(key).copied().unwrap_or_default();
        let of_prefixes = self.floor_of_prefixes(key.as_ref());
        self.floor.max(of_key).max(of_prefixes)
    }

    /// Takes `append` at `now_ms`: applies it, unless it is a duplicate. Also returns the records that were applied as
    /// runs, one for each key.
    ///
    /// # Errors
    /// [`Error::Rejected`]; [`Error::Overloaded`] when there are too many producers or cursors; [`Error::Invalid`] for a cursor beyond
    /// the end of these records. Nothing was applied then.
    pub fn append(&mut self, append: &Append, now_ms: i64) -> Result<(Appended, Vec<(Key, Run)>)> {
        let now_ms = now_ms.max(self.last_time_ms);
        let batch = append.batch();
        if let Some(producer) = append.producer() {
            let first = self.producers.judge(producer, batch.records(), now_ms)?;
            if let Some(first) = first {
                return Ok((first, Vec::new()));
            }
        }
        let end = self.next.plus(batch.records().len() as u64);
        self.cursors.check(append.cursors(), end)?;
        append
            .preconditions()
            .iter()
            .try_for_each(|p| self.check(p))?;
        self.cursors.apply(append.cursors(), now_ms);
        self.last_time_ms = now_ms;
        let segment = self.segment_at(now_ms);
        self.segment_bytes += batch.bytes();
        let start = self.next;
        let mut builders: BTreeMap<Key, RunBuilder> = BTreeMap::new();
        for record in batch.records() {
            let sequence = self.next;
            builders
                .entry(record.key.clone())
                .or_insert_with(|| RunBuilder::new(now_ms))
                .push_with_headers(sequence, &record.value, &record.headers);
            self.streams
                .entry(record.key.clone())
                .or_default()
                .push(Stored {
                    sequence,
                    segment: segment.id,
                    timestamp_ms: now_ms,
                    value: record.value.clone(),
                    headers: record.headers.clone(),
                });
            self.next = sequence.plus(1);
        }
        let runs = builders
            .into_iter()
            .filter_map(|(key, builder)| Some((key, builder.finish()?)))
            .collect();
        let appended = Appended {
            start,
            count: batch.count(),
            duplicate: false,
        };
        self.producers.applied(append, appended, now_ms);
        Ok((appended, runs))
    }

    fn check(&self, precondition: &Precondition) -> Result<()> {
        let Precondition {
            key,
            no_record_since,
        } = precondition;
        let (key_bytes, no_record_since) = (key.as_bytes().clone(), *no_record_since);
        let why = match self.records(key).last() {
            Some(newest) if newest.sequence >= no_record_since => Rejection::Conflict {
                key: key_bytes,
                no_record_since,
                last: newest.sequence,
            },
            // A reader of the trimmed part cannot know what it has missed, but one that wants no record at all can.
            None if Sequence::ZERO < no_record_since && no_record_since < self.floor_of(key) => {
                Rejection::Trimmed {
                    key: key_bytes,
                    no_record_since,
                    trimmed_before: self.floor_of(key),
                }
            }
            _ => return Ok(()),
        };
        Err(Error::rejected(why))
    }

    /// The newest segment; a new one if there is none, or if it is due to be sealed.
    fn segment_at(&mut self, now_ms: i64) -> Segment {
        if let Some(newest) = self.segments.last() {
            let age_ms = (now_ms - newest.start_time_ms) as u128;
            let is_old = |interval: Duration| age_ms >= interval.as_millis();
            let is_full = |bytes| self.segment_bytes >= bytes;
            let is_due =
                self.policy.interval.is_some_and(is_old) || self.policy.bytes.is_some_and(is_full);
            if newest.start == self.next || !is_due {
                return *newest;
            }
        }
        self.begin_segment(now_ms)
    }

    fn begin_segment(&mut self, start_time_ms: i64) -> Segment {
        let segment = Segment {
            id: self.segments.len() as SegmentId + 1,
            start: self.next,
            start_time_ms,
        };
        self.segments.push(segment);
        self.segment_bytes = 0;
        segment
    }

    /// One page of a key or of several, of what lies below `visible`.
    ///
    /// # Errors
    /// Never for what the model itself stored.
    pub fn scan(&self, scan: &Scan, visible: Sequence) -> Result<Page> {
        match &scan.selection {
            Selection::Key(key) => {
                let records = self.records(key).iter().map(|stored| (None, stored));
                self.page(scan, visible, self.floor_of(key), records)
            }
            several => {
                let floor = self.floor.max(self.covering_floor(several));
                let matching = self.streams.keys().filter(|key| several.matches(key));
                let records = matching.flat_map(|key| {
                    let records = self.records(key).iter();
                    records.map(move |stored| (Some(key), stored))
                });
                let mut records: Vec<_> = records.collect();
                records.sort_by_key(|(_, stored)| stored.sequence);
                self.page(scan, visible, floor, records.into_iter())
            }
        }
    }

    /// The floor of prefixes that holds for all keys of the selection.
    fn covering_floor(&self, selection: &Selection) -> Sequence {
        let floors: Vec<Sequence> = match selection {
            Selection::Prefix(prefix) => vec![self.floor_of_prefixes(prefix)],
            Selection::Key(key) => vec![self.floor_of_prefixes(key.as_ref())],
            Selection::Keys(keys) => keys
                .all()
                .iter()
                .map(|key| self.floor_of_prefixes(key.as_ref()))
                .collect(),
        };
        floors.into_iter().min().unwrap_or_default()
    }

    /// The page that `records` make, each with the key that it names, if it does.
    fn page<'a>(
        &self,
        scan: &Scan,
        visible: Sequence,
        floor: Sequence,
        records: impl Iterator<Item = (Option<&'a Key>, &'a Stored)>,
    ) -> Result<Page> {
        let range = left_of(scan.range, floor);
        let visible_records = records.take_while(|(_, stored)| stored.sequence < visible);
        if scan.side == Side::Newest {
            let mut page = NewestBuilder::new(range, scan.start_time_ms, scan.limit);
            let newest_first = visible_records.collect::<Vec<_>>().into_iter().rev();
            for (key, stored) in newest_first {
                if !page.push(&stored.run(key)?)? {
                    break;
                }
            }
            return Ok(page.finish(visible, scan.range, floor));
        }
        let mut page = PageBuilder::new(range, scan.start_time_ms, scan.limit);
        for (key, stored) in visible_records {
            if !page.push(&stored.run(key)?)? {
                break;
            }
        }
        let mut page = page.finish(visible);
        page.trimmed_before = gone_from(scan.range, floor);
        Ok(page)
    }

    /// How many records of `key` lie in `range`.
    pub fn count(&self, key: &Key, range: SequenceRange) -> Counted {
        let records = self.records(key).iter();
        let within = records
            .filter(|stored| range.start() <= stored.sequence && stored.sequence < range.end());
        Counted {
            records: within.count() as u64,
            trimmed_before: gone_from(range, self.floor_of(key)),
        }
    }

    /// One page of the distinct keys.
    pub fn keys(&self, query: &KeysQuery) -> KeysPage {
        let mut page = KeysBuilder::new(query);
        let window = query.start_segment..query.end_segment;
        for (key, _) in self.streams.range::<[u8], _>((
            query.lower_bound().as_ref().map(|b| &b[..]),
            std::ops::Bound::Unbounded,
        )) {
            if !key.as_bytes().starts_with(&query.prefix) {
                break;
            }
            let listed = self
                .records(key)
                .iter()
                .any(|stored| window.contains(&stored.segment));
            if listed && !page.offer(key.as_bytes().clone()) {
                break;
            }
        }
        page.finish()
    }

    /// The segments that overlap `range`.
    pub fn segments(&self, range: SequenceRange) -> Vec<Segment> {
        let range = left_of(range, self.floor);
        overlapping(&self.segments, range.start(), range.end()).to_vec()
    }

    /// All segments, also those that are trimmed.
    #[cfg(test)]
    pub(crate) fn all_segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The records of a key that are neither trimmed nor deleted.
    fn records(&self, key: &Key) -> &[Stored] {
        let all = self.streams.get(key).map_or(&[][..], Vec::as_slice);
        let floor = self.floor_of(key);
        let gone = all.iter().take_while(|stored| stored.sequence < floor);
        &all[gone.count()..]
    }
}

impl Stored {
    /// A run of this record alone, which names this key.
    fn run(&self, key: Option<&Key>) -> Result<Run> {
        let mut run = RunBuilder::new(self.timestamp_ms);
        match key {
            Some(key) => run.push_keyed(key, self.sequence, &self.value, &self.headers),
            None => run.push_with_headers(self.sequence, &self.value, &self.headers),
        }
        run.finish().ok_or_else(|| Error::internal("an empty run"))
    }
}

fn left_of(range: SequenceRange, floor: Sequence) -> SequenceRange {
    match range.start() < floor {
        true => range.starting_at(floor),
        false => range,
    }
}

/// The floor, if something of `range` is below.
fn gone_from(range: SequenceRange, floor: Sequence) -> Option<Sequence> {
    let is_gone = range.start() < range.end() && range.start() < floor;
    is_gone.then_some(floor)
}
