//! Cursors: named positions in the log that survive the consumers that use them.
//!
//! A cursor says how far a consumer has got: everything below its position is processed. A move can be tied to records of the same
//! append, so that results and position change together, and to the position before, so that of two consumers only one goes on.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use crate::{Error, Result, Sequence};

/// Length of a cursor's name, in bytes.
pub const MAX_NAME_BYTES: usize = 256;

/// Moves of cursors of one append, at most.
pub const MAX_MOVES: usize = 100;

/// The name of a cursor: 1 to 256 bytes of UTF-8 without control characters, and neither `.` nor `..`.
///
/// A name is a segment of a URL, where `.` and `..` have a meaning of their own, a label of a metric and a word in lines of logs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CursorName(Arc<str>);

impl CursorName {
    /// Checks a name.
    ///
    /// # Errors
    /// [`Error::TooLarge`] when it is longer than 256 bytes, else [`Error::Invalid`].
    pub fn parse(name: &str) -> Result<Self> {
        if name.is_empty() {
            return Err(Error::invalid("the name of a cursor must not be empty"));
        }
        if name.len() > MAX_NAME_BYTES {
            return Err(Error::TooLarge {
                what: "name of the cursor in bytes",
                actual: name.len() as u64,
                limit: MAX_NAME_BYTES as u64,
            });
        }
        if name.chars().any(char::is_control) {
            return Err(Error::invalid(
                "the name of a cursor must not have control characters",
            ));
        }
        if matches!(name, "." | "..") {
            return Err(Error::invalid(
                "the name of a cursor must not be . or .., which are not names in a URL",
            ));
        }
        Ok(Self(name.into()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Names are in the order of their bytes, as texts are.
impl Borrow<str> for CursorName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CursorName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A named position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// Its name.
    pub name: CursorName,
    /// The sequence to read next: at most the tip.
    pub position: Sequence,
    /// When it was moved last (Unix ms).
    pub updated_ms: i64,
}

/// A move of a cursor, forward or back. It creates the cursor if there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CursorMove {
    /// The cursor.
    pub name: CursorName,
    /// Where to: at most the tip, with the records that are appended together with the move.
    pub position: Sequence,
    /// Where the cursor must be now. One that does not exist is at 0.
    pub expected: Option<Sequence>,
}

/// A command about one cursor that is not part of an append.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CursorCommand {
    /// Move it.
    Move(CursorMove),
    /// Delete it, if it exists.
    Delete(CursorName),
}

impl CursorCommand {
    /// The cursor.
    pub fn name(&self) -> &CursorName {
        match self {
            Self::Move(wanted) => &wanted.name,
            Self::Delete(name) => name,
        }
    }
}

/// Which cursors to list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CursorsQuery {
    /// Only names that begin with this.
    pub prefix: String,
    /// Only names after this one, in byte order.
    pub start_after: Option<String>,
    /// Number of cursors, at least 1.
    pub limit: usize,
}

impl CursorsQuery {
    /// The page of `cursors`, which come in the order of their names, none before the prefix or at or before `start_after`.
    pub fn page(&self, cursors: impl IntoIterator<Item = Cursor>) -> CursorsPage {
        let matching = cursors.into_iter();
        let mut matching =
            matching.take_while(|cursor| cursor.name.as_str().starts_with(&self.prefix));
        let page: Vec<Cursor> = matching.by_ref().take(self.limit).collect();
        let next_start_after = match matching.next() {
            Some(_) => page.last().map(|last| last.name.clone()),
            None => None,
        };
        CursorsPage {
            cursors: page,
            next_start_after,
        }
    }
}

/// A page of cursors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CursorsPage {
    /// In byte order of their names.
    pub cursors: Vec<Cursor>,
    /// The `start_after` of the next page; `None` if there are no more.
    pub next_start_after: Option<CursorName>,
}

/// The refusal of a position beyond the end of the log, with the records of the append that has the move.
pub(crate) fn beyond(wanted: &CursorMove, end: Sequence) -> Error {
    Error::invalid(format!(
        "position ({}) of cursor {:?} must not be beyond the end of the log, {end}: send at most {end}",
        wanted.position,
        wanted.name.as_str()
    ))
}

/// The refusal of a cursor that there is no room for.
pub(crate) fn full(limit: usize) -> Error {
    Error::Full(format!(
        "there is no room for another cursor (limit {limit}): delete cursors that are not needed any more, or raise limits.cursors"
    ))
}

/// Refuses moves that are too many, and two of the same cursor.
///
/// # Errors
/// [`Error::TooLarge`] or [`Error::Invalid`].
pub(crate) fn check_moves(moves: &[CursorMove]) -> Result<()> {
    if moves.len() > MAX_MOVES {
        return Err(Error::TooLarge {
            what: "number of cursors",
            actual: moves.len() as u64,
            limit: MAX_MOVES as u64,
        });
    }
    for (index, wanted) in moves.iter().enumerate() {
        if moves[..index].iter().any(|other| other.name == wanted.name) {
            let name = wanted.name.as_str();
            return Err(Error::invalid(format!(
                "cursor {name:?} is moved twice: send each cursor once"
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> Cursor {
        Cursor {
            name: CursorName::parse(name).expect("a name"),
            position: Sequence::ZERO,
            updated_ms: 0,
        }
    }

    #[test]
    fn names_have_limits() {
        for name in ["a", "orders/\u{e9} projection", "...", &"a".repeat(256)] {
            assert!(CursorName::parse(name).is_ok(), "{name}");
        }
        for name in ["", ".", "..", "a\nb", "\u{7f}", "\u{85}"] {
            let refused = CursorName::parse(name);
            assert!(matches!(refused, Err(Error::Invalid(_))), "{name:?}");
        }
        let refused = CursorName::parse(&"a".repeat(257));
        assert!(matches!(refused, Err(Error::TooLarge { .. })));
    }

    #[test]
    fn a_page_ends_at_its_limit_or_its_prefix_and_says_whether_there_is_more() {
        let page = |names: &[&str], limit: usize| {
            let query = CursorsQuery {
                prefix: "a".into(),
                start_after: None,
                limit,
            };
            let page = query.page(names.iter().map(|name| named(name)));
            let next = page.next_start_after.map(|name| name.to_string());
            (page.cursors.len(), next)
        };
        assert_eq!(page(&["a", "ab", "ac"], 2), (2, Some("ab".to_owned())));
        assert_eq!(page(&["a", "ab", "b"], 2), (2, None));
        assert_eq!(page(&["a", "b"], 2), (1, None));
        assert_eq!(page(&[], 2), (0, None));
    }

    #[test]
    fn an_append_moves_each_cursor_once_and_not_too_many() {
        let to = |name: &str| CursorMove {
            name: CursorName::parse(name).expect("a name"),
            position: Sequence::ZERO,
            expected: None,
        };
        assert!(check_moves(&[to("a"), to("b")]).is_ok());
        let twice = check_moves(&[to("a"), to("b"), to("a")]);
        assert!(matches!(twice, Err(Error::Invalid(_))));
        let many: Vec<_> = (0..=MAX_MOVES).map(|n| to(&n.to_string())).collect();
        assert!(check_moves(&many[1..]).is_ok());
        assert!(matches!(check_moves(&many), Err(Error::TooLarge { .. })));
    }
}
