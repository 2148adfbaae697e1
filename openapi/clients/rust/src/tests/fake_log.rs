//! The log of the small server: records, and what it knows of producers.

use std::collections::{BTreeMap, HashMap, VecDeque};

use bytes::Bytes;

use crate::wire::{self, AppendRequest, AppendResponse, ErrorResponse};

/// How many requests of a producer are remembered.
const REMEMBERED: usize = 5;

#[derive(Debug, Default)]
pub(super) struct Log {
    pub(super) records: Vec<(Bytes, Bytes)>,
    /// Below which sequences the records of keys were deleted.
    pub(super) floors: HashMap<Bytes, u64>,
    pub(super) cursors: BTreeMap<String, u64>,
    producers: HashMap<String, Known>,
    /// The producers as they were when the log had so many records.
    before: Vec<(usize, HashMap<String, Known>)>,
}

#[derive(Debug, Clone, Default)]
struct Known {
    epoch: u64,
    next: u64,
    last: VecDeque<(u64, Vec<wire::Record>, AppendResponse)>,
}

impl Log {
    /// Judges the producer first, as a server does.
    pub(super) fn append(
        &mut self,
        request: AppendRequest,
    ) -> Result<AppendResponse, Box<ErrorResponse>> {
        if let Some(answer) = self.duplicate(&request)? {
            return Ok(answer);
        }
        for moved in &request.cursors {
            self.may_move(&moved.name, moved.expected)?;
        }
        for precondition in &request.preconditions {
            let mut keys = self.records.iter().map(|(key, _)| key);
            let last = keys.rposition(|key| *key == precondition.key);
            let last = last.map(|sequence| sequence as u64);
            if last.is_some_and(|last| last >= precondition.no_record_since) {
                return Err(Box::new(ErrorResponse {
                    conflict: Some(wire::Conflict {
                        key: precondition.key.clone(),
                        last_sequence: last,
                        ..Default::default()
                    }),
                    ..*refusal("conflict")
                }));
            }
        }
        let answer = AppendResponse {
            status: wire::SUCCESS.to_owned(),
            records_appended: i32::try_from(request.records.len()).expect("few records"),
            start_sequence: self.records.len() as u64,
            ..Default::default()
        };
        for moved in request.cursors.clone() {
            self.cursors.insert(moved.name, moved.position);
        }
        for record in request.records.clone() {
            let record = (record.key.expect("a key"), record.value.expect("a value"));
            self.records.push(record);
        }
        if let Some(producer) = request.producer {
            let known = self.producers.entry(producer.id).or_default();
            if known.epoch < producer.epoch {
                *known = Known::default();
            }
            known.epoch = producer.epoch;
            known.next = producer.sequence + 1;
            let one = (producer.sequence, request.records, answer.clone());
            known.last.push_back(one);
            if known.last.len() > REMEMBERED {
                known.last.pop_front();
            }
        }
        self.before
            .push((self.records.len(), self.producers.clone()));
        Ok(answer)
    }

    /// Whether a cursor is where it is expected.
    pub(super) fn may_move(
        &self,
        name: &str,
        expected: Option<u64>,
    ) -> Result<(), Box<ErrorResponse>> {
        let position = self.cursors.get(name).copied();
        if expected.is_none_or(|expected| expected == position.unwrap_or(0)) {
            return Ok(());
        }
        Err(Box::new(ErrorResponse {
            conflict: Some(wire::Conflict {
                cursor: Some(name.to_owned()),
                position,
                ..Default::default()
            }),
            ..*refusal("conflict")
        }))
    }

    /// The answer of before, if the request was applied before.
    fn duplicate(
        &self,
        request: &AppendRequest,
    ) -> Result<Option<AppendResponse>, Box<ErrorResponse>> {
        let Some(producer) = &request.producer else {
            return Ok(None);
        };
        let known = match self.producers.get(&producer.id) {
            Some(known) if producer.epoch < known.epoch => return Err(refusal("producer_fenced")),
            Some(known) if producer.epoch == known.epoch => known,
            Some(_) => &Known::default(),
            None if producer.sequence > 0 => return Err(refusal("producer_unknown")),
            None => &Known::default(),
        };
        if producer.sequence > known.next {
            return Err(Box::new(ErrorResponse {
                expected_sequence: Some(known.next),
                ..*refusal("producer_out_of_order")
            }));
        }
        if producer.sequence == known.next {
            return Ok(None);
        }
        let mut last = known.last.iter();
        match last.find(|(sequence, ..)| *sequence == producer.sequence) {
            None => Err(refusal("producer_sequence_too_old")),
            Some((_, records, _)) if *records != request.records => {
                Err(refusal("producer_sequence_reused"))
            }
            Some((_, _, answer)) => Ok(Some(AppendResponse {
                duplicate: true,
                ..answer.clone()
            })),
        }
    }

    /// Below it, nothing of `key` is read.
    pub(super) fn floor_of(&self, key: &Bytes) -> u64 {
        self.floors.get(key).copied().unwrap_or(0)
    }

    /// Keeps so many records, and the producers of then.
    pub(super) fn crash(&mut self, records: usize) {
        self.records.truncate(records);
        self.before.retain(|(length, _)| *length <= records);
        self.producers = self
            .before
            .last()
            .map_or_else(HashMap::new, |last| last.1.clone());
    }

    pub(super) fn forget_producers(&mut self) {
        self.producers.clear();
    }
}

fn refusal(code: &str) -> Box<ErrorResponse> {
    Box::new(ErrorResponse {
        status: wire::ERROR.to_owned(),
        message: "refused".to_owned(),
        code: code.to_owned(),
        ..Default::default()
    })
}
