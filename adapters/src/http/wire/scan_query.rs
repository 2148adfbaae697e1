//! The parameters of a scan in a URL, for a node that answers it for all partitions.

use log_domain::{CursorName, Visibility};

use super::failure::Failure;
use super::json::ByteFormat;
use super::param::{self, Base64, Param, ParamValue, Params, Text};
use super::positions::{Order, Positions};
use super::route_table::PARTITION;
use super::scan_request::ScanRequest;
use super::selected::Selected;

/// The names of all of them.
pub(in crate::http) const NAMES: [&str; 20] = [
    "key",
    "key_base64",
    "start_seq",
    "end_seq",
    "limit",
    "follow",
    "timeout_ms",
    "start_time_ms",
    "visibility",
    "format",
    "last",
    "cursor",
    "prefix",
    "prefix_base64",
    "keys",
    "keys_base64",
    "at_least",
    "order",
    "positions",
    PARTITION,
];

/// What a query asks for. Parameters that are not known are refused.
pub(in crate::http) fn decode(query: &str) -> Result<ScanRequest, Failure> {
    param::refuse_unknown(query, &NAMES.map(str::to_owned))?;
    Ok(ScanRequest {
        selected: selected(query)?,
        start_seq: given(query, "start_seq")?,
        end_seq: given(query, "end_seq")?,
        limit: given(query, "limit")?,
        follow: given(query, "follow")?,
        timeout_ms: given(query, "timeout_ms")?,
        start_time_ms: given(query, "start_time_ms")?,
        visibility: given::<Visibility>(query, "visibility")?,
        format: given::<ByteFormat>(query, "format")?,
        cursor: given::<CursorName>(query, "cursor")?,
        last: given(query, "last")?,
        at_least: given(query, "at_least")?,
        order: given::<Order>(query, "order")?,
        positions: given::<Positions>(query, "positions")?.unwrap_or_default(),
    })
}

/// The keys that a query selects, in whatever parameters it names them.
pub(in crate::http) fn selected(query: &str) -> Result<Selected, Failure> {
    let text = |name| Param::<Option<Text>>::from_query(query, name, None);
    let base64 = |name| Param::<Option<Base64>>::from_query(query, name, None);
    Selected::of_query(
        (text("key")?, base64("key_base64")?),
        (
            Params::<Text>::from_query(query, "keys")?,
            Params::<Base64>::from_query(query, "keys_base64")?,
        ),
        (text("prefix")?, base64("prefix_base64")?),
    )
}

fn given<T: ParamValue>(query: &str, name: &str) -> Result<Option<T>, Failure> {
    Ok(Param::<Option<T>>::from_query(query, name, None)?.0)
}
