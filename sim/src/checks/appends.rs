//! What an append does, and where records come from.

use std::collections::BTreeMap;

use super::View;
use super::durability::brief;

pub(super) fn refused(view: &View<'_>) -> Vec<String> {
    let mut wrong = Vec::new();
    for (who, key, sequence, value) in view.seen() {
        if let Some(origin) = view.origin.get(value)
            && origin.operation.not_applied()
        {
            wrong.push(format!(
                "#{} was told that nothing was applied ({:?}), and {who} saw its {} as {sequence} of {key:?}",
                origin.operation.id,
                origin.operation.outcome(),
                brief(value)
            ));
        }
    }
    wrong
}

pub(super) fn atomic(view: &View<'_>) -> Vec<String> {
    let mut places = BTreeMap::new();
    for seen in view.log.records.values().flatten() {
        places.insert(seen.value.as_str(), seen.sequence);
    }
    let segment_of = |sequence: u64| {
        let segments = &view.log.segments;
        segments.partition_point(|segment| segment.start <= sequence)
    };
    let mut wrong = Vec::new();
    for operation in &view.history.operations {
        let Some((records, _)) = operation.appends() else {
            continue;
        };
        let found: Vec<Option<u64>> = records
            .iter()
            .map(|sent| places.get(sent.value.as_str()).copied())
            .collect();
        let Some(first) = found.iter().flatten().next() else {
            continue;
        };
        let offset = found.iter().take_while(|place| place.is_none()).count() as u64;
        let start = first.wrapping_sub(offset);
        let mut in_order = (start..).zip(records.iter().zip(&found));
        let in_a_row = in_order.all(|(expected, (sent, place))| {
            let gone = place.is_none() && expected < view.log.floor_of(&sent.key);
            *place == Some(expected) || gone
        });
        if !in_a_row {
            wrong.push(format!("the records of #{} are at {found:?}", operation.id));
        } else if segment_of(start) != segment_of(start + records.len() as u64 - 1) {
            wrong.push(format!(
                "#{} lies in two segments: {start} and on, with segments {:?}",
                operation.id, view.log.segments
            ));
        }
    }
    wrong
}

pub(super) fn origin(view: &View<'_>) -> Vec<String> {
    let mut places: BTreeMap<&str, u64> = BTreeMap::new();
    let mut wrong = Vec::new();
    for (who, key, sequence, value) in view.seen() {
        match view.origin.get(value) {
            None => wrong.push(format!(
                "{who} saw {value:?} in {key:?}, which nobody appended"
            )),
            Some(origin) if origin.key != key => wrong.push(format!(
                "{who} saw {} in {key:?}, and it was appended to {:?}",
                brief(value),
                origin.key
            )),
            Some(origin) => {
                let known = *places.entry(value).or_insert(sequence);
                // What a producer sends again may have been lost before; `exactly-once` looks at it.
                if known != sequence && !view.is_numbered(origin.operation) {
                    wrong.push(format!(
                        "{} is seen as {known} and, by {who}, as {sequence} of {key:?}",
                        brief(value)
                    ));
                }
            }
        }
    }
    wrong
}

impl<'a> View<'a> {
    /// Every record that a client saw: the client, the key, the sequence and the value.
    pub(super) fn seen(&self) -> impl Iterator<Item = (String, &'a str, u64, &'a str)> {
        let pages = self
            .history
            .pages()
            .flat_map(|(operation, scan, values, _)| {
                values.iter().map(move |seen| {
                    let who = format!("#{}", operation.id);
                    (who, scan.key.as_str(), seen.sequence, seen.value.as_str())
                })
            });
        let last = self.log.records.iter().flat_map(|(key, values)| {
            values.iter().map(move |seen| {
                let who = "the final reader".to_owned();
                (who, key.as_str(), seen.sequence, seen.value.as_str())
            })
        });
        pages.chain(last).chain(self.seen_named())
    }
}
