//! The keys of a run.

/// Keys that consumers process: the first ones. What they make of the records goes to a key that is not.
pub const CONSUMED: usize = 3;

/// The number of the key that it goes to.
pub const RESULTS: usize = 5;

/// The keys of a run. Some are the beginning of others, and one holds the bytes that a terminator is made of.
pub fn key(number: usize) -> String {
    match number {
        0 => "a".into(),
        1 => "ab".into(),
        2 => "a\0".into(),
        3 => "a\0\u{1}b".into(),
        4 => "\u{7f}".into(),
        _ => format!("k{number}"),
    }
}
