//! The smallest variant of a run that still breaks the same promise.

use super::{Summary, Variant, child};
use crate::plan::Scenario;

/// Operations of a client are cut down from here.
const MOST_OPERATIONS: u32 = 64;

/// Leaves out one fault after the other, then one client after the other, then half of the operations, for as long as
/// the first checker that complained still does. Answers the variant, its story, and its summary.
pub(super) fn run(
    scenario: Scenario,
    seed: u64,
    variant: Variant,
    summary: &Summary,
) -> (Variant, String, Summary) {
    let checker = summary.violations[0].0.clone();
    let breaks = |variant: &Variant| {
        let (summary, _) = child::start(scenario, seed, variant, &[]);
        summary
            .violations
            .iter()
            .any(|(broken, _)| *broken == checker)
    };
    let mut best = variant;
    for number in summary.faults.iter().rev() {
        let mut fewer = best.clone();
        let faults = fewer.faults.get_or_insert_with(|| summary.faults.clone());
        faults.retain(|kept| kept != number);
        if breaks(&fewer) {
            best = fewer;
        }
    }
    for number in summary.clients.iter().rev() {
        let mut fewer = best.clone();
        let clients = fewer.clients.get_or_insert_with(|| summary.clients.clone());
        clients.retain(|kept| kept != number);
        if !clients.is_empty() && breaks(&fewer) {
            best = fewer;
        }
    }
    let mut operations = best.operations.unwrap_or(MOST_OPERATIONS);
    while operations > 1 {
        operations /= 2;
        let fewer = Variant {
            operations: Some(operations),
            ..best.clone()
        };
        if !breaks(&fewer) {
            break;
        }
        best = fewer;
    }
    let (summary, story) = child::start(scenario, seed, &best, &["--story".into()]);
    (best, story, summary)
}
