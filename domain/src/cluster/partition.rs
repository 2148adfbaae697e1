//! Which partition a key belongs to.
//!
//! Clients compute it too, so it is part of the wire contract: `XXH3` with 64 bits and seed 0 ([specification]) of the key's tag, modulo
//! the number of partitions. Test vectors are in `docs/cluster.md` and in the tests below.
//!
//! [specification]: https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md

use std::fmt;
use std::num::NonZeroU32;

use twox_hash::XxHash3_64;

use crate::{CursorName, Error, Key, Result};

/// The most partitions that a cluster can have.
pub const MAX_PARTITIONS: u32 = 4_096;

/// A partition of a cluster, which is a log of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partition(u32);

impl Partition {
    /// The first one, which is the only one of a log that is not clustered.
    pub const FIRST: Self = Self(0);

    /// Its number, from 0 on.
    pub const fn number(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How many partitions a cluster has: 1 to 4,096. It never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Partitions(NonZeroU32);

impl Partitions {
    /// That of a log that is not clustered.
    pub const ONE: Self = Self(NonZeroU32::MIN);

    /// Checks a number.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it is 0 or more than 4,096.
    pub fn new(number: u32) -> Result<Self> {
        let number = NonZeroU32::new(number).filter(|number| number.get() <= MAX_PARTITIONS);
        let refused = || Error::invalid(format!("a cluster has 1 to {MAX_PARTITIONS} partitions"));
        number.map(Self).ok_or_else(refused)
    }

    /// The number.
    pub const fn number(self) -> u32 {
        self.0.get()
    }

    /// All of them.
    pub fn all(self) -> impl ExactSizeIterator<Item = Partition> {
        (0..self.number()).map(Partition)
    }

    /// The one with this number, if there is one.
    pub fn get(self, number: u32) -> Option<Partition> {
        (number < self.number()).then_some(Partition(number))
    }

    /// That of a key.
    pub fn of_key(self, key: &Key) -> Partition {
        self.of_name(key.as_bytes())
    }

    /// That of a cursor.
    pub fn of_cursor(self, name: &CursorName) -> Partition {
        self.of_name(name.as_str().as_bytes())
    }

    /// That of all keys with a prefix, if they are in one: the prefix must have a whole tag.
    pub fn of_prefix(self, prefix: &[u8]) -> Option<Partition> {
        tag(prefix).map(|tag| self.of_tag(tag))
    }

    /// That of a key or a cursor with this name.
    pub(super) fn of_name(self, name: &[u8]) -> Partition {
        self.of_tag(tag(name).unwrap_or(name))
    }

    fn of_tag(self, tag: &[u8]) -> Partition {
        let remainder = XxHash3_64::oneshot(tag) % u64::from(self.number());
        Partition(u32::try_from(remainder).unwrap_or_default())
    }
}

/// The bytes between the first `{` and the next `}`, unless there are none.
fn tag(name: &[u8]) -> Option<&[u8]> {
    let begin = name.iter().position(|byte| *byte == b'{')? + 1;
    let length = name[begin..].iter().position(|byte| *byte == b'}')?;
    (length > 0).then(|| &name[begin..begin + length])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn partitions(number: u32) -> Partitions {
        Partitions::new(number).expect("in range")
    }

    #[test]
    fn a_tag_is_between_the_first_brace_and_the_next() {
        let cases: [(&[u8], Option<&[u8]>); 9] = [
            (b"orders/{42}/lines", Some(b"42")),
            (b"{42}", Some(b"42")),
            (b"a{b{c}d}", Some(b"b{c")),
            (b"}{x}", Some(b"x")),
            (b"{}", None),
            (b"a{}b{c}", None),
            (b"{open", None),
            (b"plain", None),
            (b"", None),
        ];
        for (name, expected) in cases {
            assert_eq!(tag(name), expected, "{name:?}");
        }
    }

    /// These numbers are promised: data is filed by them.
    #[test]
    fn keys_stay_in_their_partitions() {
        let all = partitions(64);
        for (key, number) in [
            ("", 2),
            ("a", 31),
            ("orders/1", 43),
            ("{42}", 17),
            ("orders/{42}/lines", 17),
            ("42", 17),
            ("mailbox/\u{e9}", 10),
        ] {
            assert_eq!(all.of_name(key.as_bytes()).number(), number, "{key:?}");
        }
        assert_eq!(
            all.of_prefix(b"orders/{42}").map(Partition::number),
            Some(17)
        );
        assert_eq!(all.of_prefix(b"orders/{42"), None);
        assert_eq!(all.of_prefix(b"orders/"), None);
    }

    #[test]
    fn a_cluster_has_at_least_one_partition_and_not_too_many() {
        assert!(Partitions::new(0).is_err() && Partitions::new(MAX_PARTITIONS + 1).is_err());
        assert_eq!(
            partitions(3)
                .all()
                .map(Partition::number)
                .collect::<Vec<_>>(),
            [0, 1, 2]
        );
        assert_eq!(partitions(3).get(2), Some(Partition(2)));
        assert_eq!(partitions(3).get(3), None);
    }

    proptest! {
        #[test]
        fn every_name_with_a_tag_is_where_the_tag_is(
            number in 1..=MAX_PARTITIONS,
            before in "[^{]{0,9}",
            tag in "[^}]{1,9}",
            after in ".{0,9}",
        ) {
            let all = partitions(number);
            let whole = format!("{before}{{{tag}}}{after}");
            let of_whole = all.of_name(whole.as_bytes());
            prop_assert!(of_whole.number() < number);
            prop_assert_eq!(of_whole, all.of_tag(tag.as_bytes()));
            prop_assert_eq!(Some(of_whole), all.of_prefix(whole.as_bytes()));
        }
    }
}
