//! The sequencer: what it decides for appends that wait together, until they are applied.

use log_domain::sequencer::{Commit, Policy, Recovered, Sequencer, Step};
use log_domain::{Append, Producer, ProducerPolicy, SealPolicy};

use crate::{Case, NOW_MS, batch, count_each, records};

pub(crate) const CASES: &[Case] = &[
    Case {
        name: "place 100 appends of one record, of 100 producers",
        operations: 20,
        run: |times| place(100, 1, times),
    },
    Case {
        name: "place an append of 100 records, of a producer",
        operations: 100,
        run: |times| place(1, 100, times),
    },
];

/// Places and applies `appends` of `records` each, which wait together, over 10 keys.
fn place(appends: usize, records_each: usize, times: usize) {
    let contents: Vec<_> = records(appends * records_each, 10).collect();
    let append = |(number, contents): (usize, &[_]), round| {
        let producer = Producer::parse(&format!("producer-{number}"), 0, round);
        let batch = batch(contents.iter().cloned());
        Append::new(batch, Vec::new(), producer.ok()).expect("an append")
    };
    let group = |round: u64| -> Vec<Append> {
        let parts = contents.chunks(records_each).enumerate();
        parts.map(|part| append(part, round)).collect()
    };
    let groups: Vec<_> = (0..=times as u64).map(group).collect();
    let commands: Vec<Vec<&Append>> = groups.iter().map(|group| group.iter().collect()).collect();
    let mut sequencer = new_log();
    count_each(commands, |commands| {
        let commit = plan(&mut sequencer, &commands);
        assert_eq!(commit.placed.len(), appends);
        sequencer.applied(&commit);
        commit
    });
}

/// The sequencer of a log without records.
pub(crate) fn new_log() -> Sequencer {
    let policy = Policy {
        seal: SealPolicy::default(),
        key_table_bytes: 1 << 20,
        producers: ProducerPolicy::default(),
        cursors: 0,
    };
    Sequencer::recover(Recovered::default(), policy).expect("a new log")
}

/// The commit of `commands`, over a store that makes everything durable at once.
pub(crate) fn plan<'a>(sequencer: &mut Sequencer, commands: &[&'a Append]) -> Box<Commit<'a>> {
    loop {
        match sequencer.plan(commands, NOW_MS).expect("not full") {
            Step::Commit(commit) => return commit,
            Step::Reserve(metadata) => {
                sequencer.written(&metadata);
                sequencer.durable(metadata.number);
            }
            Step::AwaitDurable(number) => sequencer.durable(number),
            Step::Answer(decided) => panic!("nothing was placed: {decided:?}"),
        }
    }
}
