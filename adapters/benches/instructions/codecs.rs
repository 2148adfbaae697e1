//! Messages of the API.

use bytes::Bytes;
use log_adapters::http::{Codec, proto};
use log_domain::run::RunBuilder;
use log_domain::{Limits, Page, Sequence};
use prost::Message;

use crate::{Case, NOW_MS, count_each, records};

pub(crate) const CASES: &[Case] = &[
    Case {
        name: "decode an append of 100 records from protobuf",
        operations: 20,
        run: |times| decode(Codec::Protobuf, times),
    },
    Case {
        name: "decode an append of 100 records from JSON",
        operations: 20,
        run: |times| decode(Codec::Json, times),
    },
    Case {
        name: "encode a page of 1,000 records as protobuf",
        operations: 20,
        run: |times| encode(Codec::Protobuf, times),
    },
    Case {
        name: "encode a page of 1,000 records as JSON",
        operations: 5,
        run: |times| encode(Codec::Json, times),
    },
];

/// An append of 100 records over 10 keys.
fn decode(codec: Codec, times: usize) {
    let limits = Limits::default();
    let message = append_request(records(100, 10));
    let body: Bytes = match codec {
        Codec::Protobuf => message.encode_to_vec().into(),
        Codec::Json => serde_json::to_vec(&message).expect("text keys").into(),
    };
    count_each(vec![body; times + 1], |body| {
        let append = codec.decode_append(body, &limits);
        append.expect("a valid request")
    });
}

/// A page of ten runs, as ten appends of 100 records make them.
fn encode(codec: Codec, times: usize) {
    let runs: Vec<_> = (0..10).map(run).collect();
    let page = Page {
        records: 1_000,
        bytes: runs.iter().map(|run| run.encoded().len() as u64).sum(),
        runs,
        next: Sequence::new(1_000),
        complete: true,
        more: false,
        trimmed_before: None,
    };
    count_each(vec![page; times + 1], |page| {
        codec
            .encode_page("orders-0".into(), page)
            .expect("a valid page")
    });
}

fn run(number: u64) -> log_domain::Run {
    let mut builder = RunBuilder::new(NOW_MS);
    for (sequence, (_, value)) in (number * 100..).zip(records(100, 1)) {
        builder.push(Sequence::new(sequence), &value);
    }
    builder.finish().expect("not empty")
}

/// An `AppendRequest`.
pub(crate) fn append_request(
    contents: impl Iterator<Item = (Bytes, Bytes)>,
) -> proto::AppendRequest {
    let record = |(key, value)| proto::Record {
        key: Some(key),
        value: Some(value),
        ..proto::Record::default()
    };
    proto::AppendRequest {
        records: contents.map(record).collect(),
        ..proto::AppendRequest::default()
    }
}
