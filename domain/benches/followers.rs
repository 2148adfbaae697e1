//! What followers cost an append: `cargo bench -p log-domain --bench followers`.

use std::sync::Arc;

use log_domain::follow::{Followers, Following};
use log_domain::run::RunBuilder;
use log_domain::{CommitListener, Key, Limits, Run, Selection, Sequence, Visibility};

fn main() {
    divan::main();
}

fn commit() -> Vec<(Key, Run)> {
    let mut builder = RunBuilder::new(1_700_000_000_000);
    builder.push(Sequence::ZERO, &[7; 100]);
    let run = builder.finish().expect("one record");
    vec![(Key::stored("tenant/05000x/orders".into()), run)]
}

/// A commit of one key that none of so many followers of distinct prefixes follows.
#[divan::bench(args = [0, 1, 100, 10_000])]
fn of_distinct_prefixes(bencher: divan::Bencher<'_, '_>, followers: usize) {
    let table = Arc::new(Followers::new(&Limits::default()));
    let register = |number: usize| {
        let prefix = format!("tenant/{number:05}/").into();
        let selection = Selection::Prefix(prefix);
        table.register(selection, Visibility::Memory).expect("room")
    };
    let _registered: Vec<Following> = (0..followers).map(register).collect();
    let commit = commit();
    bencher.bench_local(|| table.applied(Some(&commit), Sequence::new(1)));
}
