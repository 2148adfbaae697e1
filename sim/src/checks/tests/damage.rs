//! What can be wrong with a history.

mod several;

use super::correct::NODE;
use crate::checks::{AUDITOR, Facts, FinalLog};
use crate::history::{
    Call, Condition, End, Fault, History, Life, Moment, Numbered, Operation, Outcome, Safety,
    SegmentSeen, Sent,
};

pub(super) use several::OF_SEVERAL;

type Damage = fn(&mut History, &mut FinalLog, &mut Facts);

/// Each kind: what it is, who must find it, and what does it.
#[rustfmt::skip]
pub(super) const DAMAGE: &[(&str, &str, Damage)] = &[
    ("a durable record is lost", "durable", |history, log, _| lose(history, log, true)),
    ("a record is lost in a clean stop", "graceful", |history, log, _| lose(history, log, false)),
    ("a refused append was applied", "refused", |history, _, _| {
        let refused = Outcome::Refused { status: 503, code: "unavailable".into(), message: String::new() };
        last(history, is_append).answered.as_mut().expect("answered").1 = refused;
    }),
    ("two records of a batch change places", "atomic", |history, log, _| {
        let (one, other) = { let batch = records(last(history, is_append)); (batch[0].clone(), batch[2].clone()) };
        let values = log.records.get_mut(&one.key).expect("its key");
        for seen in values { if seen.value == one.value { seen.value.clone_from(&other.value); } else if seen.value == other.value { seen.value.clone_from(&one.value); } }
    }),
    ("a batch lies in two segments", "atomic", |history, log, facts| {
        let start = last(history, is_append).acknowledged().expect("acknowledged").1;
        log.segments.push(SegmentSeen { id: 2, start: start + 1, start_time_ms: 0 });
        facts.seals_by_time = true;
    }),
    ("a record comes from nowhere", "origin", |_, log, _| {
        log.records.values_mut().next().expect("a key").last_mut().expect("a record").value = "nobody's".into();
    }),
    ("a record has headers that are not its own", "headers", |_, log, _| {
        log.records.values_mut().flatten().next().expect("a record").headers = vec![("of".into(), "nobody".into())];
    }),
    ("two records of a page have each other's headers", "headers", |history, _, _| {
        let values = page(history).0;
        let other = values[0].headers.clone();
        let different = values.iter_mut().find(|seen| seen.headers != other).expect("one with others");
        let swapped = std::mem::replace(&mut different.headers, other);
        values[0].headers = swapped;
    }),
    ("a sequence is used twice", "reuse", |history, _, _| {
        let (_, start) = last(history, is_append).acknowledged().expect("acknowledged");
        let earlier = nth_last(history, is_append, 1);
        earlier.answered.as_mut().expect("answered").1 = Outcome::Appended { start, count: 3 };
    }),
    ("time goes back", "real-time", |history, _, _| {
        last(history, is_append).answered.as_mut().expect("answered").1 = Outcome::Appended { start: 0, count: 3 };
    }),
    ("a request of a producer is applied twice", "exactly-once", |history, log, _| {
        let sent = records(last(history, is_append))[0].clone();
        let mut again = log.of(&sent.key).iter().find(|seen| seen.value == sent.value).expect("the record").clone();
        again.sequence = log.tip;
        log.records.get_mut(&sent.key).expect("its key").push(again);
    }),
    ("requests of a producer change places", "exactly-once", |history, _, _| {
        let Call::Append { safety, .. } = &mut nth_last(history, is_append, 1).call else { return };
        safety.numbered.as_mut().expect("a producer").epoch += 1;
    }),
    ("a request before another one is not there", "exactly-once", |history, _, _| {
        let Call::Append { safety, .. } = &mut last(history, is_append).call else { return };
        safety.numbered.as_mut().expect("a producer").sequence += 1;
    }),
    ("a durable request is forgotten", "exactly-once", |history, _, _| {
        let unknown = Outcome::Rejected { code: "producer_unknown".into(), key: None, sequence: None };
        let durable = nth_last(history, is_append, 2).clone();
        let asked = last(history, is_append);
        asked.answered.as_mut().expect("answered").1 = unknown;
        asked.call = durable.call;
        asked.safety_mut().numbered.as_mut().expect("a producer").sequence += 1;
    }),
    ("a duplicate has another answer", "exactly-once", |history, _, _| {
        let mut again = last(history, is_append).clone();
        let (moment, start) = again.acknowledged().expect("acknowledged");
        (again.id, again.called) = (history.operations.len(), moment);
        again.answered = Some((moment, Outcome::Duplicate { start: start + 1, count: 3 }));
        history.operations.push(again);
    }),
    ("a producer is known after it expired", "exactly-once", |_, _, facts| facts.producer_expiry_ms = 1),
    ("a producer is forgotten shortly before it expires", "exactly-once", |history, _, facts| {
        let durable = nth_last(history, is_append, 2).clone();
        let unknown = Outcome::Rejected { code: "producer_unknown".into(), key: None, sequence: None };
        let asked = repeat(history, 2, unknown);
        asked.safety_mut().numbered.as_mut().expect("a producer").sequence += 1;
        facts.producer_expiry_ms = asked.answered.as_ref().expect("answered").0.ms - durable.called.ms + 1;
    }),
    ("a request with other records is answered as a duplicate", "exactly-once", |history, _, _| {
        let start = last(history, is_append).acknowledged().expect("acknowledged").1;
        repeat(history, 0, Outcome::Duplicate { start, count: 3 }).records_mut()[0].value = "other".into();
    }),
    ("a number is reported as reused that had the same records", "exactly-once", |history, _, _| {
        reject(history, "producer_sequence_reused", None);
    }),
    ("a number is reported as reused that was lost", "exactly-once", |history, log, _| {
        let gone = records(last(history, is_append)).to_vec();
        for values in log.records.values_mut() { values.retain(|seen| gone.iter().all(|sent| sent.value != seen.value)); }
        reject(history, "producer_sequence_reused", None).records_mut()[0].value = "other".into();
    }),
    ("a number is reported as too old that is recent", "exactly-once", |history, _, _| {
        reject(history, "producer_sequence_too_old", None);
    }),
    ("a number is reported as too old that is not in the log", "exactly-once", |history, _, _| {
        let lost = |asked: &mut Operation, sequence| {
            *asked.safety_mut().numbered.as_mut().expect("a producer") = Numbered { id: "lost".into(), epoch: 0, sequence };
            asked.records_mut().truncate(1);
            asked.records_mut()[0].value = format!("lost {sequence}");
        };
        lost(repeat(history, 0, Outcome::Late), 0);
        lost(repeat(history, 1, Outcome::Late), 5);
        lost(reject(history, "producer_sequence_too_old", None), 0);
    }),
    ("a number is expected that was not skipped", "exactly-once", |history, _, _| {
        let numbered = last(history, is_append).safety_mut().numbered.clone().expect("a producer");
        reject(history, "producer_out_of_order", Some(numbered.sequence));
    }),
    ("the first number of an epoch is reported as unknown", "exactly-once", |history, _, _| {
        reject(history, "producer_unknown", None).safety_mut().numbered.as_mut().expect("a producer").sequence = 0;
    }),
    ("a producer is fenced without a later epoch", "exactly-once", |history, _, _| {
        reject(history, "producer_fenced", None);
    }),
    ("a precondition did not hold", "registers", |history, _, _| {
        let before = nth_last(history, is_append, 1).acknowledged().expect("acknowledged").1;
        last(history, is_append).safety_mut().conditions[0].since = before;
    }),
    ("a conflict names a record that is not there", "registers", |history, _, _| {
        let asked = last(history, is_append);
        let key = asked.safety_mut().conditions[0].key.clone();
        let conflict = Outcome::Rejected { code: "conflict".into(), key: Some(key), sequence: Some(1 << 40) };
        asked.answered.as_mut().expect("answered").1 = conflict;
    }),
    ("a conflict names a record that the precondition allows", "registers", |history, _, _| {
        let earlier = nth_last(history, is_append, 1).acknowledged().expect("acknowledged").1;
        let asked = last(history, is_append);
        let key = asked.safety_mut().conditions[0].key.clone();
        let conflict = Outcome::Rejected { code: "conflict".into(), key: Some(key), sequence: Some(earlier) };
        asked.answered.as_mut().expect("answered").1 = conflict;
    }),
    ("a conflict names a key without precondition", "registers", |history, _, _| {
        let asked = last(history, is_append);
        asked.safety_mut().conditions[0].since = 0;
        let (_, start) = asked.acknowledged().expect("acknowledged");
        let conflict = Outcome::Rejected { code: "conflict".into(), key: Some("another".into()), sequence: Some(start) };
        asked.answered.as_mut().expect("answered").1 = conflict;
    }),
    ("the second of two preconditions did not hold", "registers", |history, _, _| {
        let before = nth_last(history, is_append, 1);
        let (key, since) = (records(before)[0].key.clone(), before.acknowledged().expect("acknowledged").1);
        last(history, is_append).safety_mut().conditions.push(Condition { key, since });
    }),
    ("a segment is missing", "segments", |_, log, _| log.segments[0].id = 2),
    ("the id of a segment is used again", "segments", |history, log, facts| {
        let start = last(history, is_append).acknowledged().expect("acknowledged").1;
        let told = Outcome::Segments(log.segments.clone());
        nth_last(history, is_page, 0).answered.as_mut().expect("answered").1 = told;
        log.segments[0].start = start;
        facts.seals_by_time = true;
    }),
    ("a segment is sealed that was not due", "segments", |_, log, facts| {
        facts.seal_bytes = Some(1 << 30);
        log.segments.push(SegmentSeen { id: 2, start: 1, start_time_ms: 0 });
    }),
    ("a page has a gap", "pages", |history, _, _| { page(history).0.remove(1); }),
    ("a page goes on too late", "pages", |history, _, _| { let (values, _) = page(history); values.pop(); }),
    ("a page of the newest records is without the last one", "pages", |history, _, _| {
        let newest = nth_last(history, is_page, 1);
        if let Some((_, Outcome::Page { values, .. })) = &mut newest.answered { values.pop(); }
    }),
    ("a page of durable records has what is not durable yet", "pages", |history, _, _| {
        let page = last(history, is_page);
        if let Call::Scan(scan) = &mut page.call { scan.durable = true; }
        if let Some((_, Outcome::Page { durable, .. })) = &mut page.answered { *durable = Some(0); }
    }),
    ("a page ends early without being late", "pages", |history, _, _| {
        if let Some((_, Outcome::Page { more, .. })) = &mut last(history, is_page).answered { *more = true; }
    }),
    ("a page is over its limit", "pages", |_, _, facts| facts.page_records = 1),
    ("a page is stale", "visible", |history, _, _| { let (values, next) = page(history); values.clear(); *next = 0; }),
    ("a count is too high", "counts", |history, _, _| count(history, "counter", |count| count + 1_000)),
    ("a count is too low", "counts", |history, _, _| count(history, "counter", |count| count - 1)),
    ("the last count is wrong", "model", |history, _, _| count(history, AUDITOR, |count| count + 1)),
    ("a clean restart leaves a gap", "model", |_, log, _| log.tip += 1),
    ("a server that was taken over acknowledges", "fenced", |history, _, _| {
        let called = last(history, is_append).called;
        let before = Moment { index: called.index - 1, ms: called.ms };
        let first = history.lives[0].started;
        let started = Moment { index: before.index.max(first.index + 1), ms: before.ms };
        let id = history.lives.len();
        history.lives.push(Life { id, node: "log-2".into(), take_over: true, clock: vec![(started.ms, 0)], started, opened: Some(started), asked: None, ended: None });
    }),
    ("a server that lost the log opens it again", "away", |history, _, _| {
        let mut other = history.lives[0].clone();
        other.node = "log-2".into();
        other.ended = None;
        let (earlier, again) = (history.lives[0].clone(), history.lives.last_mut().expect("a life"));
        let between = Moment { index: again.started.index - 1, ms: again.started.ms };
        (other.started, other.opened) = (earlier.started, Some(between));
        history.lives.push(other);
    }),
    ("a follower is woken late", "woken", |history, _, _| {
        let after = last(history, is_page).called.ms;
        let id = history.operations.len();
        let mut late = last(history, is_page).clone();
        late.id = id;
        let Call::Scan(scan) = &mut late.call else { return };
        scan.follow_ms = Some(9_000);
        late.answered.as_mut().expect("answered").0.ms = after + 5_000;
        history.operations.push(late);
    }),
    ("a follower is sent away early", "woken", |history, _, _| {
        let asked = last(history, is_page);
        let Call::Scan(scan) = &mut asked.call else { return };
        (scan.follow_ms, scan.start) = (Some(9_000), 1 << 40);
        asked.answered.as_mut().expect("answered").1 = Outcome::Page { values: Vec::new(), next: 1 << 40, trimmed: None, more: false, durable: None };
    }),
    ("an answer says that there is a bug", "answered", |history, _, _| {
        let bug = Outcome::Refused { status: 500, code: "internal".into(), message: String::new() };
        last(history, is_page).answered.as_mut().expect("answered").1 = bug;
    }),
    ("an answer does not come", "answered", |history, _, _| last(history, is_page).answered = None),
    ("an answer comes after the deadline", "answered", |history, _, _| {
        last(history, is_page).answered.as_mut().expect("answered").1 = Outcome::Late;
    }),
    ("a stop takes too long", "stops", |history, _, _| {
        let stopped = history.lives.iter_mut().filter(|life| life.asked.is_some());
        for life in stopped { life.ended.as_mut().expect("ended").0.ms += 60_000; }
    }),
    ("the log cannot be opened any more", "engine", |history, _, _| {
        let why = "stored data is damaged".to_owned();
        history.lives[0].ended.as_mut().expect("ended").1 = End::CannotStart(why);
    }),
    ("memory is not bounded without S3", "bounded", |history, _, facts| {
        facts.unflushed_bytes = 0;
        let what = format!("Lost {{ between: ServerAndS3 }} on {NODE}");
        let (from, until) = (Moment { index: 0, ms: 0 }, Some(Moment { index: u64::MAX, ms: u64::MAX }));
        history.faults.push(Fault { what, from, until });
        let Call::Append { records, .. } = &mut last(history, is_append).call else { return };
        records[0].value.push_str(&"v".repeat(2 << 20));
    }),
];

/// The same of histories with a trim, before the last three appends.
#[rustfmt::skip]
pub(super) const OF_TRIMS: &[(&str, &str, Damage)] = &[
    ("a floor is lost", "trimmed", |_, log, _| log.floor = 0),
    ("a reader is not told", "trimmed", |history, _, _| {
        if let Some((_, Outcome::Page { trimmed, .. })) = &mut last(history, is_page).answered { *trimmed = None; }
    }),
    ("a count does not say what is trimmed", "trimmed", |history, _, _| {
        let counts = history.operations.iter_mut().filter(|operation| operation.client == "counter");
        if let Some((_, Outcome::Count { trimmed, .. })) = &mut counts.last().expect("a count").answered { *trimmed = None; }
    }),
    ("what was trimmed is read again", "trimmed", |history, log, _| {
        let floor = log.floor;
        page(history).0[0].sequence = floor - 1;
    }),
    ("more is trimmed than was asked for", "trimmed", |_, log, facts| { log.floor += 1; facts.max_age_ms = None; }),
    ("retention drops what is young", "trimmed", |_, log, _| log.floor += 1),
    ("retention drops records of a log that fits", "trimmed", |_, log, facts| {
        log.floor += 1;
        (facts.max_age_ms, facts.max_bytes) = (None, Some(1 << 40));
    }),
    ("a trim is answered that was refused", "trimmed", |history, _, _| {
        for operation in &mut history.operations {
            if let Call::Trim { .. } = operation.call {
                let refused = Outcome::Refused { status: 503, code: "unavailable".into(), message: String::new() };
                operation.answered.as_mut().expect("answered").1 = refused;
            }
        }
    }),
];

/// The same of histories with the deletion of a key, before the last three appends.
#[rustfmt::skip]
pub(super) const OF_DELETIONS: &[(&str, &str, Damage)] = &[
    ("a deletion leaves a record", "deleted", |history, _, _| {
        if let Outcome::Deleted { floor } = last_deletion(history) { *floor -= 1; }
    }),
    ("a deleted key is listed", "deleted", |history, _, _| {
        let listings = history.operations.iter_mut().filter_map(|operation| operation.answered.as_mut());
        let listings = listings.filter_map(|(_, outcome)| match outcome { Outcome::Keys { keys, .. } => Some(keys), _ => None });
        listings.last().expect("a listing").push("key-2".into());
    }),
    ("the floor of a key is lost", "trimmed", |_, log, _| log.key_floors.clear()),
    ("more of a key is deleted than was asked for", "trimmed", |_, log, _| {
        for floor in log.key_floors.values_mut() { *floor = log.tip + 1; }
    }),
    ("a deletion is answered that was refused", "trimmed", |history, _, _| {
        for operation in &mut history.operations {
            if let Call::Delete { .. } = operation.call {
                let refused = Outcome::Refused { status: 503, code: "unavailable".into(), message: String::new() };
                operation.answered.as_mut().expect("answered").1 = refused;
            }
        }
    }),
];

fn last_deletion(history: &mut History) -> &mut Outcome {
    let mut deletions = history.operations.iter_mut().rev();
    let last = deletions.find(|operation| matches!(operation.call, Call::Delete { .. }));
    let answered = last.expect("a deletion").answered.as_mut();
    &mut answered.expect("answered").1
}

impl Operation {
    fn safety_mut(&mut self) -> &mut Safety {
        match &mut self.call {
            Call::Append { safety, .. } => safety,
            call => panic!("{call:?} appends nothing"),
        }
    }

    fn records_mut(&mut self) -> &mut Vec<Sent> {
        match &mut self.call {
            Call::Append { records, .. } => records,
            call => panic!("{call:?} appends nothing"),
        }
    }
}

/// The append before so many others is sent again at the end of its server's life, and answered so.
fn repeat(history: &mut History, skip: usize, outcome: Outcome) -> &mut Operation {
    let mut again = nth_last(history, is_append, skip).clone();
    let (moment, _) = last(history, is_append).answered.clone().expect("answered");
    again.id = history.operations.len();
    // Between this moment and the next one there is room.
    (again.called, again.answered) = (
        Moment {
            ms: moment.ms + 1,
            ..moment
        },
        Some((
            Moment {
                ms: moment.ms + 2,
                ..moment
            },
            outcome,
        )),
    );
    history.operations.push(again);
    history.operations.last_mut().expect("it is there")
}

/// The last append is sent again as durable, and rejected.
fn reject<'h>(history: &'h mut History, code: &str, sequence: Option<u64>) -> &'h mut Operation {
    let rejected = Outcome::Rejected {
        code: code.into(),
        key: None,
        sequence,
    };
    let again = repeat(history, 0, rejected);
    let Call::Append { durable, .. } = &mut again.call else {
        panic!("an append")
    };
    *durable = true;
    again
}

fn is_append(operation: &Operation) -> bool {
    operation.appends().is_some() && operation.client != AUDITOR
}

fn is_page(operation: &Operation) -> bool {
    matches!(operation.call, Call::Scan(_))
}

fn nth_last(history: &mut History, is: fn(&Operation) -> bool, skip: usize) -> &mut Operation {
    let mut found = history
        .operations
        .iter_mut()
        .rev()
        .filter(|operation| is(operation));
    found.nth(skip).expect("there is something to damage")
}

fn last(history: &mut History, is: fn(&Operation) -> bool) -> &mut Operation {
    nth_last(history, is, 0)
}

fn records(operation: &Operation) -> &[Sent] {
    operation.appends().expect("an append").0
}

/// Loses the first record of the last append that was, or was not, acknowledged as durable.
fn lose(history: &mut History, log: &mut FinalLog, durable: bool) {
    let found = history.operations.iter().rev().find(|operation| {
        is_append(operation)
            && operation
                .appends()
                .is_some_and(|(_, waited)| waited == durable)
    });
    let lost = records(found.expect("such an append"))[0].clone();
    let values = log.records.get_mut(&lost.key).expect("its key");
    values.retain(|seen| seen.value != lost.value);
}

fn page(history: &mut History) -> (&mut Vec<crate::history::Seen>, &mut u64) {
    match &mut last(history, is_page).answered {
        Some((_, Outcome::Page { values, next, .. })) => (values, next),
        other => panic!("{other:?} is no page"),
    }
}

fn count(history: &mut History, client: &str, change: fn(u64) -> u64) {
    let counts = history.operations.iter_mut().rev();
    let mut counts = counts.filter(|operation| matches!(operation.call, Call::Count { .. }));
    let told = counts.find(|operation| operation.client == client);
    if let Some((_, Outcome::Count { count, .. })) = &mut told.expect("a count").answered {
        *count = change(*count);
    }
}
