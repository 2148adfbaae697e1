//! Stored rows.

use log_adapters::store::slate::codecs::{RecordRow, encode_commit};
use log_domain::page::PageBuilder;
use log_domain::{Append, PageLimit, Sequence, SequenceRange};

use crate::sequencer::{new_log, plan};
use crate::{Case, NOW_MS, batch, count_each, records};

pub(crate) const CASES: &[Case] = &[
    Case {
        name: "encode the rows of a commit of 1,000 records over 10 keys",
        operations: 20,
        run: encode,
    },
    Case {
        name: "decode 10 rows into a page of 900 records",
        operations: 20,
        run: decode,
    },
];

fn encode(times: usize) {
    let append = Append::from(batch(records(1_000, 10)));
    let mut sequencer = new_log();
    let commit = plan(&mut sequencer, &[&append]);
    count_each(vec![(); times + 1], |()| encode_commit(&commit));
}

/// Rows of 100 records each, of which the page begins and ends in the middle of one.
fn decode(times: usize) {
    let row = |number: u64| {
        let fill = |builder: &mut log_domain::run::RunBuilder| {
            for (sequence, (_, value)) in (number * 100..).zip(records(100, 1)) {
                builder.push(Sequence::new(sequence), &value);
            }
        };
        RecordRow::encode(1, b"orders-0", NOW_MS, fill).expect("not empty")
    };
    let rows: Vec<_> = (0..10).map(row).collect();
    let limit = PageLimit {
        records: 1_000,
        bytes: 1 << 20,
        time: None,
    };
    count_each(vec![(); times + 1], |()| {
        let range = SequenceRange::new(Sequence::new(50), Sequence::new(950));
        let mut page = PageBuilder::new(range.expect("a range"), None, limit);
        for row in &rows {
            let run = row.decode().expect("a valid row");
            page.push(&run).expect("a valid run");
        }
        let page = page.finish(Sequence::new(1_000));
        assert_eq!(page.records, 900);
        page
    });
}
