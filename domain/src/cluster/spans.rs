//! What a request is about lies in one partition, or the request is refused.

use super::{Partition, Partitions};
use crate::{Append, Error, Result, Selection};

/// A name in a message is cut after so many characters.
const SHOWN: usize = 64;

impl Partitions {
    /// The partition of everything that `append` is about: keys of records and preconditions, and cursors.
    ///
    /// # Errors
    /// [`Error::SpansPartitions`], with two names in different partitions; [`Error::Invalid`] when it is about nothing.
    pub fn of_append(self, append: &Append) -> Result<Partition> {
        let records = append.batch().records().iter();
        let records = records.map(|record| record.key.as_ref());
        let preconditions = append.preconditions().iter();
        let preconditions = preconditions.map(|precondition| precondition.key.as_ref());
        let cursors = append.cursors().iter();
        let cursors = cursors.map(|moved| moved.name.as_str().as_bytes());
        let named = self.of_all(records.chain(preconditions).chain(cursors))?;
        named.ok_or_else(|| Error::invalid("the append has neither records nor cursors"))
    }

    /// The partition of everything that is selected, if there is one: a prefix without a tag is in all of them.
    ///
    /// # Errors
    /// As [`Partitions::of_append`].
    pub fn of_selection(self, selection: &Selection) -> Result<Option<Partition>> {
        match selection {
            Selection::Key(key) => Ok(Some(self.of_key(key))),
            Selection::Keys(keys) => self.of_all(keys.all().iter().map(AsRef::as_ref)),
            Selection::Prefix(prefix) => Ok(self.of_prefix(prefix)),
        }
    }

    /// The partition of all `names`, if there are any.
    fn of_all<'a>(self, names: impl IntoIterator<Item = &'a [u8]>) -> Result<Option<Partition>> {
        let mut names = names.into_iter();
        let Some(first) = names.next() else {
            return Ok(None);
        };
        let partition = self.of_name(first);
        // Records of one key often follow each other.
        let mut last = first;
        for name in names {
            if name != last && self.of_name(name) != partition {
                return Err(Error::SpansPartitions {
                    one: shown(first),
                    other: shown(name),
                });
            }
            last = name;
        }
        Ok(Some(partition))
    }
}

/// A name for a message.
pub(super) fn shown(name: &[u8]) -> String {
    let mut shown: String = name.escape_ascii().take(SHOWN).map(char::from).collect();
    if shown.len() < name.escape_ascii().count() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::{Batch, CursorMove, CursorName, Key, Limits, Precondition, Record};

    fn partitions() -> Partitions {
        Partitions::new(64).expect("in range")
    }

    fn key(name: &str) -> Key {
        Key::stored(Bytes::copy_from_slice(name.as_bytes()))
    }

    fn append(keys: &[&str]) -> Append {
        let limits = Limits::default();
        let records = keys.iter().map(|name| {
            let name = Bytes::copy_from_slice(name.as_bytes());
            Record::parse(name, Bytes::new(), &limits).expect("a record")
        });
        let batch = Batch::new(records.collect(), &limits).expect("a batch");
        Append::new(batch, Vec::new(), None).expect("an append")
    }

    fn refusal<T: std::fmt::Debug>(refused: Result<T>) -> String {
        let error = refused.expect_err("refused");
        assert!(matches!(error, Error::SpansPartitions { .. }), "{error:?}");
        error.to_string()
    }

    #[test]
    fn an_append_whose_names_share_a_tag_is_in_the_partition_of_the_tag() {
        let partitions = partitions();
        let of_tag = partitions.of_key(&key("42"));
        let append = append(&["a/{42}", "{42}", "b{42}c"]);
        assert_eq!(partitions.of_append(&append).expect("in one"), of_tag);
    }

    #[test]
    fn an_append_in_two_partitions_is_refused_with_two_names() {
        let refused = refusal(partitions().of_append(&append(&["a", "a", "orders/1"])));
        assert!(refused.contains("\"a\" and \"orders/1\""), "{refused}");
    }

    #[test]
    fn preconditions_and_cursors_count_too() {
        let precondition = Precondition {
            key: key("orders/1"),
            no_record_since: 0.into(),
        };
        let batch = append(&["a"]).batch().clone();
        let with = Append::new(batch, vec![precondition], None).expect("an append");
        refusal(partitions().of_append(&with));
        let moved = CursorMove {
            name: CursorName::parse("orders/1").expect("a name"),
            position: 0.into(),
            expected: None,
        };
        let with = append(&["a"]).with_cursors(vec![moved]).expect("an append");
        refusal(partitions().of_append(&with));
    }

    #[test]
    fn a_selection_is_in_one_partition_or_it_is_a_prefix_of_all() {
        let partitions = partitions();
        let of = |selection| partitions.of_selection(&selection);
        let keys = |names: [&str; 2]| Selection::keys(names.map(key).to_vec()).expect("keys");
        let prefix = |text: &'static str| Selection::Prefix(Bytes::from_static(text.as_bytes()));
        let of_tag = Some(partitions.of_key(&key("42")));
        assert_eq!(of(Selection::Key(key("{42}/a"))).expect("in one"), of_tag);
        assert_eq!(of(keys(["{42}/a", "{42}/b"])).expect("in one"), of_tag);
        refusal(of(keys(["a", "orders/1"])));
        assert_eq!(of(prefix("{42}/")).expect("in one"), of_tag);
        assert_eq!(of(prefix("orders/")).expect("in all"), None);
    }

    #[test]
    fn long_names_are_cut() {
        let long = shown(&[b'x'; 100]);
        assert_eq!(long, format!("{}…", "x".repeat(SHOWN)));
        assert_eq!(shown(b"\xff"), "\\xff");
    }
}
