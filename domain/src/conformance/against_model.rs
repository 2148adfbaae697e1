//! Random histories, compared with the reference model after every step.

use super::*;
use crate::Watermarks;
use crate::model::Model;
use crate::segment::EMPTIED_AFTER;

pub(super) async fn random_histories_equal_the_model<F: Fixture>(fixture: F, seed: u64) {
    let mut random = Random(seed);
    let policy = SealPolicy {
        interval: random
            .chance(2)
            .then(|| Duration::from_millis(200 + random.below(500))),
        bytes: random.chance(2).then(|| 500 + random.below(3_000)),
    };
    let mut model = Model::new(policy);
    let mut log = open(&fixture, policy).await;
    for step in 0..120 {
        match random.below(17) {
            15..=16 => Box::pin(cursor(&mut random, &log, &mut model)).await,
            14 => Box::pin(rule(&mut random, &log, &mut model)).await,
            13 => Box::pin(delete(&mut random, &log, &mut model)).await,
            12 => Box::pin(trim(&mut random, &log, &mut model)).await,
            0..=5 => Box::pin(append(&mut random, &log, &mut model)).await,
            6 => {
                let clock = Arc::clone(&log.clock);
                log.close().await;
                log = open_at(&fixture, policy, clock).await;
            }
            _ => compare(&mut random, &log, &model, step).await,
        }
        log.clock.advance(Duration::from_millis(random.below(100)));
        if random.chance(20) {
            log.clock.advance(EMPTIED_AFTER);
        }
    }
    log.close().await;
}

async fn append<F: Fixture>(random: &mut Random, log: &Opened<'_, F>, model: &mut Model) {
    let limits = Limits::default();
    let records = (0..1 + random.below(30)).map(|_| {
        let value = vec![random.below(256) as u8; random.below(120) as usize];
        let record = Record::parse(random.key().into(), value.into(), &limits);
        let record = record.expect("within the limits");
        record.with_headers(random.headers(&limits))
    });
    let batch = Batch::new(records.collect(), &limits).expect("a batch");
    let durability = if random.chance(3) {
        Durability::Durable
    } else {
        Durability::Applied
    };
    let mut moves: Vec<CursorMove> = Vec::new();
    while random.chance(3) {
        let wanted = random.cursor_move(model);
        if moves.iter().all(|other| other.name != wanted.name) {
            moves.push(wanted);
        }
    }
    let moving = Append::from(batch.clone()).with_cursors(moves);
    // Readers elsewhere wait for an append, so one that is refused is followed by one that is not.
    for append in [moving.expect("moves"), batch.into()] {
        let expected = model.append(&append, log.clock.now_ms());
        let appended = log.try_append(append, durability).await;
        let expected = expected.map(|(appended, _)| appended);
        assert_eq!(format!("{appended:?}"), format!("{expected:?}"));
        if appended.is_ok() {
            break;
        }
    }
}

/// Moves or deletes a cursor, as the model does.
async fn cursor<F: Fixture>(random: &mut Random, log: &Opened<'_, F>, model: &mut Model) {
    let wanted = random.cursor_move(model);
    if random.chance(4) {
        let found = log.writer.delete_cursor(&wanted.name).await;
        assert_eq!(found.expect("deleted"), model.delete_cursor(&wanted.name));
    } else {
        let expected = model.move_cursor(&wanted, log.clock.now_ms());
        let found = log.writer.move_cursor(wanted).await;
        assert_eq!(format!("{found:?}"), format!("{expected:?}"));
    }
    // A reader elsewhere that shows these shows the cursor.
    append(random, log, model).await;
}

/// Trims a part of what is left, as the model does.
async fn trim<F: Fixture>(random: &mut Random, log: &Opened<'_, F>, model: &mut Model) {
    let (tip, now_ms) = (model.tip().get(), log.clock.now_ms());
    let floor = model.floor().get();
    let trim = match random.below(4) {
        0 => Trim::BeforeTime(now_ms + 1 - random.below(1_500) as i64),
        1 => Trim::BeforeSequence([tip, tip + 1, floor / 2][random.below(3) as usize].into()),
        _ => Trim::BeforeSequence((floor + random.below((tip - floor) / 3 + 1)).into()),
    };
    let (found, expected) = (log.trim(trim).await, model.trim(trim, now_ms));
    assert_eq!(found.ok(), expected.ok(), "{trim:?}");
}

/// Deletes a part of a key, as the model does.
async fn delete<F: Fixture>(random: &mut Random, log: &Opened<'_, F>, model: &mut Model) {
    let (key, tip) = (random.key(), model.tip().get());
    let before = (!random.chance(3)).then(|| random.below(tip + 2));
    let deletion = deletion(&key, before);
    let (found, expected) = (
        log.writer.delete(deletion.clone()).await,
        model.delete(&deletion),
    );
    assert_eq!(found.ok(), expected.ok(), "{deletion:?}");
    // A reader elsewhere that shows these shows the deletion.
    append(random, log, model).await;
}

/// Applies retention rules, as the model does.
async fn rule<F: Fixture>(random: &mut Random, log: &Opened<'_, F>, model: &mut Model) {
    let prefixes = [&b"k"[..], b"k1", b"k\0", b"\xff", b"k2"];
    let rules = prefixes.iter().filter(|_| random.chance(3));
    let rules: Vec<&[u8]> = rules.copied().collect();
    let rules = rules.into_iter().map(|prefix| PrefixRule {
        prefix: Bytes::copy_from_slice(prefix),
        max_age: Duration::from_millis(1 + random.below(3_000)),
    });
    let rules = PrefixRules::new(rules.collect(), &Limits::default()).expect("rules");
    let expected = model.apply_rules(&rules, log.clock.now_ms());
    let raised = log.writer.apply_rules(&rules).await.expect("applied");
    assert_eq!(raised, expected, "{rules:?}");
    // A reader elsewhere that shows these shows the floors.
    append(random, log, model).await;
}

async fn compare<F: Fixture>(random: &mut Random, log: &Opened<'_, F>, model: &Model, step: u32) {
    let Watermarks { tip, durable } = log.reader().await.watermarks();
    assert_eq!(tip, model.tip(), "step {step}");
    assert!(durable <= tip);
    let (a, b) = (random.below(tip.get() + 3), random.below(tip.get() + 3));
    let range =
        SequenceRange::new(Sequence::new(a.min(b)), Sequence::new(a.max(b))).expect("ordered");
    let mut scan = scan_of(random.selection());
    scan.range = range;
    scan.limit = PageLimit {
        records: 1 + random.below(40) as usize,
        bytes: 1 + random.below(4_000) as usize,
        time: None,
    };
    scan.start_time_ms = random
        .chance(4)
        .then(|| log.clock.now_ms() - random.below(3_000) as i64);
    if matches!(scan.selection, Selection::Key(_)) && random.chance(3) {
        scan.side = Side::Newest;
    }
    let (found, expected) = (log.reader().await.scan(&scan).await, model.scan(&scan, tip));
    let (found, expected) = (found.expect("scanned"), expected.expect("scanned"));
    assert_eq!(
        with_headers(&found),
        with_headers(&expected),
        "step {step}: {scan:?}"
    );
    assert_eq!(
        (found.next, found.complete),
        (expected.next, expected.complete),
        "step {step}: {scan:?}"
    );
    assert_eq!(
        found.trimmed_before, expected.trimmed_before,
        "step {step}: {scan:?}"
    );
    if scan.side == Side::Oldest && random.chance(4) {
        let mut whole = scan.clone();
        whole.limit = scan_all(b"k").limit;
        let expected = model.scan(&whole, tip).expect("scanned");
        let found = hurried::scanned(log.reader().await, &scan).await;
        let expected = (with_headers(&expected), expected.next);
        assert_eq!(found, expected, "step {step}: without time, {scan:?}");
    }
    assert_eq!(log.reader().await.floor(), model.floor(), "step {step}");
    let key = stored(&random.key());
    let count = log.reader().await.count(&key, range).await;
    assert_eq!(
        count.expect("counted"),
        model.count(&key, range),
        "step {step}: {key:?} {range:?}"
    );
    let segments = log.reader().await.segments(range).await.expect("listed");
    assert_eq!(segments, model.segments(range), "step {step}: {range:?}");
    let mut query = all_keys(1 + random.below(10) as usize);
    query.start_segment = random.below(4) as u32;
    query.end_segment = query.start_segment + random.below(6) as u32;
    if random.chance(2) {
        (query.start_segment, query.end_segment) = (0, u32::MAX);
    }
    query.start_after = random.chance(2).then(|| Bytes::from(random.key()));
    query.prefix = if random.chance(3) {
        Bytes::from("k")
    } else {
        Bytes::new()
    };
    let keys = log.reader().await.keys(&query).await.expect("listed");
    assert_eq!(keys, model.keys(&query), "step {step}: {query:?}");
    if random.chance(4) {
        let found = hurried::listed(log.reader().await, &query).await;
        query.limit = all_keys(10_000).limit;
        let expected = model.keys(&query).keys;
        assert_eq!(found, expected, "step {step}: without time, {query:?}");
    }
    let query = CursorsQuery {
        prefix: ["", "c", "c1", "d"][random.below(4) as usize].to_owned(),
        start_after: random.chance(3).then(|| format!("c{}", random.below(4))),
        limit: 1 + random.below(4) as usize,
    };
    let cursors = log.reader().await.cursors(&query).await.expect("listed");
    assert_eq!(cursors, model.cursors(&query), "step {step}: {query:?}");
}

/// A small generator of repeatable noise (splitmix64), so that the suite needs no dependency for it.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }

    fn chance(&mut self, one_in: u64) -> bool {
        self.below(one_in) == 0
    }

    /// None, for two records of three.
    fn headers(&mut self, limits: &Limits) -> Headers {
        if !self.chance(3) {
            return Headers::default();
        }
        let headers: Vec<(String, Vec<u8>)> = (0..1 + self.below(3))
            .map(|_| {
                let value = vec![self.below(256) as u8; self.below(40) as usize];
                (format!("h{}", self.below(3)), value)
            })
            .collect();
        let headers = headers.iter().map(|(name, value)| (&name[..], &value[..]));
        Headers::parse(headers, limits).expect("within the limits")
    }

    fn selection(&mut self) -> Selection {
        match self.below(4) {
            0 => {
                let prefixes = [&b""[..], b"k", b"k1", b"k\0", b"\xff", b"\0", b"\0\0"];
                let prefix = prefixes[self.below(7) as usize];
                Selection::Prefix(Bytes::copy_from_slice(prefix))
            }
            1 => {
                let keys = (0..1 + self.below(4)).map(|_| stored(&self.key()));
                Selection::keys(keys.collect()).expect("a set")
            }
            _ => Selection::Key(stored(&self.key())),
        }
    }

    /// A move of one of a few cursors, seldom beyond the tip or from where it is not.
    fn cursor_move(&mut self, model: &Model) -> CursorMove {
        let name = format!("c{}", self.below(5));
        let name = CursorName::parse(&name).expect("a name");
        let tip = model.tip().get();
        let position = match self.below(10) {
            0 => tip + 1,
            1..=5 => tip,
            _ => self.below(tip + 1),
        };
        let is = model.cursor(&name).map(|cursor| cursor.position);
        let expected = match self.below(6) {
            0 => Some(Sequence::new(self.below(tip + 1))),
            1..=3 => Some(is.unwrap_or_default()),
            _ => None,
        };
        CursorMove {
            name,
            position: position.into(),
            expected,
        }
    }

    fn key(&mut self) -> Vec<u8> {
        match self.below(8) {
            0 => vec![0; 1 + self.below(3) as usize],
            1 => vec![b'k', 0, self.below(2) as u8],
            2 => vec![255; 1 + self.below(2) as usize],
            n => format!("k{}", n % 4).into_bytes(),
        }
    }
}
