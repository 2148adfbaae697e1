//! Scans with `order=none`: what they can ask for, and one of a single log.

use log_domain::cluster::rounds::Position;
use log_domain::cluster::{Partition, Partitions};
use log_domain::{Page, Sequence};

use crate::http::wire::failure::Failure;
use crate::http::wire::positions::Order;
use crate::http::wire::scan_request::ScanRequest;

/// Where such a scan begins in the partition that it is of.
#[derive(Debug, Clone, Copy)]
pub(in crate::http) struct Start {
    partition: Partition,
    pub(in crate::http) next: Sequence,
}

/// Where `request` begins in the partition that this log is, if it has `order=none`.
///
/// # Errors
/// As [`positions`]; and when it has positions in other partitions, or several.
pub(in crate::http) fn start(
    request: &ScanRequest,
    (partition, of): (Partition, Partitions),
) -> Result<Option<Start>, Failure> {
    let Some(positions) = positions(request, of)? else {
        return Ok(None);
    };
    let next = match positions[..] {
        [] => Sequence::ZERO,
        [(only, next)] if only == partition => next,
        _ => {
            let why = format!("this request reads partition {partition}, and no other");
            return Err(Failure::invalid(why).of("positions"));
        }
    };
    Ok(Some(Start { partition, next }))
}

impl Start {
    /// What is answered of a page that was read from here, and where it continues.
    pub(in crate::http) fn answered(self, page: Page) -> (Page, Vec<Position>) {
        let position = Position {
            partition: self.partition,
            next: page.next,
            trimmed_before: page.trimmed_before,
        };
        let page = Page {
            next: Sequence::ZERO,
            more: !page.complete,
            trimmed_before: None,
            ..page
        };
        (page, vec![position])
    }
}

/// The positions of `request`, if it has `order=none`, in a log of these partitions.
///
/// # Errors
/// When it has something that is about one partition, or no prefix; when it has a position of a partition that there is not, or positions without
/// `order=none`.
pub(in crate::http) fn positions(
    request: &ScanRequest,
    partitions: Partitions,
) -> Result<Option<Vec<(Partition, Sequence)>>, Failure> {
    let positions = &request.positions.0;
    if request.order.unwrap_or_default() == Order::Sequence {
        return match positions.is_empty() {
            true => Ok(None),
            false => Err(Failure::invalid("only with order=none").of("positions")),
        };
    }
    // Generated clients send parameters that they were not given with their default.
    let selected = &request.selected;
    let others = [
        (selected.key.is_some(), "key"),
        (!selected.keys.is_empty(), "keys"),
        (request.start_seq.unwrap_or_default() != 0, "start_seq"),
        (request.end_seq.is_some(), "end_seq"),
        (request.cursor.is_some(), "cursor"),
        (request.last.is_some(), "last"),
        (request.at_least.is_some(), "at_least"),
    ];
    if let Some((_, other)) = others.iter().find(|(is_given, _)| *is_given) {
        return Err(Failure::invalid(format!(
            "order=none and {other} exclude each other: it reads by prefix, and each partition from its position in positions"
        )));
    }
    if request.follow.unwrap_or_default() {
        return Err(Failure::invalid(
            "order=none and follow exclude each other: follow each partition by itself, with partition=i and without order=none",
        ));
    }
    if selected.prefix.is_none() {
        return Err(Failure::invalid(
            "missing: order=none reads by prefix; it is empty for all keys",
        )
        .of("prefix"));
    }
    let positions = positions.iter().map(|(number, next)| {
        let partition = partitions.get(*number).ok_or_else(|| {
            let last = partitions.number() - 1;
            let why = format!("{number} is not a partition of this log, 0 to {last}");
            Failure::invalid(why).of("positions")
        });
        Ok((partition?, Sequence::new(*next)))
    });
    positions.collect::<Result<_, _>>().map(Some)
}

/// Refuses what only scans have: a stream of all partitions in no order.
///
/// # Errors
/// When `request` has an order or positions.
pub(in crate::http) fn refuse_for_stream(request: &ScanRequest) -> Result<(), Failure> {
    match request.order == Some(Order::None) || !request.positions.0.is_empty() {
        true => Err(Failure::invalid(
            "order=none and positions are of scans: follow each partition by itself, with partition=i",
        )),
        false => Ok(()),
    }
}
