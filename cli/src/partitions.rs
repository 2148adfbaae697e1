//! Which partitions of a cluster a command is about.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use clap::Args;
use opendata_log::{LogClient, partition_of, partition_of_prefix};

use crate::arguments::Keys;
use crate::connection::Server;
use crate::exit::{Failure, Outcome};

/// A partition, if one is named.
#[derive(Debug, Args)]
pub(crate) struct PartitionArg {
    /// In a cluster, only this partition. They are numbered from 0; `status` lists them.
    #[arg(long, value_name = "N")]
    partition: Option<u32>,
}

impl PartitionArg {
    /// A client for it.
    pub(crate) fn of(&self, client: &LogClient) -> LogClient {
        self.partition
            .map_or_else(|| client.clone(), |number| client.of_partition(number))
    }

    /// For a question, before the name of the log; nothing if none is named.
    pub(crate) fn shown(&self) -> String {
        self.partition
            .map_or_else(String::new, |number| format!("partition {number} of "))
    }

    /// What is read of `keys`: they are in one partition, which may have been named, or in all. A log that is not clustered has one.
    ///
    /// # Errors
    /// When the keys have a partition, and another one may be meant; when the server does not tell its partitions.
    pub(crate) async fn parts(&self, server: &Server, keys: &Keys) -> Outcome<Parts> {
        let has_its_own = match keys {
            Keys::One(_) => true,
            Keys::Prefix(prefix) => partition_of_prefix(prefix, NonZeroU32::MIN).is_some(),
        };
        match self.partition {
            Some(_) if has_its_own => Err(Failure::usage(
                "a key, and a prefix with a whole tag such as {42}/, is in one partition: leave --partition out",
            )),
            Some(number) => Ok(Parts(vec![Part {
                number: Some(number),
                is_one_of_several: false,
            }])),
            None if has_its_own => Ok(Parts::whole()),
            None => {
                let known = server.within(server.client.cluster()).await?;
                let numbers = known.partitions.iter().map(|each| each.partition);
                Ok(match known.partitions.len() {
                    0 | 1 => Parts::whole(),
                    _ => Parts(numbers.map(Part::one_of_several).collect()),
                })
            }
        }
    }
}

/// A part of the log that has an order of its own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part {
    /// The partition that requests name.
    number: Option<u32>,
    is_one_of_several: bool,
}

impl Part {
    fn one_of_several(number: u32) -> Self {
        Self {
            number: Some(number),
            is_one_of_several: true,
        }
    }

    /// A client for it.
    pub(crate) fn of(self, client: &LogClient) -> LogClient {
        self.number
            .map_or_else(|| client.clone(), |number| client.of_partition(number))
    }

    /// Its number, where records of several partitions are told apart.
    pub(crate) fn shown(self) -> Option<u32> {
        self.number.filter(|_| self.is_one_of_several)
    }

    /// What is said of records that were to be read and are no longer there.
    pub(crate) fn trimmed(self, floor: u64) -> String {
        let of = self
            .shown()
            .map_or_else(String::new, |number| format!("of partition {number} "));
        format!("records {of}below sequence {floor} were trimmed or deleted")
    }
}

/// What is read, in order. There is at least one.
#[derive(Debug)]
pub(crate) struct Parts(Vec<Part>);

impl Parts {
    /// The whole log, or keys that are in one partition.
    fn whole() -> Self {
        Self(vec![Part {
            number: None,
            is_one_of_several: false,
        }])
    }

    pub(crate) fn all(&self) -> &[Part] {
        &self.0
    }

    /// Whether there are several, each with sequences of its own.
    pub(crate) fn are_several(&self) -> bool {
        self.0.len() > 1
    }

    /// Refuses a sequence that is given with `option`, and another one than 0, if there are several partitions.
    ///
    /// # Errors
    /// When there are several.
    pub(crate) fn take_sequence(&self, option: &str, sequence: Option<u64>) -> Outcome {
        match sequence {
            Some(1..) if self.are_several() => Err(Failure::usage(format!(
                "{option} is a sequence, and each partition of a cluster has its own: give --partition, too, or a key, or a prefix with a whole tag \
                 such as {{42}}/"
            ))),
            _ => Ok(()),
        }
    }

    /// The place among all of the partition that a key is in.
    pub(crate) fn place_of(&self, key: &[u8]) -> usize {
        let number = u32::try_from(self.0.len()).ok().and_then(NonZeroU32::new);
        let of = number.map_or(0, |number| partition_of(key, number));
        self.0
            .iter()
            .position(|part| part.shown() == Some(of))
            .unwrap_or(0)
    }

    /// The options of a command that continues at the place `at`, with the sequence `next` of it.
    pub(crate) fn options_from(&self, at: usize, next: u64) -> Vec<String> {
        let mut options = Vec::new();
        if let Some(number) = self.0.get(at).and_then(|part| part.shown()) {
            options.extend(["--partition".to_owned(), number.to_string()]);
        }
        options.extend(["--from".to_owned(), next.to_string()]);
        options
    }

    /// What is said behind such a command: the partitions that follow.
    pub(crate) fn after(&self, at: usize) -> String {
        let rest = self.0.get(at + 1..).unwrap_or_default();
        match (rest.first(), rest.last()) {
            (Some(first), Some(last)) => format!(
                ", and then the same for each of the partitions {} to {}, with --partition and without --from",
                first.number.unwrap_or(0),
                last.number.unwrap_or(0)
            ),
            _ => String::new(),
        }
    }
}

/// Where a tail begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Start {
    /// At this sequence.
    At(u64),
    /// At a sequence of each partition.
    Each(BTreeMap<u32, u64>),
}

impl Start {
    /// Reads `12`, or `0:12,1:40`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        const WRONG: &str =
            "write a sequence such as 12, or one for each partition such as 0:12,1:40";
        if let Ok(sequence) = text.parse() {
            return Ok(Self::At(sequence));
        }
        let mut each = BTreeMap::new();
        for pair in text.split(',') {
            let pair = pair.split_once(':');
            let pair = pair.and_then(|(of, at)| Some((of.parse().ok()?, at.parse().ok()?)));
            let (partition, sequence) = pair.ok_or(WRONG)?;
            if each.insert(partition, sequence).is_some() {
                return Err(format!("partition {partition} is there twice: {WRONG}"));
            }
        }
        Ok(Self::Each(each))
    }

    /// Where it begins in each of `parts`; `None` where nothing is said.
    ///
    /// # Errors
    /// When it is for a log of another kind.
    pub(crate) fn of(&self, parts: &Parts) -> Outcome<Vec<Option<u64>>> {
        let each = match self {
            Self::At(sequence) => {
                parts.take_sequence("--from", Some(*sequence))?;
                return Ok(vec![Some(*sequence); parts.all().len()]);
            }
            Self::Each(each) => each,
        };
        let numbers: Vec<Option<u32>> = parts.all().iter().map(|part| part.shown()).collect();
        if let Some(other) = each
            .keys()
            .find(|number| !numbers.contains(&Some(**number)))
        {
            return Err(Failure::usage(format!(
                "--from names partition {other}, which is none of several that are followed: give a sequence such as 12"
            )));
        }
        let found = numbers.iter().map(|number| each.get(&(*number)?).copied());
        Ok(found.collect())
    }

    /// As it is written for sequences of these parts.
    pub(crate) fn shown(parts: &Parts, next: &[u64]) -> String {
        let pairs = parts.all().iter().zip(next);
        let words = pairs.map(|(part, next)| match part.shown() {
            Some(number) => format!("{number}:{next}"),
            None => next.to_string(),
        });
        words.collect::<Vec<_>>().join(",")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn several(number: u32) -> Parts {
        Parts((0..number).map(Part::one_of_several).collect())
    }

    #[test]
    fn a_tail_of_several_partitions_begins_where_one_before_it_ended() {
        let parts = several(3);
        let text = Start::shown(&parts, &[12, 0, 7]);
        assert_eq!(text, "0:12,1:0,2:7");
        let start = Start::parse(&text).expect("a start");
        assert_eq!(start.of(&parts), Ok(vec![Some(12), Some(0), Some(7)]));
        // What is not named begins as without it.
        let start = Start::parse("1:5").expect("a start");
        assert_eq!(start.of(&parts), Ok(vec![None, Some(5), None]));
        assert_eq!(Start::shown(&Parts::whole(), &[12]), "12");
        assert_eq!(Start::parse("12"), Ok(Start::At(12)));
    }

    #[test]
    fn a_sequence_is_of_one_partition() {
        assert_eq!(Start::At(0).of(&several(2)), Ok(vec![Some(0); 2]));
        assert!(Start::At(1).of(&several(2)).is_err());
        assert_eq!(Start::At(1).of(&Parts::whole()), Ok(vec![Some(1)]));
        for wrong in ["", "a", "1:", ":1", "1:2,", "1:2,1:3", "1:2:3"] {
            let refused = Start::parse(wrong).expect_err(wrong);
            assert!(refused.contains("such as 0:12,1:40"), "{refused}");
        }
        let of_others = Start::parse("2:7").expect("a start");
        for parts in [several(2), Parts::whole()] {
            let refused = of_others.of(&parts).expect_err("no such partition");
            assert!(refused.message.contains("partition 2"), "{refused:?}");
        }
    }

    #[test]
    fn a_read_is_continued_in_its_partition_and_those_after_it() {
        let parts = several(4);
        assert_eq!(parts.options_from(1, 9).join(" "), "--partition 1 --from 9");
        assert!(parts.after(1).contains("partitions 2 to 3"));
        assert_eq!(parts.after(3), "");
        assert_eq!(Parts::whole().options_from(0, 9).join(" "), "--from 9");
        assert_eq!(Parts::whole().after(0), "");
        let number = NonZeroU32::new(4).expect("not 0");
        let expected = partition_of("orders/1", number) as usize;
        assert_eq!(parts.place_of(b"orders/1"), expected);
        assert_eq!(Parts::whole().place_of(b"orders/1"), 0);
    }
}
