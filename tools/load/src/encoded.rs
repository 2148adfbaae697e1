//! Appends as they are sent, encoded by the load generator before it measures.

use opendata_log::wire;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::arguments::Arguments;
use crate::requests::name;

/// Runs are repeated with the same values.
const SEED: u64 = 1;

/// One append without a producer, for these keys in turn. Values are random bytes: others would be compressed to nothing.
pub(crate) fn append(
    arguments: &Arguments,
    keys: &mut impl Iterator<Item = u64>,
) -> wire::AppendRequest {
    let mut rng = StdRng::seed_from_u64(SEED);
    let records = keys.take(length(arguments.records));
    let records = records.map(|key| {
        let mut value = vec![0; length(arguments.value_bytes)];
        rng.fill_bytes(&mut value);
        wire::Record {
            key: Some(name(key).into()),
            value: Some(value.into()),
            headers: Vec::new(),
        }
    });
    wire::AppendRequest {
        records: records.collect(),
        await_durable: arguments.durable,
        ..Default::default()
    }
}

/// The keys of a connection, round after round; connections begin at different ones.
pub(crate) fn keys(arguments: &Arguments, connection: u64) -> impl Iterator<Item = u64> {
    let first = connection * arguments.keys / arguments.connections;
    let keys = arguments.keys;
    (first..).map(move |key| key % keys)
}

fn length(argument: u64) -> usize {
    usize::try_from(argument).expect("bounded by its parser")
}
