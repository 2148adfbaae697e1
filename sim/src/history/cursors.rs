//! Cursors: where they are moved to, and what consumers make of records.

use serde::Serialize;

/// A move of a cursor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Move {
    /// Its name.
    pub name: String,
    /// Where to.
    pub position: u64,
    /// Where it must be.
    pub expected: Option<u64>,
}

/// The cursor of those who consume the key of this number, and append what they make of it or do not.
pub fn cursor_of(key: usize, appends: bool) -> String {
    format!("{}{key}", if appends { 'c' } else { 'p' })
}

/// The number of the key that those consume who share a cursor, and whether they append.
pub fn consumed_by(cursor: &str) -> Option<(usize, bool)> {
    let (kind, key) = cursor.split_at_checked(1)?;
    Some((key.parse().ok()?, kind == "c"))
}

/// The value of what a consumer makes of a record: it has a `name` of its own, and says of which record it is, at which cursor.
pub fn made_of(name: &str, cursor: &str, sequence: u64) -> String {
    format!("{name}<{cursor}@{sequence}:")
}

/// The cursor and the sequence that a value says, if a consumer has made it.
pub fn origin_of(value: &str) -> Option<(&str, u64)> {
    let (_, rest) = value.split_once('<')?;
    let (cursor, rest) = rest.split_once('@')?;
    let (sequence, _) = rest.split_once(':')?;
    Some((cursor, sequence.parse().ok()?))
}
