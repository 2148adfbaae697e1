//! Which keys the order rows of a window name, and for which sequences.

use log_domain::{Result, Sequence, SequenceRange};

use super::layout::order::{self, Numbers};

/// Rows of the order for which a span says where its records lie.
pub(super) const PARTS: usize = 4;

/// The records of a key in a window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Span {
    /// The number of the key in the segment.
    pub(super) number: u32,
    /// The first and the last of the records in the window.
    pub(super) first: Sequence,
    pub(super) last: Sequence,
    /// In so many rows of the order.
    rows: usize,
    /// The last of these rows.
    last_row: usize,
    parts: [Part; PARTS],
}

/// The records of a key that one row of the order names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Part {
    /// The first one in the window.
    pub(super) first: Sequence,
    /// The last one that the row names, in the window or not.
    pub(super) end: Sequence,
}

impl Span {
    /// The records row by row, if these rows are few.
    pub(super) fn parts(&self) -> Option<&[Part]> {
        self.parts.get(..self.rows)
    }

    fn new(number: u32, at: usize, (first, last): (Sequence, Sequence), end: Sequence) -> Self {
        let mut parts = [Part::default(); PARTS];
        parts[0] = Part { first, end };
        Self {
            number,
            first,
            last,
            rows: 1,
            last_row: at,
            parts,
        }
    }

    fn add(&mut self, at: usize, (first, last): (Sequence, Sequence), end: Sequence) {
        self.last = last;
        if self.last_row != at {
            self.last_row = at;
            self.rows += 1;
            if let Some(part) = self.parts.get_mut(self.rows - 1) {
                part.first = first;
            }
        }
        self.ends(at, end);
    }

    /// The row names a later record.
    fn ends(&mut self, at: usize, end: Sequence) {
        if self.last_row == at
            && let Some(part) = self.parts.get_mut(self.rows - 1)
        {
            part.end = end;
        }
    }
}

/// The keys of these rows that have records in `range`, by number.
///
/// # Errors
/// [`log_domain::Error::Corrupt`] for a row that is damaged.
pub(super) fn spans(rows: &[order::Row], range: SequenceRange) -> Result<Vec<Span>> {
    let mut named = Vec::new();
    let mut of_row = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        each_named(row, range.start(), range.end(), |number, within, end| {
            of_row.push((number, within, end));
        })?;
        // A commit can have many records of a key between those of others.
        of_row.sort_by_key(|(number, ..)| *number);
        let of_keys = of_row.chunk_by(|(a, ..), (b, ..)| a == b);
        named.extend(of_keys.filter_map(|of_key| {
            let (number, (first, _), _) = of_key.first()?;
            let (_, (_, last), end) = of_key.last()?;
            Some((*number, at, (*first, *last), *end))
        }));
        of_row.clear();
    }
    // Commits over the same keys in the same order are in order already, and what is of one key stays in its order.
    named.sort_by_key(|(number, ..)| *number);
    let mut spans: Vec<Span> = Vec::new();
    for (number, at, within, end) in named {
        match spans.last_mut().filter(|span| span.number == number) {
            Some(span) => span.add(at, within, end),
            None => spans.push(Span::new(number, at, within, end)),
        }
    }
    // What comes behind the window may be the end of a row of records that is needed.
    let cut = rows.iter().enumerate();
    for (at, row) in cut.filter(|(_, row)| row.last >= range.end()) {
        each_named(row, range.end(), Sequence::MAX, |number, _, end| {
            if let Ok(of) = spans.binary_search_by_key(&number, |span| span.number) {
                spans[of].ends(at, end);
            }
        })?;
    }
    Ok(spans)
}

/// Gives the records from `start` on and below `end` that a row names, as those of one key that follow each other: the number of the key, the
/// first and the last of them, and the last one that follows, below `end` or not.
fn each_named(
    row: &order::Row,
    start: Sequence,
    end: Sequence,
    mut take: impl FnMut(u32, (Sequence, Sequence), Sequence),
) -> Result<()> {
    let (start, end) = (start.get(), end.get());
    let mut next = row.first.get();
    for numbers in row.numbers() {
        let Numbers {
            number,
            step,
            count,
        } = numbers?;
        let (from, behind) = (next.max(start), (next + count).min(end));
        if from < behind && step == 0 {
            let within = (Sequence::new(from), Sequence::new(behind - 1));
            take(number, within, Sequence::new(next + count - 1));
        } else {
            for at in from..behind {
                let one = Sequence::new(at);
                take(number + (at - next) as u32, (one, one), one);
            }
        }
        next += count;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn row(first: u64, numbers: &[u32]) -> order::Row {
        let mut builder = order::Builder::with_capacity(numbers.len());
        numbers.iter().for_each(|number| builder.push(*number));
        let value = builder.finish(7).expect("not empty");
        let last = Sequence::new(first + numbers.len() as u64 - 1);
        order::decode(&order::key(1, last), &value).expect("a row")
    }

    proptest! {
        #[test]
        fn spans_are_the_records_of_each_key_row_by_row(
            rows in prop::collection::vec((0u64..3, prop::collection::vec(0u32..6, 1..20)), 1..8),
            start in 0u64..100, length in 0u64..60,
        ) {
            let mut at = 0;
            let mut decoded = Vec::new();
            // By number: for each row its sequences.
            let mut expected: BTreeMap<u32, Vec<Vec<u64>>> = BTreeMap::new();
            let within = start..start + length;
            for (gap, numbers) in &rows {
                at += gap;
                decoded.push(row(at, numbers));
                let mut of_row: BTreeMap<u32, Vec<u64>> = BTreeMap::new();
                for (sequence, number) in (at..).zip(numbers) {
                    of_row.entry(*number).or_default().push(sequence);
                }
                for (number, sequences) in of_row {
                    if sequences.iter().any(|sequence| within.contains(sequence)) {
                        expected.entry(number).or_default().push(sequences);
                    }
                }
                at += numbers.len() as u64;
            }
            let range = SequenceRange::new(start.into(), (start + length).into()).expect("a range");
            let found = spans(&decoded, range).expect("not damaged");
            prop_assert_eq!(found.len(), expected.len());
            for (span, (number, rows)) in found.iter().zip(expected) {
                prop_assert_eq!(span.number, number);
                let parts: Vec<Part> = rows.iter().map(|sequences| Part {
                    first: Sequence::new(*sequences.iter().find(|s| within.contains(s)).expect("one")),
                    end: Sequence::new(*sequences.last().expect("one")),
                }).collect();
                let last = rows.iter().flatten().rfind(|s| within.contains(s));
                prop_assert_eq!(span.first, parts[0].first);
                prop_assert_eq!(Some(span.last.get()), last.copied());
                let few = (parts.len() <= PARTS).then_some(&parts[..]);
                prop_assert_eq!(span.parts(), few);
            }
        }
    }
}
