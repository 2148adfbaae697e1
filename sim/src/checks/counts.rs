//! Counts during concurrent appends: not exact, because those appends may be counted or not, but bounded.

use super::View;
use crate::history::{Call, Outcome};

pub(super) fn counts(view: &View<'_>) -> Vec<String> {
    let mut wrong = Vec::new();
    for operation in &view.history.operations {
        let (Call::Count { key, start, end }, Some(Outcome::Count { count, .. })) =
            (&operation.call, operation.outcome())
        else {
            continue;
        };
        let most = view.log.between(key, *start, *end).len() as u64 + lost(view, key, *start, *end);
        let mut least = 0;
        if let Some(life) = view.history.life_of(operation) {
            let mut reached = 0;
            let mut gone = 0;
            for (append, first) in view.known_to(life, operation.called, false) {
                let (records, _) = append.appends().unwrap_or_default();
                reached = reached.max(first + records.len() as u64);
                gone += (first..)
                    .zip(records)
                    .filter(|(sequence, sent)| {
                        sent.key == *key
                            && *sequence >= operation.told_trimmed().unwrap_or(0)
                            && (*start..*end).contains(sequence)
                            && view.log.between(key, *sequence, sequence + 1).is_empty()
                    })
                    .count() as u64;
            }
            least = view.log.between(key, *start, reached.min(*end)).len() as u64 + gone;
        }
        if !(least..=most).contains(count) {
            wrong.push(format!(
                "#{} counted {count} of {key:?} in {start}..{end}, and there are {least} to {most}",
                operation.id
            ));
        }
    }
    wrong
}

/// Records of a key that may have been there for a while, and are not in the final log.
fn lost(view: &View<'_>, key: &str, start: u64, end: u64) -> u64 {
    let gone = view.origin.iter().filter(|(value, origin)| {
        let here = match origin.operation.acknowledged() {
            Some((_, first)) => (start..end).contains(&(first + origin.place as u64)),
            None => true,
        };
        // What was sent again may have been lost in one place, and be in another.
        let again = origin.operation.acknowledged().is_none() && view.is_numbered(origin.operation);
        origin.key == key
            && here
            && !origin.operation.not_applied()
            && (again || !view.log.of(key).iter().any(|seen| seen.value == **value))
    });
    gone.count() as u64
}
