//! Histories as a correct server makes them.

use std::collections::BTreeMap;

use crate::checks::{AUDITOR, Facts, FinalLog};
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
    },
    Count {
        key: usize,
        start: u64,
        end: u64,
    },
    Crash,
}

impl Step {
    /// These, and after them something for each kind of damage.
    pub(super) fn with_something_to_damage(steps: &[Self]) -> Vec<Self> {
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
        };
        let count = Self::Count {
            key: 0,
            start: 0,
            end: u64::MAX,
        };
        let more = [append(true), append(false), append(true), page, count];
        steps.iter().cloned().chain(more).collect()
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
    /// The epoch of the producer, a new one after each crash, and how many requests it sent in it.
    epoch: u64,
    numbered: u64,
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
        let id = self.history.operations.len();
        let called = self.now();
        let outcome = self.answer(&call, called.ms as i64);
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
            Call::Scan(scan) => {
                let visible = if scan.durable {
                    self.durable
                } else {
                    self.next
                };
                let end = scan.end.min(visible);
                let mut values = self.between(&scan.key, scan.start, end);
                let full = values.len() as u64 > scan.limit;
                values.truncate(scan.limit as usize);
                let next = match values.last() {
                    Some(last) if full => last.sequence + 1,
                    _ => end.max(scan.start),
                };
                Outcome::Page { values, next }
            }
            Call::Count { key, start, end } => {
                Outcome::Count(self.between(key, *start, *end).len() as u64)
            }
            Call::Keys { .. } | Call::Segments => Outcome::Segments(Vec::new()),
        }
    }

    fn between(&self, key: &str, start: u64, end: u64) -> Vec<Seen> {
        let all = self.log.get(key).into_iter().flatten();
        all.filter(|seen| start <= seen.sequence && seen.sequence < end)
            .cloned()
            .collect()
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
                let sent = |place| Sent {
                    key: key((number + place) % 2),
                    value: format!("{round}.{place}:"),
                };
                let records = (0..records).map(sent).collect();
                server.numbered += 1;
                let safety = Safety {
                    conditions: vec![Condition {
                        key: key(number),
                        since: server.next,
                    }],
                    numbered: Some(Numbered {
                        id: "appender".into(),
                        epoch: server.epoch,
                        sequence: server.numbered - 1,
                    }),
                };
                let append = Call::Append {
                    records,
                    durable,
                    safety,
                };
                server.operate("appender", append);
            }
            Step::Page {
                key: number,
                start,
                limit,
                durable,
            } => {
                let scan = ScanCall {
                    key: key(number),
                    start,
                    end: u64::MAX,
                    limit,
                    durable,
                    follow_ms: None,
                };
                server.operate("scanner", Call::Scan(scan));
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
                (server.epoch, server.numbered) = (server.epoch + 1, 0);
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
    let log = FinalLog {
        records: server.log,
        segments,
        tip: server.next,
    };
    let facts = Facts {
        page_records: 1_000,
        page_bytes: 1 << 20,
        seal_bytes: None,
        seals_by_time: false,
        timeout_ms: 5_000,
        shutdown_ms: 10_000,
        faultless: false,
        unflushed_bytes: 1_000,
    };
    (server.history, log, facts)
}
