//! Histories as a correct server makes them.

mod deletions;
mod pages;
mod several;

use std::collections::BTreeMap;

use log_domain::producer::RECENT;

use crate::checks::{AUDITOR, Facts, FinalLog};
use crate::determinism::EPOCH_MS;
use crate::history::{
    Call, Condition, End, History, Life, Moment, Numbered, Operation, Outcome, Safety, ScanCall,
    Seen, SegmentSeen, Sent, headers_of,
};

pub(super) const NODE: &str = "log-1";

/// Something that a client does, or that happens to the server.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Append {
        key: usize,
        records: usize,
        durable: bool,
    },
    Page {
        key: usize,
        start: u64,
        limit: u64,
        durable: bool,
        newest: bool,
    },
    Count {
        key: usize,
        start: u64,
        end: u64,
    },
    Crash,
    /// Everything is trimmed but so many sequences.
    Trim {
        back: u64,
    },
    /// All that is there gets old, and retention drops it.
    Retain,
    /// A key of its own is appended to and deleted: all of it or all but the last record. Then the keys are listed.
    Delete {
        all: bool,
    },
    /// The producer sends a number after the next one.
    Ahead,
    /// It sends the number before so many others again, with the same records or with others.
    Again {
        back: u64,
        same: bool,
    },
    /// It is idle until it has expired, and then sends its next number.
    Idle,
}

/// When producers expire. Nothing else takes so long.
const EXPIRY_MS: u64 = 100_000;

impl Step {
    /// These, and after them something for each kind of damage. Without trims all that was lost is known.
    pub(super) fn with_something_to_damage(steps: &[Self], trims: bool) -> Vec<Self> {
        let append = |durable| Self::Append {
            key: 0,
            records: 3,
            durable,
        };
        let page = Self::Page {
            key: 0,
            start: 0,
            limit: 1_000,
            durable: false,
            newest: false,
        };
        let newest = Self::Page {
            key: 0,
            start: 0,
            limit: 2,
            durable: false,
            newest: true,
        };
        let count = Self::Count {
            key: 0,
            start: 0,
            end: u64::MAX,
        };
        let trim = [
            append(true),
            Self::Trim { back: 1 },
            Self::Delete { all: true },
        ];
        let trim = trim.into_iter().filter(|_| trims);
        let more = [
            append(true),
            append(false),
            append(true),
            newest,
            page,
            count,
        ];
        let steps = steps.iter().cloned();
        let steps = steps.filter(|step| {
            trims || !matches!(step, Self::Trim { .. } | Self::Retain | Self::Delete { .. })
        });
        steps.chain(trim).chain(more).collect()
    }
}

#[derive(Default)]
struct Server {
    history: History,
    log: BTreeMap<String, Vec<Seen>>,
    moments: u64,
    next: u64,
    /// What survives a crash: how many records of each key, and the sequence after.
    durable: u64,
    floor: u64,
    key_floors: BTreeMap<String, u64>,
    /// The epoch of the producer, a new one after each crash and expiry, and the requests that it sent in it.
    epoch: u64,
    numbered: Vec<Call>,
}

impl Server {
    fn now(&mut self) -> Moment {
        self.moments += 1;
        Moment {
            index: self.moments,
            ms: self.moments * 10,
        }
    }

    fn begin_life(&mut self) {
        let (started, opened) = (self.now(), Some(self.now()));
        let id = self.history.lives.len();
        let node = NODE.to_owned();
        self.history.lives.push(Life {
            id,
            node,
            take_over: false,
            clock: vec![(started.ms, 0)],
            started,
            opened,
            asked: None,
            ended: None,
        });
    }

    fn end_life(&mut self, end: End) {
        let asked = (end == End::Clean).then(|| self.now());
        let ended = Some((self.now(), end));
        let life = self.history.lives.last_mut().expect("a life");
        (life.asked, life.ended) = (asked, ended);
    }

    fn operate(&mut self, client: &str, call: Call) {
        let time = EPOCH_MS + (self.moments + 1) as i64 * 10;
        let outcome = self.answer(&call, time);
        self.record(client, call, outcome);
    }

    fn record(&mut self, client: &str, call: Call, outcome: Outcome) {
        let id = self.history.operations.len();
        let called = self.now();
        let answered = Some((self.now(), outcome));
        let (client, node) = (client.to_owned(), NODE.to_owned());
        self.history.operations.push(Operation {
            id,
            client,
            node,
            called,
            call,
            answered,
        });
    }

    fn answer(&mut self, call: &Call, time: i64) -> Outcome {
        match call {
            Call::Append {
                records, durable, ..
            } => {
                let start = self.next;
                for sent in records {
                    let seen = Seen {
                        sequence: self.next,
                        value: sent.value.clone(),
                        headers: headers_of(&sent.value),
                        timestamp_ms: time,
                    };
                    self.log.entry(sent.key.clone()).or_default().push(seen);
                    self.next += 1;
                }
                if *durable {
                    self.durable = self.next;
                }
                Outcome::Appended {
                    start,
                    count: records.len() as u64,
                }
            }
            Call::Scan(scan) => self.page(scan),
            Call::Several(call) => self.several(call),
            Call::Count { key, start, end } => Outcome::Count {
                count: self.between(key, *start, *end).len() as u64,
                trimmed: self.trimmed(key, *start, *end),
            },
            Call::Trim { before } => {
                // What lies before a durable commit is durable.
                self.durable = self.next;
                self.floor = self.floor.max(*before);
                Outcome::Trimmed { floor: self.floor }
            }
            Call::Delete { key, before } => {
                self.durable = self.next;
                let floor = self.key_floors.entry(key.clone()).or_default();
                *floor = before.unwrap_or(self.next).max(*floor);
                let floor = self.floor_of(key);
                Outcome::Deleted { floor }
            }
            Call::Keys { .. } => Outcome::Keys {
                keys: (0..3)
                    .map(key)
                    .filter(|key| !self.between(key, 0, u64::MAX).is_empty())
                    .collect(),
                next_start_after: None,
            },
            Call::Segments => Outcome::Segments(Vec::new()),
            Call::GetCursor { .. } | Call::PutCursor(_) => Outcome::Cursor { position: None },
            Call::Replica(_) | Call::ReplicaCount(_) => Outcome::NotSent,
        }
    }

    /// A number of the producer that is not the next one, with these records.
    fn reject(&mut self, sequence: u64, records: Vec<Sent>, code: &str, expected: Option<u64>) {
        let call = self.request(sequence, records, true, Vec::new());
        let rejected = Outcome::Rejected {
            code: code.into(),
            key: None,
            sequence: expected,
        };
        self.record("appender", call, rejected);
    }

    fn request(
        &self,
        sequence: u64,
        records: Vec<Sent>,
        durable: bool,
        conditions: Vec<Condition>,
    ) -> Call {
        let numbered = Numbered {
            id: "appender".into(),
            epoch: self.epoch,
            sequence,
        };
        let safety = Safety {
            conditions,
            numbered: Some(numbered),
            ..Safety::default()
        };
        Call::Append {
            records,
            durable,
            safety,
        }
    }

    /// The number before `back` others is sent again.
    fn send_again(&mut self, round: usize, back: u64, same: bool) {
        let next = self.numbered.len() as u64;
        let Some(sequence) = next.checked_sub(back) else {
            return;
        };
        let earlier = self.numbered[sequence as usize].clone();
        let Call::Append { records, .. } = &earlier else {
            return;
        };
        // A rejection that is durable rests on all that was there, which is durable then too.
        self.durable = self.next;
        if back > RECENT as u64 {
            self.reject(sequence, records.clone(), "producer_sequence_too_old", None);
        } else if same {
            let sent = &records[0];
            let first = self.log[&sent.key].iter();
            let mut first = first.filter(|seen| seen.value == sent.value);
            let start = first.next().expect("it was applied").sequence;
            let count = records.len() as u64;
            self.record("appender", earlier, Outcome::Duplicate { start, count });
        } else {
            let others = vec![sent(0, format!("{round}.again:"))];
            self.reject(sequence, others, "producer_sequence_reused", None);
        }
    }

    fn next_epoch(&mut self) {
        self.epoch += 1;
        self.numbered.clear();
    }

    fn between(&self, key: &str, start: u64, end: u64) -> Vec<Seen> {
        let all = self.log.get(key).into_iter().flatten();
        let start = start.max(self.floor_of(key));
        all.filter(|seen| start <= seen.sequence && seen.sequence < end)
            .cloned()
            .collect()
    }

    fn floor_of(&self, key: &str) -> u64 {
        *self.key_floors.get(key).unwrap_or(&0).max(&self.floor)
    }

    fn trimmed(&self, key: &str, start: u64, end: u64) -> Option<u64> {
        let floor = self.floor_of(key);
        (start < floor.min(end)).then_some(floor)
    }

    fn crash(&mut self) {
        self.end_life(End::Crashed);
        for values in self.log.values_mut() {
            values.retain(|seen| seen.sequence < self.durable);
        }
        // The reserved bound.
        self.next += 50;
        self.durable = self.next;
        self.begin_life();
    }
}

fn key(number: usize) -> String {
    format!("key-{number}")
}

fn sent(number: usize, value: String) -> Sent {
    let key = key(number);
    Sent { key, value }
}

/// A history in which these steps are done one after the other, and the log that it leaves.
pub(super) fn correct(steps: &[Step]) -> (History, FinalLog, Facts) {
    let mut server = Server::default();
    server.begin_life();
    for (round, step) in steps.iter().enumerate() {
        match step.clone() {
            Step::Append {
                key: number,
                records,
                durable,
            } => {
                let sent = |place| sent((number + place) % 2, format!("{round}.{place}:"));
                let records = (0..records).map(sent).collect();
                let conditions = [number, number + 1].map(|number| Condition {
                    key: key(number),
                    since: server.next,
                });
                let sequence = server.numbered.len() as u64;
                let append = server.request(sequence, records, durable, conditions.into());
                server.numbered.push(append.clone());
                server.operate("appender", append);
            }
            Step::Page {
                key: number,
                start,
                limit,
                durable,
                newest,
            } => {
                let scan = ScanCall {
                    key: key(number),
                    start: if newest { 0 } else { start },
                    end: u64::MAX,
                    limit,
                    durable,
                    newest,
                    follow_ms: None,
                };
                server.operate("scanner", Call::Scan(scan));
                server.read_several(start, limit, durable);
            }
            Step::Count {
                key: number,
                start,
                end,
            } => {
                let key = key(number);
                server.operate("counter", Call::Count { key, start, end });
            }
            Step::Crash => {
                server.crash();
                server.next_epoch();
            }
            Step::Trim { back } => {
                let before = server.next.saturating_sub(back);
                server.operate("trimmer", Call::Trim { before });
            }
            Step::Retain => {
                server.moments += EXPIRY_MS / 10;
                (server.durable, server.floor) = (server.next, server.next);
                server.next_epoch();
            }
            Step::Delete { all } => server.delete(round, all),
            Step::Ahead => {
                let next = server.numbered.len() as u64;
                let (code, expected) = match next {
                    0 => ("producer_unknown", None),
                    next => ("producer_out_of_order", Some(next)),
                };
                let records = vec![sent(0, format!("{round}.ahead:"))];
                server.reject(next + 1, records, code, expected);
            }
            Step::Again { back, same } => server.send_again(round, back, same),
            Step::Idle => {
                server.moments += EXPIRY_MS / 10;
                let next = server.numbered.len() as u64;
                if next > 0 {
                    let records = vec![sent(0, format!("{round}.idle:"))];
                    server.reject(next, records, "producer_unknown", None);
                }
                server.next_epoch();
            }
        }
    }
    let last = vec![Sent {
        key: key(0),
        value: format!("{AUDITOR}.0"),
    }];
    server.operate(
        AUDITOR,
        Call::Append {
            records: last,
            durable: true,
            safety: Safety::default(),
        },
    );
    server.durable = server.next;
    server.end_life(End::Clean);
    server.begin_life();
    let count = Call::Count {
        key: key(0),
        start: 0,
        end: u64::MAX,
    };
    server.operate(AUDITOR, count);
    let segments = vec![SegmentSeen {
        id: 1,
        start: 0,
        start_time_ms: 0,
    }];
    let mut records = server.log;
    server.key_floors.retain(|_, floor| *floor > server.floor);
    for (key, values) in &mut records {
        let floor = *server.key_floors.get(key).unwrap_or(&server.floor);
        values.retain(|seen| seen.sequence >= floor);
    }
    let log = FinalLog {
        records,
        segments,
        tip: server.next,
        floor: server.floor,
        key_floors: server.key_floors,
        cursors: BTreeMap::new(),
    };
    let facts = Facts {
        page_records: 1_000,
        page_bytes: 1 << 20,
        seal_bytes: None,
        seals_by_time: false,
        max_age_ms: Some(EXPIRY_MS / 2),
        max_bytes: None,
        rule: None,
        timeout_ms: 5_000,
        shutdown_ms: 10_000,
        faultless: false,
        unflushed_bytes: 1_000,
        producer_expiry_ms: EXPIRY_MS,
        skew_ms: 0,
    };
    (server.history, log, facts)
}
