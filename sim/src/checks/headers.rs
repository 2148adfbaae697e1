//! Record headers.

use super::View;
use super::durability::brief;
use crate::history::{Seen, headers_of};

pub(super) fn headers(view: &View<'_>) -> Vec<String> {
    let pages = view.history.pages();
    let pages = pages.flat_map(|(operation, _, values, _)| {
        values
            .iter()
            .map(move |seen| (format!("#{}", operation.id), seen))
    });
    let last = view.log.records.values().flatten();
    let last = last.map(|seen| ("the final reader".to_owned(), seen));
    pages.chain(last).filter_map(wrong).collect()
}

fn wrong((who, seen): (String, &Seen)) -> Option<String> {
    let own = headers_of(&seen.value);
    (seen.headers != own).then(|| {
        let Seen {
            sequence, headers, ..
        } = seen;
        let value = brief(&seen.value);
        format!(
            "{who} saw {value} as {sequence} with the headers {headers:?}, and its own are {own:?}"
        )
    })
}
