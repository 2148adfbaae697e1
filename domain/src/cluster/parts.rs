//! An append that need not be atomic is split into one part for each partition.

use std::collections::BTreeMap;

use super::spans::shown;
use super::{Partition, Partitions};
use crate::{Append, CursorMove, Error, Precondition, Record, Result};

/// What goes to one partition.
type Contents = (Vec<Record>, Vec<Precondition>, Vec<CursorMove>);

impl Partitions {
    /// Splits `append` into one append for each partition that it has records in, in the order of the partitions. Records keep their order
    /// within a partition. Each precondition and each cursor is in the part of its partition.
    ///
    /// # Errors
    /// As [`Append::check_splittable`], and [`Error::Invalid`] when a precondition or a cursor is in a partition that the append has no records in.
    pub fn split(self, append: Append) -> Result<Vec<(Partition, Append)>> {
        append.check_splittable()?;
        let (records, preconditions, cursors) = append.into_contents();
        let mut parts: BTreeMap<Partition, Contents> = BTreeMap::new();
        // Records of one key often follow each other.
        let mut last = None;
        for record in records {
            let partition = match &last {
                Some((key, partition)) if *key == record.key => *partition,
                _ => self.of_key(&record.key),
            };
            last = Some((record.key.clone(), partition));
            parts.entry(partition).or_default().0.push(record);
        }
        for precondition in preconditions {
            let partition = self.of_key(&precondition.key);
            let part = parts.get_mut(&partition).ok_or_else(|| {
                without_records(
                    "the precondition on key",
                    precondition.key.as_bytes(),
                    partition,
                )
            })?;
            part.1.push(precondition);
        }
        for moved in cursors {
            let partition = self.of_cursor(&moved.name);
            let name = moved.name.as_str().as_bytes();
            let part = parts
                .get_mut(&partition)
                .ok_or_else(|| without_records("the cursor", name, partition))?;
            part.2.push(moved);
        }
        let parts = parts.into_iter();
        Ok(parts
            .map(|(partition, contents)| (partition, Append::of_contents(contents)))
            .collect())
    }
}

impl Append {
    /// Checks that it can be split.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it has a producer, which numbers its requests in one partition.
    pub fn check_splittable(&self) -> Result<()> {
        if self.producer().is_none() {
            return Ok(());
        }
        Err(Error::invalid(
            "atomic is false, and the append has a producer, which numbers its requests in one partition: send it without the producer, or with \
             the records of one partition and without atomic",
        ))
    }
}

fn without_records(what: &str, name: &[u8], partition: Partition) -> Error {
    Error::invalid(format!(
        "{what} \"{}\" is in partition {partition}, where this append has no records; with atomic: false each partition is an append of its own. \
         Nothing was applied",
        shown(name)
    ))
}

#[cfg(test)]
mod tests {
    use std::slice::from_ref;

    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::{Batch, CursorName, Key, Limits, Producer};

    fn key(name: &str) -> Key {
        Key::stored(Bytes::copy_from_slice(name.as_bytes()))
    }

    fn append(keys: &[String]) -> Append {
        let limits = Limits::default();
        let records = keys.iter().enumerate().map(|(place, name)| {
            let value = Bytes::from(place.to_string());
            Record::parse(Bytes::copy_from_slice(name.as_bytes()), value, &limits)
                .expect("a record")
        });
        let batch = Batch::new(records.collect(), &limits).expect("a batch");
        Append::new(batch, Vec::new(), None).expect("an append")
    }

    fn with(keys: &[String], preconditions: &[String], cursors: &[String]) -> Append {
        let preconditions = preconditions.iter().map(|name| Precondition {
            key: key(name),
            no_record_since: 0.into(),
        });
        let cursors = cursors.iter().map(|name| CursorMove {
            name: CursorName::parse(name).expect("a name"),
            position: 0.into(),
            expected: None,
        });
        let batch = append(keys).batch().clone();
        let append = Append::new(batch, preconditions.collect(), None).expect("an append");
        append.with_cursors(cursors.collect()).expect("cursors")
    }

    fn partitions(number: u32) -> Partitions {
        Partitions::new(number).expect("in range")
    }

    #[test]
    fn a_part_has_the_records_preconditions_and_cursors_of_its_partition() {
        let [a, orders] = ["a", "orders/1"].map(str::to_owned);
        let keys = [a.clone(), orders.clone(), "{a}/b".to_owned()];
        let whole = with(&keys, from_ref(&orders), from_ref(&a));
        let parts = partitions(64).split(whole).expect("parts");
        let numbers: Vec<u32> = parts
            .iter()
            .map(|(partition, _)| partition.number())
            .collect();
        assert_eq!(numbers, [31, 43]);
        let (of_a, of_orders) = (&parts[0].1, &parts[1].1);
        assert_eq!((of_a.preconditions().len(), of_a.cursors().len()), (0, 1));
        assert_eq!(
            (of_orders.preconditions().len(), of_orders.cursors().len()),
            (1, 0)
        );
        assert_eq!(of_a.batch().count(), 2);
    }

    #[test]
    fn what_has_no_records_beside_it_is_refused_by_its_name() {
        let a = ["a".to_owned()];
        let orders = ["orders/1".to_owned()];
        for (whole, what) in [
            (
                with(&a, &orders, &[]),
                "the precondition on key \"orders/1\"",
            ),
            (with(&a, &[], &orders), "the cursor \"orders/1\""),
        ] {
            let refused = partitions(64)
                .split(whole)
                .expect_err("refused")
                .to_string();
            assert!(refused.contains(what), "{refused}");
            assert!(refused.contains("partition 43"), "{refused}");
        }
    }

    #[test]
    fn a_producer_is_refused() {
        let producer = Producer::parse("p", 0, 0).expect("a producer");
        let batch = append(&["a".to_owned()]).batch().clone();
        let of_producer = Append::new(batch, Vec::new(), Some(producer)).expect("an append");
        let refused = Partitions::ONE.split(of_producer).expect_err("refused");
        assert!(refused.to_string().contains("producer"), "{refused}");
    }

    proptest! {
        #[test]
        fn parts_are_disjoint_complete_in_order_and_each_of_one_partition(
            number in 1..=70_u32,
            keys in proptest::collection::vec("[a-c{}]{1,3}", 1..40),
            of_conditions in proptest::collection::vec(any::<prop::sample::Index>(), 0..5),
        ) {
            let all = partitions(number);
            let named: Vec<String> = of_conditions.iter().map(|at| at.get(&keys).clone()).collect();
            let whole = with(&keys, &named, &[]);
            let (count, bytes) = (whole.batch().count(), whole.batch().bytes());
            let parts = all.split(whole).expect("parts");
            prop_assert!(parts.is_sorted_by(|one, next| one.0 < next.0));
            for (partition, part) in &parts {
                prop_assert_eq!(all.of_append(part).expect("of one"), *partition);
                prop_assert!(part.producer().is_none());
            }
            let place = |record: &Record| -> usize {
                String::from_utf8_lossy(&record.value).parse().expect("a place")
            };
            let mut places = Vec::new();
            for (_, part) in &parts {
                let of_part: Vec<usize> = part.batch().records().iter().map(place).collect();
                prop_assert!(of_part.is_sorted_by(|one, next| one < next));
                for (at, record) in of_part.iter().zip(part.batch().records()) {
                    prop_assert_eq!(&record.key, &key(&keys[*at]));
                }
                places.extend(of_part);
            }
            places.sort_unstable();
            prop_assert_eq!(places, (0..keys.len()).collect::<Vec<_>>());
            let counts = parts.iter().map(|(_, part)| part.batch().count());
            prop_assert_eq!(counts.sum::<u64>(), count);
            prop_assert_eq!(parts.iter().map(|(_, part)| part.batch().bytes()).sum::<u64>(), bytes);
            let mut conditions: Vec<String> = parts
                .iter()
                .flat_map(|(_, part)| part.preconditions())
                .map(|condition| String::from_utf8_lossy(condition.key.as_bytes()).into_owned())
                .collect();
            let mut named = named;
            conditions.sort_unstable();
            named.sort_unstable();
            prop_assert_eq!(conditions, named);
        }
    }
}
