//! The parts of an append with `atomic: false`: what became of each, and what is answered of all.

use poem::http::StatusCode;

use super::proto::{self, AppendPart, AppendResponse, ErrorResponse};

/// What [`AppendPart::outcome`] says.
const APPLIED: &str = "applied";
const REFUSED: &str = "refused";
const UNKNOWN: &str = "unknown";

/// A part of so many records that was applied.
pub(in crate::http) fn applied(partition: u32, records: u64, start: u64) -> AppendPart {
    AppendPart {
        partition,
        outcome: APPLIED.to_owned(),
        count: count(records),
        start_sequence: Some(start),
        ..AppendPart::default()
    }
}

/// A part of so many records that was not applied, for what `error` says, or of which nobody knows whether it was.
pub(in crate::http) fn not_applied(
    partition: u32,
    records: u64,
    is_unknown: bool,
    error: &ErrorResponse,
) -> AppendPart {
    let outcome = match is_unknown {
        true => UNKNOWN,
        false => REFUSED,
    };
    AppendPart {
        partition,
        outcome: outcome.to_owned(),
        count: count(records),
        start_sequence: None,
        code: Some(error.code.clone()),
        message: Some(error.message.clone()),
        conflict: error.conflict.clone(),
    }
}

/// The answer to an append all of whose `parts` were applied. Its start sequence says nothing, also if there is one part.
pub(in crate::http) fn all_applied(parts: Vec<AppendPart>) -> AppendResponse {
    AppendResponse {
        status: proto::SUCCESS.to_owned(),
        records_appended: parts.iter().map(|part| part.count).sum(),
        start_sequence: 0,
        duplicate: false,
        parts,
    }
}

/// What is answered of parts that were not all applied.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::http) enum Verdict {
    /// The answer of the part in this place, which says enough: what became of it is unknown, or no part was applied.
    As(usize),
    /// Some were applied, and the one in this place was refused.
    Partly(usize),
}

/// What is answered of `parts`, each with the status of its answer, unless all were applied. What is unknown comes first, because only that may
/// not simply be sent again; then, where nothing was applied, what is no fault of the request.
pub(in crate::http) fn verdict(parts: &[(AppendPart, StatusCode)]) -> Option<Verdict> {
    let place = |outcome: &str| parts.iter().position(|(part, _)| part.outcome == outcome);
    if let Some(unknown) = place(UNKNOWN) {
        return Some(Verdict::As(unknown));
    }
    let refused = parts.iter().enumerate();
    let refused = refused.filter(|(_, (part, _))| part.outcome == REFUSED);
    // The first one of the highest status.
    let worst = refused.rev().max_by_key(|(_, (_, status))| *status);
    let (worst, _) = worst?;
    Some(match place(APPLIED) {
        Some(_) => Verdict::Partly(worst),
        None => Verdict::As(worst),
    })
}

fn count(records: u64) -> i32 {
    i32::try_from(records).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(outcomes: &[(&str, u16)]) -> Vec<(AppendPart, StatusCode)> {
        let part = |(outcome, status): &(&str, u16)| {
            let part = AppendPart {
                outcome: (*outcome).to_owned(),
                ..AppendPart::default()
            };
            (part, StatusCode::from_u16(*status).expect("a status"))
        };
        outcomes.iter().map(part).collect()
    }

    #[test]
    fn the_answer_is_that_of_the_part_that_matters_most() {
        let (applied, unknown) = (("applied", 200), ("unknown", 504));
        let refused = |status| ("refused", status);
        for (outcomes, expected) in [
            (vec![applied, applied], None),
            (vec![applied, refused(503), unknown], Some(Verdict::As(2))),
            (
                vec![refused(409), refused(503), refused(503)],
                Some(Verdict::As(1)),
            ),
            (vec![refused(400), refused(409)], Some(Verdict::As(1))),
            (
                vec![refused(409), applied, refused(503)],
                Some(Verdict::Partly(2)),
            ),
        ] {
            assert_eq!(verdict(&parts(&outcomes)), expected, "{outcomes:?}");
        }
    }
}
